"""Drawing a batch: rows of the data set by their indices; and putting down the rows of an answer."""

from __future__ import annotations

from typing import Any

import numpy as np

from koubai.engines.native.kernels.base import (
    INDICES,
    STEP,
    doubles,
    floats,
    inline,
    kernel,
    share,
    words,
)
from koubai.engines.native.kernels.functions import ONE
from koubai.engines.native.kernels.simd import LANES, multiply_add, splat
from koubai.engines.native.kernels.simd_memory import load_bytes, prefetch, store, store_part

# Words that describe inputs: address; 1 where they are bytes, which stand for (byte - shift) / width, else 0;
# shift; width.
SAMPLES, BYTES, SHIFT, WIDTH = range(4)
SAMPLE_WORDS = 4


@inline
def _ahead(data: int, nbytes: int, index: Any, r: int, stop: int) -> None:
    """Ask for the row behind r: rows lie far apart, so that no hardware guesses the next one."""
    if r + 1 < stop:
        for line in range(0, nbytes, 64):
            prefetch(data + nbytes * index[r + 1] + line)


@inline
def _copy(data: int, y: int, width: int, index: Any, start: int, stop: int) -> None:
    for r in range(start, stop):
        _ahead(data, 4 * width, index, r, stop)
        source, target = floats(data + 4 * width * index[r], width), floats(y + 4 * width * r, width)
        for j in range(width):
            target[j] = source[j]


@inline
def _quotient(a: Any, less: Any, inverse: Any) -> Any:
    """a / b as division rounds it, in a third of its time: `less` is -b, `inverse` is 1 / b, rounded.

    After the first step q is one of the two neighbors of a / b, and from there the second one is exact
    (Markstein 1990).
    """
    q = a * inverse
    q = multiply_add(multiply_add(less, q, a), inverse, q)
    return multiply_add(multiply_add(less, q, a), inverse, q)


@inline
def _decode(samples: int, y: int, width: int, index: Any, start: int, stop: int) -> None:
    data, numbers = words(samples, SAMPLE_WORDS)[SAMPLES], doubles(samples, SAMPLE_WORDS)
    span = np.float32(numbers[WIDTH])
    shift, less, inverse = splat(np.float32(numbers[SHIFT])), splat(-span), splat(ONE / span)
    whole, rest = width // LANES, width % LANES
    for r in range(start, stop):
        _ahead(data, width, index, r, stop)
        source, target = data + width * index[r], y + 4 * width * r
        for j in range(whole):
            codes = load_bytes(source + LANES * j, LANES)
            store(target + 4 * LANES * j, _quotient(codes - shift, less, inverse))
        if rest:
            codes = load_bytes(source + LANES * whole, rest)
            store_part(target + 4 * LANES * whole, _quotient(codes - shift, less, inverse), rest)


@kernel
def draw_inputs(args: int, thread: int, team: int) -> None:
    """Rows of inputs as float32 numbers: (words that describe them, y, features, rows, control)."""
    a = words(args, 5)
    index = words(words(a[4], INDICES + 1)[INDICES], a[3])
    start, count = share(a[3], 1, thread, team)
    samples = words(a[0], SAMPLE_WORDS)
    if samples[BYTES]:
        _decode(a[0], a[1], a[2], index, start, start + count)
    else:
        _copy(samples[SAMPLES], a[1], a[2], index, start, start + count)


@kernel
def draw_values(args: int, thread: int, team: int) -> None:
    """Rows of target values: (data, t, words a row, rows, control)."""
    a = words(args, 5)
    index = words(words(a[4], INDICES + 1)[INDICES], a[3])
    start, count = share(a[3], 1, thread, team)
    _copy(a[0], a[1], a[2], index, start, start + count)


@kernel
def draw_labels(args: int, thread: int, team: int) -> None:
    """Class labels: (labels, t, rows, control)."""
    a = words(args, 4)
    index = words(words(a[3], INDICES + 1)[INDICES], a[2])
    t = words(a[1], a[2])
    if thread == 0:
        for r in range(a[2]):
            t[r] = words(a[0] + 8 * index[r], 1)[0]


@kernel
def put_outputs(args: int, thread: int, team: int) -> None:
    """Append the outputs of step s: (y, address of the address of all, outputs a row, rows, control)."""
    a = words(args, 5)
    first, count = share(a[2] * a[3], 16, thread, team)
    at = words(a[1], 1)[0] + 4 * (words(a[4], STEP + 1)[STEP] * a[2] * a[3] + first)
    y, out = floats(a[0] + 4 * first, count), floats(at, count)
    for i in range(count):
        out[i] = y[i]
