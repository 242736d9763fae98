"""Padding with the picture's own values: which place of the input each padded place shows."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from koubai.core.errors import ShapeError
from koubai.core.params import Array, Shape
from koubai.core.random import indices, key

PaddingMode = Literal["zeros", "reflect", "replicate", "random"]
PADDING_MODES: tuple[PaddingMode, ...] = get_args(PaddingMode)


def padded_shape(space: Shape, padding: tuple[int, ...]) -> Shape:
    """(H, W) -> (H + 2 p, W + 2 q)."""
    return tuple(n + 2 * p for n, p in zip(space, padding, strict=True))


def places(space: Shape, padding: tuple[int, ...], mode: str, stream: int | None) -> Array:
    """The number of the input's place that each place of the padded picture shows, in C order: (padded S,).

    | mode      | a place outside shows                                                          |
    |-----------|--------------------------------------------------------------------------------|
    | reflect   | the place as far inside the edge as it lies outside; the edge itself once      |
    | replicate | the nearest place of the edge                                                  |
    | random    | some place, drawn from the stream: the same one in all samples and channels;   |
    |           | -1 where no stream is given                                                    |

    >>> places((4,), (2,), "reflect", 0), places((4,), (2,), "replicate", 0)
    (array([2, 1, 0, 1, 2, 3, 2, 1]), array([0, 0, 0, 1, 2, 3, 3, 3]))
    """
    inner = np.arange(np.prod(space, dtype=np.int64)).reshape(space)
    around = [(p, p) for p in padding]
    if mode == "reflect":
        return np.pad(inner, around, mode="reflect").ravel()
    if mode == "replicate":
        return np.pad(inner, around, mode="edge").ravel()
    shown = np.pad(inner, around, constant_values=-1).ravel()
    if stream is None:
        return shown
    return np.where(shown < 0, indices(stream, 0, shown.size, inner.size), shown)


def stream_of(seed: int, path: str, step: int, training: bool) -> int:
    """The stream of a layer's random padding: new for each step of training, always the same at test time."""
    return key(seed, "padding", path, step) if training else key(0, "padding", path)


def pad(x: Array, shown: Array, padding: tuple[int, ...]) -> Array:
    """x (N, C, S) -> (N, C, padded S)."""
    N, C, *space = x.shape
    flat = x.reshape(N, C, int(np.prod(space)))
    return flat[:, :, shown].reshape(N, C, *padded_shape(tuple(space), padding))


def pad_backward(dy: Array, shown: Array, space: Shape) -> Array:
    """dy (N, C, padded S) -> dx (N, C, S): every place gets the sum over where it was shown."""
    N, C = dy.shape[:2]
    dx = np.zeros((int(np.prod(space)), N * C), dy.dtype)
    np.add.at(dx, shown, dy.reshape(N * C, len(shown)).T)
    return np.ascontiguousarray(dx.T).reshape(N, C, *space)


def check_reflection(space: Shape, padding: tuple[int, ...]) -> None:
    """Raise ShapeError where a reflection would need places that the input does not have."""
    for n, p in zip(space, padding, strict=True):
        if p >= n:
            raise ShapeError("padding_reflects_more_than_there_is", most=n - 1, size=n, got=p)
