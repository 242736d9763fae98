"""Hostile arrays: shapes, types and layouts that somebody may hand over, and what numbers they mean.

    NUMBA_BOUNDSCHECK=1 NUMBA_CACHE_DIR=$(mktemp -d) python tests/hostile/arrays.py 100000

calls every public function that takes arrays so often, with compiled code that checks every index, and prints
how many calls were answered, how many refused, and every call that was neither right nor a koubai error.
`NUMBA_CACHE_DIR` keeps that machine code apart from the usual one.
"""

from __future__ import annotations

import warnings

import numpy as np

KINDS = ["f4", "f8", "f2", ">f4", ">f8", "i1", "i8", ">i4", "u1", "u8", "?"]
NOT_NUMBERS = ["c8", "O", "U3", "S2", "M8[s]", "m8[ms]", "V4"]
EXTREMES = (np.nan, np.inf, -np.inf, 1e300, -1e39, 1e-320, 3.4e38, -0.0)


def shape_near(random, shape):
    """A batch of `shape`, in half of the cases; else something near it."""
    whole = [int(random.integers(0, 5)), *shape]
    match random.integers(12):
        case 0:
            whole = whole[1:]
        case 1:
            whole.append(int(random.integers(0, 3)))
        case 2:
            at = random.integers(len(whole))
            whole[at] = int(random.integers(0, 7))
        case 3:
            whole = whole[::-1]
        case 4:
            whole = [whole[0], int(np.prod(shape))]
        case 5:
            whole = [int(np.prod(whole))]
        case 6 if random.random() < 0.2:
            whole = []
    return tuple(whole)


def numbers(random, shape, low=-4, high=4):
    """Numbers of a type, some of them extreme."""
    kind = np.dtype(str(random.choice(KINDS)))
    values = random.uniform(low, high, shape)
    if kind.kind == "u":
        values = np.abs(values)
    if kind.kind == "f" and values.size and random.random() < 0.2:
        with np.errstate(all="ignore"):
            values.flat[random.integers(values.size)] = random.choice(EXTREMES)
            return values.astype(kind)
    return values.astype(kind)


def _in_wider_rows(array):
    wide = np.zeros((*array.shape[:-1], array.shape[-1] + 3), array.dtype)
    wide[..., 1:-2] = array
    return wide[..., 1:-2]


def _read_only(array):
    locked = array.copy()
    locked.setflags(write=False)
    return locked


def _at_odd_addresses(array):
    odd = np.zeros(array.nbytes + 1, np.uint8)[1:].view(array.dtype).reshape(array.shape)
    odd[...] = array
    return odd


LAYOUTS = (
    lambda array: array,
    np.asfortranarray,
    lambda array: np.repeat(array, 2, axis=0)[::2],
    lambda array: np.flip(np.flip(array).copy()),
    lambda array: np.broadcast_to(array[:1], array.shape) if len(array) else array,  # every row is the first
    np.ndarray.tolist,
    _in_wider_rows,
    _read_only,
    _at_odd_addresses,
)


def laid_out(random, array):
    """The same numbers lying otherwise in memory."""
    return LAYOUTS[random.integers(len(LAYOUTS))](array) if array.ndim else array


def no_numbers(random, shape):
    """What no array of real numbers can be made of."""
    match random.integers(6):
        case 0:
            return None
        case 1:
            return [[1, 2], [3]]
        case 2:
            return object()
        case 3:
            return np.ma.masked_invalid(np.full((2, *shape), np.nan))
        case _:
            kind = str(random.choice(NOT_NUMBERS))
            return np.zeros(shape_near(random, shape), kind)


def hostile(random, shape, low=-4, high=4):
    """Something to hand over where an array (n, *shape) is asked for."""
    if random.random() < 0.1:
        return no_numbers(random, shape)
    return laid_out(random, numbers(random, shape_near(random, shape), low, high))


def numbers_meant(x):
    """The real numbers that were meant, as an array of its own, or None."""
    if np.ma.is_masked(x):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            array = np.array(x)
    except (TypeError, ValueError):
        return None
    return np.ascontiguousarray(array).reshape(array.shape) if array.dtype.kind in "biuf" else None


def meant(x, shape):
    """The batch (n, *shape) in float32 that was meant, or None where there is none."""
    array = numbers_meant(x)
    if array is None or array.ndim == 0 or array.shape[1:] != shape:
        return None
    with np.errstate(all="ignore"):
        narrow = array.astype(np.float32)
    return narrow if (np.isfinite(narrow) == np.isfinite(array)).all() else None


if __name__ == "__main__":
    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).parents[1]))
    from hostile.calls import report

    sys.exit(report(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0))
