"""The verbs: all that a layer may ask of an engine.

A lowering is written once, against this vocabulary; an engine implements it once. The adjoint of a verb
is the engine's business, so a layer lowers its forward formula only. A handle stands for a tensor of the
engine: it has a `shape` without the batch axis. Memory layout, reorders, fusion and buffers never appear.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from koubai.core.layer import Layer
from koubai.core.params import Shape


class Handle(Protocol):
    """A tensor inside an engine; `shape` is without the batch axis."""

    @property
    def shape(self) -> Shape:
        """Logical shape without the batch axis."""
        ...


class Builder(Protocol):
    """What an engine offers to a layer's lowering. N batch, C channels, S space (one or two axes)."""

    def param(self, name: str) -> Handle:
        """Return the current layer's parameter."""
        ...

    def buffer(self, name: str) -> Handle:
        """Return the current layer's buffer."""
        ...

    def child(self, name: str, x: Handle) -> Handle:
        """Lower the current layer's child `name` on x."""
        ...

    def linear(self, x: Handle, weight: Handle, bias: Handle | None) -> Handle:
        """y = x W + b; x (N, F), W (F, G), b (G)."""
        ...

    def convolve(
        self,
        x: Handle,
        weight: Handle,
        bias: Handle | None,
        *,
        stride: Sequence[int],
        padding: Sequence[int],
        dilation: Sequence[int],
        groups: int,
    ) -> Handle:
        """Cross-correlation; x (N, C, S), W (M, C / groups, K)."""
        ...

    def convolve_transposed(
        self,
        x: Handle,
        weight: Handle,
        bias: Handle | None,
        *,
        stride: Sequence[int],
        padding: Sequence[int],
        output_padding: Sequence[int],
        dilation: Sequence[int],
        groups: int,
    ) -> Handle:
        """The adjoint of `convolve`, and a bias; x (N, C, S), W (C, M / groups, K)."""
        ...

    def pad(self, x: Handle, padding: Sequence[int], mode: str) -> Handle:
        """Places of x around x; mode 'reflect', 'replicate' or 'random' (koubai.layers.padding)."""
        ...

    def pool(
        self, x: Handle, kind: str, *, size: Sequence[int], stride: Sequence[int], padding: Sequence[int]
    ) -> Handle:
        """Pooling of windows; kind 'max' or 'average' (padding counts as zeros in the average)."""
        ...

    def batch_norm(
        self,
        x: Handle,
        gamma: Handle | None,
        beta: Handle | None,
        mean: Handle,
        variance: Handle,
        *,
        momentum: float,
        epsilon: float,
    ) -> Handle:
        """Normalize every channel (axis 1) over the batch; `mean`, `variance` are running buffers.

        The running variance is unbiased, and a batch with one value per channel leaves both as they are
        (koubai.layers.batch_norm).
        """
        ...

    def layer_norm(self, x: Handle, gamma: Handle, beta: Handle, *, epsilon: float) -> Handle:
        """Normalize every sample over all its features."""
        ...

    def group_norm(self, x: Handle, gamma: Handle, beta: Handle, *, groups: int, epsilon: float) -> Handle:
        """Normalize every group of channels of every sample; gamma, beta (C,)."""
        ...

    def local_response(self, x: Handle, *, size: int, k: float, alpha: float, beta: float) -> Handle:
        """b = a / (k + alpha sum a^2)^beta over `size` neighboring channels."""
        ...

    def pointwise(self, x: Handle, function: str, **constants: float) -> Handle:
        """Apply an activation element by element; `function` is its registry name."""
        ...

    def prelu(self, x: Handle, slope: Handle) -> Handle:
        """x where x > 0, else slope x; slope (C,) or (1,)."""
        ...

    def softmax(self, x: Handle) -> Handle:
        """Softmax over the last axis."""
        ...

    def dropout(self, x: Handle, ratio: float) -> Handle:
        """Inverted dropout with the mask of koubai.core.random.keep_mask; identity when predicting."""
        ...

    def reshape(self, x: Handle, shape: Shape) -> Handle:
        """The same elements in C order under another shape."""
        ...

    def mean_over_space(self, x: Handle) -> Handle:
        """Global average pooling: (N, C, S) to (N, C)."""
        ...

    def add(self, x: Handle, y: Handle) -> Handle:
        """Elementwise sum."""
        ...

    def concatenate(self, xs: Sequence[Handle]) -> Handle:
        """Join along axis 1 (channels or features)."""
        ...


def lower_child(build: Builder, layer: Layer, x: Handle) -> Handle:
    """Lower every child in order: the lowering of a chain."""
    for name in layer.children():
        x = build.child(name, x)
    return x
