"""A network as the torch.nn.Module one would have written, with its weights under PyTorch's names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from koubai import layers
from koubai.core.errors import EngineError
from koubai.core.layer import Cell
from koubai.core.params import Array
from koubai.exchange import torch_modules as ours
from koubai.layers.convolution import Convolution
from koubai.models.model import Model
from koubai.network.network import Network, Weights
from koubai.words.phrase import phrase

PLAIN: dict[type, type[nn.Module]] = {
    layers.Identity: nn.Identity,
    layers.Sigmoid: nn.Sigmoid,
    layers.Tanh: nn.Tanh,
    layers.ReLU: nn.ReLU,
    layers.SELU: nn.SELU,
    layers.GELU: nn.GELU,
    layers.SiLU: nn.SiLU,
    layers.Mish: nn.Mish,
    layers.Softplus: nn.Softplus,
    layers.Flatten: nn.Flatten,
    layers.Step: ours.Step,
    layers.Exponential: ours.Exponential,
    layers.GlobalAveragePool: ours.GlobalAveragePool,
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
            turned = array.T if isinstance(layer, layers.Linear) and name == "weight" else array
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


def _batch_norm(layer: layers.BatchNorm, cell: Cell) -> nn.Module:
    kind = (nn.BatchNorm1d, nn.BatchNorm1d, nn.BatchNorm2d)[len(cell.in_shape) - 1]
    return kind(cell.in_shape[0], layer.epsilon, round(1 - layer.momentum, 12), affine=layer.trainable)


def _instance_norm(layer: layers.InstanceNorm, cell: Cell) -> nn.Module:
    C, rank = cell.in_shape[0], len(cell.in_shape) - 1
    if rank == 0:
        return nn.GroupNorm(C, C, layer.epsilon)
    return (nn.InstanceNorm1d if rank == 1 else nn.InstanceNorm2d)(C, layer.epsilon, affine=True)


def _local_response(layer: layers.LocalResponseNorm, cell: Cell) -> nn.Module:
    return nn.LocalResponseNorm(layer.size, layer.alpha * layer.size, layer.beta, layer.k)


def _residual(layer: layers.Residual, cell: Cell) -> nn.Module:
    return ours.Residual(**{name: _module(child) for name, child in cell.children.items()})


_MADE: dict[type, Callable[[Any, Cell], nn.Module]] = {
    layers.Sequential: lambda layer, cell: nn.Sequential(*map(_module, cell.children.values())),
    layers.Residual: _residual,
    layers.Concatenate: lambda layer, cell: ours.Concatenate(map(_module, cell.children.values())),
    layers.Linear: lambda layer, cell: nn.Linear(cell.in_shape[0], layer.out_features, layer.bias),
    layers.Conv1d: _convolution,
    layers.Conv2d: _convolution,
    layers.DepthwiseConv2d: lambda layer, cell: _convolution(layer.on(cell.in_shape[0]), cell),
    layers.ConvTranspose1d: _transposed,
    layers.ConvTranspose2d: _transposed,
    layers.MaxPool1d: _pooling(nn.MaxPool1d),
    layers.MaxPool2d: _pooling(nn.MaxPool2d),
    layers.AveragePool1d: _pooling(nn.AvgPool1d),
    layers.AveragePool2d: _pooling(nn.AvgPool2d),
    layers.BatchNorm: _batch_norm,
    layers.LayerNorm: lambda layer, cell: nn.LayerNorm(cell.in_shape, layer.epsilon),
    layers.GroupNorm: lambda layer, cell: nn.GroupNorm(layer.groups, cell.in_shape[0], layer.epsilon),
    layers.InstanceNorm: _instance_norm,
    layers.LocalResponseNorm: _local_response,
    layers.LeakyReLU: lambda layer, cell: nn.LeakyReLU(layer.slope),
    layers.ELU: lambda layer, cell: nn.ELU(layer.alpha),
    layers.PReLU: lambda layer, cell: nn.PReLU(1 if layer.shared else cell.in_shape[0]),
    layers.Softmax: lambda layer, cell: nn.Softmax(-1),
    layers.Dropout: lambda layer, cell: nn.Dropout(layer.ratio),
}


def as_array(tensor: torch.Tensor) -> Array:
    """Return a copy of a tensor as an array."""
    return tensor.detach().cpu().numpy().copy()
