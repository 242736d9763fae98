"""Closeness as a model of rounding, never as a number that happened to pass.

A sum of n rounded terms of size s is off by about eps s sqrt(n): rounding errors add up like a random walk.
So two computations of one value agree within

    |got - expected| <= CAREFUL eps sqrt(terms) (|expected| + scale)

where eps is that of the narrower dtype and `scale` the size of the terms (the mean of |expected| unless
given: a sum that cancels to 0 still carries the rounding of its terms).
"""

from math import sqrt

import numpy as np

CAREFUL = 8


def assert_close(got, expected, *, terms=1, scale=None, name="value", eps=None):
    got, expected = np.asarray(got), np.asarray(expected)
    assert got.shape == expected.shape, f"{name}: shape {got.shape}, expected {expected.shape}"
    if got.size == 0:
        return
    if eps is None:
        eps = max(float(np.finfo(a.dtype).eps) for a in (got, expected) if a.dtype.kind == "f")
    wide, reference = got.astype(np.float64), expected.astype(np.float64)
    size = np.abs(reference)
    bound = CAREFUL * eps * sqrt(terms) * (size + (float(size.mean()) if scale is None else scale))
    same = (wide == reference) | (np.isnan(wide) & np.isnan(reference))
    bad = ~(same | (np.abs(wide - reference) <= bound))
    if bad.any():
        bound = np.broadcast_to(bound, bad.shape)
        off = np.where(bad, np.nan_to_num(np.abs(wide - reference), nan=np.inf), 0)
        at = np.unravel_index(np.argmax(off), bad.shape)
        raise AssertionError(
            f"{name}{list(map(int, at))}: got {got[at]!r}, expected {expected[at]!r}, "
            f"difference {off[at]:.3g}, allowed {bound[at]:.3g}; {int(bad.sum())} of {bad.size} are off"
        )
