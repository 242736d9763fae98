"""The verbs in PyTorch: each is one function whose adjoint is PyTorch's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from koubai.core.layer import LAYERS, wire
from koubai.core.params import Shape
from koubai.core.random import key
from koubai.engines.torch.draws import drawn, halves, keep
from koubai.engines.torch.formula import run_formula
from koubai.engines.torch.ranks import SumOverRanks
from koubai.layers.padding import padded_shape, places

if TYPE_CHECKING:
    from koubai.engines.torch.module import CellModule

_POINTWISE: dict[str, Callable[..., torch.Tensor]] = {
    "identity": lambda x: x,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "exponential": torch.exp,
    "relu": torch.relu,
    "leaky_relu": lambda x, slope: functional.leaky_relu(x, negative_slope=slope),
    "elu": functional.elu,
    "selu": functional.selu,
    "gelu": functional.gelu,
    "silu": functional.silu,
    "mish": functional.mish,
    "softplus": lambda x: torch.logaddexp(x, x.new_zeros(())),
}

_POOLS: dict[tuple[str, int], Callable[..., torch.Tensor]] = {
    ("max", 1): functional.max_pool1d,
    ("max", 2): functional.max_pool2d,
    ("average", 1): functional.avg_pool1d,
    ("average", 2): functional.avg_pool2d,
}


@dataclass(frozen=True)
class TensorHandle:
    """A tensor with the shape a layer knows it by: without the batch axis if it has one."""

    tensor: torch.Tensor
    shape: Shape


def data(x: torch.Tensor) -> TensorHandle:
    """Return the handle of a batch (N, ...)."""
    return TensorHandle(x, tuple(x.shape[1:]))


class TorchBuilder:
    """Runs a layer's lowering on tensors. Letters: N batch, C channels, S space (one or two axes)."""

    def __init__(self, module: CellModule) -> None:
        self._module = module

    def param(self, name: str) -> TensorHandle:
        """Return the current layer's parameter."""
        w = self._module.get_parameter(name)
        return TensorHandle(w, tuple(w.shape))

    def buffer(self, name: str) -> TensorHandle:
        """Return the current layer's buffer."""
        w = self._module.get_buffer(name)
        return TensorHandle(w, tuple(w.shape))

    def child(self, name: str, x: TensorHandle) -> TensorHandle:
        """Run the current layer's child `name` on x."""
        return data(self._module.get_submodule(name)(x.tensor))

    def linear(self, x: TensorHandle, weight: TensorHandle, bias: TensorHandle | None) -> TensorHandle:
        """Y = x W + b."""
        return data(functional.linear(x.tensor, weight.tensor.T, bias.tensor if bias else None))

    def convolve(
        self,
        x: TensorHandle,
        weight: TensorHandle,
        bias: TensorHandle | None,
        *,
        stride: Sequence[int],
        padding: Sequence[int],
        dilation: Sequence[int],
        groups: int,
    ) -> TensorHandle:
        """Cross-correlation; the weight's axes tell whether space has one or two."""
        convolve: Callable[..., torch.Tensor] = functional.conv1d if len(stride) == 1 else functional.conv2d
        b = bias.tensor if bias else None
        return data(
            convolve(x.tensor, weight.tensor, b, tuple(stride), tuple(padding), tuple(dilation), groups)
        )

    def convolve_transposed(
        self,
        x: TensorHandle,
        weight: TensorHandle,
        bias: TensorHandle | None,
        *,
        stride: Sequence[int],
        padding: Sequence[int],
        output_padding: Sequence[int],
        dilation: Sequence[int],
        groups: int,
    ) -> TensorHandle:
        """PyTorch has the groups before the dilation here."""
        convolve: Any = functional.conv_transpose1d if len(stride) == 1 else functional.conv_transpose2d
        numbers = (tuple(stride), tuple(padding), tuple(output_padding), groups, tuple(dilation))
        return data(convolve(x.tensor, weight.tensor, bias.tensor if bias else None, *numbers))

    def pad(self, x: TensorHandle, padding: Sequence[int], mode: str) -> TensorHandle:
        """The places that the formula shows."""
        space, around, module = x.shape[1:], tuple(padding), self._module
        shown, device = module.shown, x.tensor.device
        if shown is None or shown.device != device:
            edge = torch.from_numpy(places(space, around, mode, None)).to(device)
            shown = module.shown = edge
        if mode == "random":
            names = ("padding", module.cell.path)
            stream = module.moment.key(*names) if module.training else halves(key(0, *names))
            shown = torch.where(shown < 0, drawn(stream, shown.numel(), prod(space), device), shown)
        return data(x.tensor.flatten(2)[:, :, shown].unflatten(2, padded_shape(space, around)))

    def pool(
        self,
        x: TensorHandle,
        kind: str,
        *,
        size: Sequence[int],
        stride: Sequence[int],
        padding: Sequence[int],
    ) -> TensorHandle:
        """Pooling; padding counts as zeros in the average and never wins the maximum."""
        pool = _POOLS[kind, len(size)]
        return data(pool(x.tensor, tuple(size), tuple(stride), tuple(padding)))

    def batch_norm(
        self,
        x: TensorHandle,
        gamma: TensorHandle | None,
        beta: TensorHandle | None,
        mean: TensorHandle,
        variance: TensorHandle,
        *,
        momentum: float,
        epsilon: float,
    ) -> TensorHandle:
        """Normalize over the batch; PyTorch's momentum is the share of the new, ours that of the old."""
        tensor, training, running_mean = x.tensor, self._module.training, mean.tensor
        g, b = (p.tensor if p else None for p in (gamma, beta))
        if training and self._module.moment.ranks.size > 1:
            return data(self._norm_over_ranks(tensor, g, b, mean.tensor, variance.tensor, momentum, epsilon))
        if training and tensor.numel() // max(tensor.shape[1], 1) < 2:
            # PyTorch refuses one value per channel; by the formula x_hat is 0 and the running values stay.
            tensor, training, running_mean = tensor * 0, False, torch.zeros_like(running_mean)
        y = functional.batch_norm(
            tensor, running_mean, variance.tensor, g, b, training, 1 - momentum, epsilon
        )
        return data(y)

    def _norm_over_ranks(
        self,
        x: torch.Tensor,
        gamma: torch.Tensor | None,
        beta: torch.Tensor | None,
        running_mean: torch.Tensor,
        running_variance: torch.Tensor,
        momentum: float,
        epsilon: float,
    ) -> torch.Tensor:
        """Batch norm by the statistics of all ranks' rows; summed in float64, as the formula does."""
        moment, axes = self._module.moment, (0, *range(2, x.ndim))
        m = moment.batch * prod(x.shape[2:])

        def mean_of(values: torch.Tensor) -> torch.Tensor:
            total: torch.Tensor = SumOverRanks.apply(values.sum(axes, dtype=torch.float64), moment.ranks)
            return (total / m).to(running_mean.dtype)

        def beside(channels: torch.Tensor) -> torch.Tensor:
            return channels.reshape(-1, *(1,) * (x.ndim - 2))

        mean = mean_of(x)
        centered = x.to(mean.dtype) - beside(mean)
        variance = mean_of(centered.square())
        with torch.no_grad():
            running_mean.lerp_(mean, 1 - momentum)
            running_variance.lerp_(variance * (m / (m - 1)), 1 - momentum)
        y = centered * beside(torch.rsqrt(variance + epsilon))
        if gamma is not None and beta is not None:
            y = y * beside(gamma) + beside(beta)
        return y.to(x.dtype)

    def layer_norm(
        self, x: TensorHandle, gamma: TensorHandle, beta: TensorHandle, *, epsilon: float
    ) -> TensorHandle:
        """Normalize every sample over all its features."""
        return data(functional.layer_norm(x.tensor, x.shape, gamma.tensor, beta.tensor, epsilon))

    def group_norm(
        self, x: TensorHandle, gamma: TensorHandle, beta: TensorHandle, *, groups: int, epsilon: float
    ) -> TensorHandle:
        """Normalize every group of channels of every sample."""
        tensor = x.tensor
        if prod(x.shape) == groups:  # one value a group, which PyTorch refuses: x_hat is 0
            return data((gamma.tensor * (tensor - tensor).flatten(1) + beta.tensor).reshape(tensor.shape))
        return data(functional.group_norm(tensor, groups, gamma.tensor, beta.tensor, epsilon))

    def local_response(
        self, x: TensorHandle, *, size: int, k: float, alpha: float, beta: float
    ) -> TensorHandle:
        """PyTorch divides alpha by the size."""
        return data(functional.local_response_norm(x.tensor, size, alpha * size, beta, k))

    def pointwise(self, x: TensorHandle, function: str, **constants: float) -> TensorHandle:
        """An activation; one that PyTorch lacks runs its reference formula."""
        if function in _POINTWISE:
            return data(_POINTWISE[function](x.tensor, **constants))
        self._module.moment.on_host = True
        cell = wire(LAYERS[function](**constants), "", x.shape)
        return data(run_formula(cell, x.tensor, {}))

    def prelu(self, x: TensorHandle, slope: TensorHandle) -> TensorHandle:
        """A leaky ReLU with slopes that are learned."""
        return data(functional.prelu(x.tensor, slope.tensor))

    def softmax(self, x: TensorHandle) -> TensorHandle:
        """Softmax over the last axis."""
        return data(torch.softmax(x.tensor, -1))

    def dropout(self, x: TensorHandle, ratio: float) -> TensorHandle:
        """Inverted dropout with the reference's mask, bit for bit."""
        if not self._module.training:
            return x
        moment = self._module.moment
        stream = moment.key("dropout", self._module.cell.path)
        start = moment.ranks.rows(moment.batch).start * prod(x.shape)
        mask = keep(stream, tuple(x.tensor.shape), ratio, start, x.tensor.device)
        return data(x.tensor * (mask.to(x.tensor.dtype) / (1 - ratio)))

    def reshape(self, x: TensorHandle, shape: Shape) -> TensorHandle:
        """The same elements in C order."""
        return data(x.tensor.reshape(len(x.tensor), *shape))

    def mean_over_space(self, x: TensorHandle) -> TensorHandle:
        """Global average pooling."""
        return data(x.tensor.flatten(2).mean(2))

    def add(self, x: TensorHandle, y: TensorHandle) -> TensorHandle:
        """Elementwise sum."""
        return data(x.tensor + y.tensor)

    def concatenate(self, xs: Sequence[TensorHandle]) -> TensorHandle:
        """Join along axis 1."""
        return data(torch.cat([x.tensor for x in xs], 1))
