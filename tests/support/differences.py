"""Central differences: the slow definition of a gradient."""

import numpy as np

from support.close import assert_close

STEP = float(np.finfo(np.float64).eps ** (1 / 3))  # balances truncation h^2 against rounding eps / h


def central_differences(f, x):
    """Return df/dx for a scalar function of one float64 array, which is changed in place and restored."""
    gradient = np.empty_like(x)
    for index in np.ndindex(*x.shape):
        old = x[index]
        x[index] = old + STEP
        above = f()
        x[index] = old - STEP
        gradient[index] = (above - f()) / (2 * STEP)
        x[index] = old
    return gradient


def assert_gradient(f, x, gradient, *, scale, name):
    """Compare `gradient` with the central differences of f over x.

    The truncation error is about STEP^2 and the rounding error about eps / STEP = STEP^2, both times the
    size of f (`scale`, the sum of the absolute terms of f) and its derivatives.
    """
    assert gradient.dtype == np.float64
    assert_close(gradient, central_differences(f, x), eps=STEP**2, scale=1 + scale, name=name)
