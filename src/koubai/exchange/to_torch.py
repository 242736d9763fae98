"""A network as the torch.nn.Module one would have written, with its weights under PyTorch's names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from koubai.core.errors import EngineError
from koubai.core.layer import Cell
from koubai.core.params import Array
from koubai.exchange import torch_modules as ours
from koubai.layers import (
    ELU,
    GELU,
    SELU,
    AveragePool1d,
    AveragePool2d,
    BatchNorm,
    Concatenate,
    Conv1d,
    Conv2d,
    ConvTranspose1d,
    ConvTranspose2d,
    DepthwiseConv2d,
    Dropout,
    Exponential,
    Flatten,
    GlobalAveragePool,
    GroupNorm,
    Identity,
    InstanceNorm,
    LayerNorm,
    LeakyReLU,
    Linear,
    LocalResponseNorm,
    MaxPool1d,
    MaxPool2d,
    Mish,
    PReLU,
    ReLU,
    Residual,
    Sequential,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Step,
    Tanh,
)  # fmt: skip
from koubai.layers.convolution import Convolution
from koubai.models.model import Model
from koubai.network.network import Network, Weights
from koubai.words.phrase import phrase

PLAIN: dict[type, type[nn.Module]] = {
    Identity: nn.Identity,
    Sigmoid: nn.Sigmoid,
    Tanh: nn.Tanh,
    ReLU: nn.ReLU,
    SELU: nn.SELU,
    GELU: nn.GELU,
    SiLU: nn.SiLU,
    Mish: nn.Mish,
    Softplus: nn.Softplus,
    Flatten: nn.Flatten,
    Step: ours.Step,
    Exponential: ours.Exponential,
    GlobalAveragePool: ours.GlobalAveragePool,
}
NAMES = {
    "gamma": "weight",
    "beta": "bias",
    "slope": "weight",
    "running_variance": "running_var",
}  # ours -> theirs
_MODES = {"zeros": "zeros", "reflect": "reflect", "replicate": "replicate", "random": "zeros"}


def to_torch(network: Network, weights: Weights) -> nn.Module:
    """Return the network as a module in evaluation mode, with copies of its weights.

    Chains are nn.Sequential and layers PyTorch's own, so the state dict reads as in PyTorch: `1.weight` of a
    Linear is (outputs, inputs). It takes inputs as the network does, prepared.

    Raises:
        EngineError: a layer that PyTorch does not have.
    """
    return _module(network.bind(weights)).train(False)


def _module(cell: Cell) -> nn.Module:
    layer = cell.layer.tree if isinstance(cell.layer, Model) else cell.layer
    made = _made(layer, cell)
    arrays = {**cell.params, **cell.buffers}
    if arrays:
        target = made.convolution if isinstance(made, ours.RandomlyPadded) else made
        held = target.state_dict()
        for name, array in arrays.items():
            turned = array.T if isinstance(layer, Linear) and name == "weight" else array
            held[NAMES.get(name, name)] = torch.from_numpy(turned.copy())
        target.load_state_dict(held, assign=True)
    return made


def _made(layer: Any, cell: Cell) -> nn.Module:
    """Return the module of a layer; its own arrays are set by the caller."""
    if type(layer) in PLAIN:
        return PLAIN[type(layer)]()
    if type(layer) not in _MADE:
        name = type(layer).__name__
        raise EngineError("torch_has_no_such_layer", where=phrase("place.layer", path=cell.path, kind=name))
    return _MADE[type(layer)](layer, cell)


def _convolution(layer: Convolution, cell: Cell) -> nn.Module:
    kind: Any = nn.Conv1d if layer.rank == 1 else nn.Conv2d
    w, random = layer.window, layer.shows_itself and layer.padding_mode == "random"
    made = kind(
        cell.in_shape[0],
        layer.out_channels,
        w.kernel,
        w.stride,
        (0,) * layer.rank if random else w.padding,
        w.dilation,
        layer.groups,
        layer.bias,
        _MODES[layer.padding_mode],
    )
    return ours.RandomlyPadded(made, w.padding, cell.path) if random else made


def _transposed(layer: Any, cell: Cell) -> nn.Module:
    kind: Any = nn.ConvTranspose1d if layer.rank == 1 else nn.ConvTranspose2d
    w, numbers = layer.window, (layer.output_padding, layer.groups, layer.bias)
    return kind(cell.in_shape[0], layer.out_channels, w.kernel, w.stride, w.padding, *numbers, w.dilation)


def _pooling(kind: Any) -> Callable[[Any, Cell], nn.Module]:
    def made(layer: Any, cell: Cell) -> nn.Module:
        w = layer.window  # numbers that are equal become one, as one writes it
        return kind(*(part[0] if len({*part}) == 1 else part for part in (w.kernel, w.stride, w.padding)))

    return made


def _batch_norm(layer: BatchNorm, cell: Cell) -> nn.Module:
    kind = (nn.BatchNorm1d, nn.BatchNorm1d, nn.BatchNorm2d)[len(cell.in_shape) - 1]
    return kind(cell.in_shape[0], layer.epsilon, round(1 - layer.momentum, 12), affine=layer.trainable)


def _instance_norm(layer: InstanceNorm, cell: Cell) -> nn.Module:
    C, rank = cell.in_shape[0], len(cell.in_shape) - 1
    if rank == 0:
        return nn.GroupNorm(C, C, layer.epsilon)
    return (nn.InstanceNorm1d if rank == 1 else nn.InstanceNorm2d)(C, layer.epsilon, affine=True)


def _local_response(layer: LocalResponseNorm, cell: Cell) -> nn.Module:
    return nn.LocalResponseNorm(layer.size, layer.alpha * layer.size, layer.beta, layer.k)


def _residual(layer: Residual, cell: Cell) -> nn.Module:
    return ours.Residual(**{name: _module(child) for name, child in cell.children.items()})


_MADE: dict[type, Callable[[Any, Cell], nn.Module]] = {
    Sequential: lambda layer, cell: nn.Sequential(*map(_module, cell.children.values())),
    Residual: _residual,
    Concatenate: lambda layer, cell: ours.Concatenate(map(_module, cell.children.values())),
    Linear: lambda layer, cell: nn.Linear(cell.in_shape[0], layer.out_features, layer.bias),
    Conv1d: _convolution,
    Conv2d: _convolution,
    DepthwiseConv2d: lambda layer, cell: _convolution(layer.on(cell.in_shape[0]), cell),
    ConvTranspose1d: _transposed,
    ConvTranspose2d: _transposed,
    MaxPool1d: _pooling(nn.MaxPool1d),
    MaxPool2d: _pooling(nn.MaxPool2d),
    AveragePool1d: _pooling(nn.AvgPool1d),
    AveragePool2d: _pooling(nn.AvgPool2d),
    BatchNorm: _batch_norm,
    LayerNorm: lambda layer, cell: nn.LayerNorm(cell.in_shape, layer.epsilon),
    GroupNorm: lambda layer, cell: nn.GroupNorm(layer.groups, cell.in_shape[0], layer.epsilon),
    InstanceNorm: _instance_norm,
    LocalResponseNorm: _local_response,
    LeakyReLU: lambda layer, cell: nn.LeakyReLU(layer.slope),
    ELU: lambda layer, cell: nn.ELU(layer.alpha),
    PReLU: lambda layer, cell: nn.PReLU(1 if layer.shared else cell.in_shape[0]),
    Softmax: lambda layer, cell: nn.Softmax(-1),
    Dropout: lambda layer, cell: nn.Dropout(layer.ratio),
}


def as_array(tensor: torch.Tensor) -> Array:
    """Return a copy of a tensor as an array."""
    return tensor.detach().cpu().numpy().copy()
