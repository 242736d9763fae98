"""im2col and its adjoint col2im: a convolution becomes one matrix product."""

from __future__ import annotations

from math import prod

import numpy as np

from koubai.core.params import Array, Shape
from koubai.layers.padding import padded_shape
from koubai.layers.window import Window, per_axis

Size = int | tuple[int, ...]


def _window(rank: int, kernel: Size, stride: Size, padding: Size, dilation: Size) -> Window:
    return Window(*(per_axis(value, rank) for value in (kernel, stride, padding, dilation)))


def im2col(
    x: Array, kernel: Size, *, stride: Size = 1, padding: Size = 0, dilation: Size = 1, fill: float = 0.0
) -> Array:
    """Lay every window of x out as a column.

    | symbol | name                                 | shape                 |
    |--------|--------------------------------------|-----------------------|
    | x      | input, one or two space axes S       | (N, C, S)             |
    | cols   | windows; K elements, P positions     | (N, C K, P)           |

    `fill` is the value of the padding. Raises ShapeError where no window fits.
    Source: Chellapilla, Puri, Simard 2006, "High performance convolutional neural networks", sec. 3.

    >>> im2col(np.arange(5.0).reshape(1, 1, 5), kernel=3)[0]
    array([[0., 1., 2.],
           [1., 2., 3.],
           [2., 3., 4.]])
    """
    N, C, *space = x.shape
    window = _window(len(space), kernel, stride, padding, dilation)
    out = window.out(tuple(space))
    padded = np.pad(x, [(0, 0), (0, 0), *((p, p) for p in window.padding)], constant_values=fill)
    cols = np.empty((N, C, prod(window.kernel), *out), x.dtype)
    for k, at in window.positions(out):
        cols[:, :, k] = padded[:, :, *at]
    return cols.reshape(N, C * prod(window.kernel), prod(out))


def col2im(
    cols: Array, shape: Shape, kernel: Size, *, stride: Size = 1, padding: Size = 0, dilation: Size = 1
) -> Array:
    """Add every column back to where its window lay: the adjoint of im2col (not its inverse).

    `shape` is that of x, (N, C, S). An element that lay in m windows comes back m times, so
    col2im(im2col(x)) = x * multiplicity:

    >>> x = np.array([[[1.0, 10.0, 100.0, 1000.0]]])
    >>> multiplicity = col2im(im2col(np.ones_like(x), 3), x.shape, 3)
    >>> multiplicity
    array([[[1., 2., 2., 1.]]])
    >>> bool((col2im(im2col(x, 3), x.shape, 3) == x * multiplicity).all())
    True
    """
    N, C, *space = shape
    window = _window(len(space), kernel, stride, padding, dilation)
    out = window.out(tuple(space))
    cols = cols.reshape(N, C, prod(window.kernel), *out)
    padded = np.zeros((N, C, *padded_shape(tuple(space), window.padding)), cols.dtype)
    for k, at in window.positions(out):
        padded[:, :, *at] += cols[:, :, k]
    inside = (slice(p, p + n) for n, p in zip(space, window.padding, strict=True))
    return padded[:, :, *inside]
