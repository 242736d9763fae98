"""Networks and optimizers in PyTorch's own words: the one translation that twins and the benchmark share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from koubai.core.layer import Cell
from koubai.core.params import Array
from koubai.layers.batch_norm import BatchNorm
from koubai.layers.convolution import Conv2d
from koubai.layers.dropout import Dropout
from koubai.layers.linear import Linear
from koubai.layers.local_response_norm import LocalResponseNorm
from koubai.layers.max_pool import MaxPool2d
from koubai.layers.residual import Residual
from koubai.network.network import join
from koubai.optim.adagrad import AdaGrad
from koubai.optim.adam import Adam
from koubai.optim.momentum import Momentum
from koubai.optim.optimizer import Optimizer
from koubai.optim.rmsprop import RMSProp
from koubai.optim.sgd import SGD


class NotTranslated(TypeError):
    """A layer, a loss, a penalty or an optimizer that is not translated."""

    def __init__(self, part: Any) -> None:
        super().__init__(f"no translation of {part.registry_name}")


class _Exponential(nn.Module):
    def forward(self, u: torch.Tensor) -> torch.Tensor:
        return torch.exp(u)


_PLAIN: dict[str, Callable[[], nn.Module]] = {
    "flatten": nn.Flatten,
    "relu": nn.ReLU,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "selu": nn.SELU,
    "exponential": _Exponential,
    "softmax": lambda: nn.Softmax(1),
}


class _Residual(nn.Module):
    def __init__(self, body: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.body(x) + self.shortcut(x)
        return out


def module_of(cell: Cell, weights: Mapping[str, Array] | None = None) -> nn.Module:
    """Return a network, given by its root, in PyTorch's own modules.

    It gets these weights (by path), or those that PyTorch initializes.
    """
    if isinstance(cell.layer, Residual):
        shortcut = cell.children.get("shortcut")
        return _Residual(
            module_of(cell.children["body"], weights),
            nn.Identity() if shortcut is None else module_of(shortcut, weights),
        )
    if cell.children:
        return nn.Sequential(*(module_of(child, weights) for child in cell.children.values()))
    module = _leaf(cell)
    if weights is not None:
        names = {"weight": "gamma", "bias": "beta"} if isinstance(cell.layer, BatchNorm) else {}
        for name, parameter in module.named_parameters():
            w = weights[join(cell.path, names.get(name, name))]
            parameter.data = torch.from_numpy(w.T.copy() if isinstance(cell.layer, Linear) else w.copy())
    return module


def _leaf(cell: Cell) -> nn.Module:
    layer, width = cell.layer, cell.in_shape[0]
    made: nn.Module
    match layer:
        case Linear():
            made = nn.Linear(width, cell.out_shape[0], bias=layer.bias)
        case Conv2d(padding_mode="zeros"):
            window = (layer.kernel, layer.stride, layer.padding, layer.dilation, layer.groups)
            made = nn.Conv2d(width, cell.out_shape[0], *window, bias=layer.bias)
        case MaxPool2d():
            made = nn.MaxPool2d(layer.size, layer.stride, layer.padding)
        case Dropout():
            made = nn.Dropout(layer.ratio)
        case BatchNorm():
            norm = nn.BatchNorm1d if len(cell.in_shape) == 1 else nn.BatchNorm2d
            made = norm(width, layer.epsilon, 1 - layer.momentum, affine=layer.trainable)
        case LocalResponseNorm():
            made = nn.LocalResponseNorm(layer.size, layer.size * layer.alpha, layer.beta, layer.k)
        case _ if layer.registry_name in _PLAIN:
            made = _PLAIN[layer.registry_name]()
        case _:
            raise NotTranslated(layer)
    return made


def optimizer_of(
    rule: Optimizer, model: nn.Module, decay: float = 0.0, *, fused: bool | None = None
) -> torch.optim.Optimizer:
    """Return the same rule for a model's parameters, with weight decay; `fused` is PyTorch's own setting."""
    parameters = list(model.parameters())
    settings: dict[str, Any] = {"lr": rule.learning_rate, "weight_decay": decay}
    if fused is not None:
        settings["fused"] = fused
    match rule:
        case SGD():
            return torch.optim.SGD(parameters, **settings)
        case Momentum(momentum=momentum):
            return torch.optim.SGD(parameters, momentum=momentum, **settings)
        case Adam(beta1=beta1, beta2=beta2, delta=delta) if type(rule) is Adam:  # AdamW and others are not
            return torch.optim.Adam(parameters, betas=(beta1, beta2), eps=delta, **settings)
        case AdaGrad(delta=delta):
            return torch.optim.Adagrad(parameters, eps=delta, **settings)
        case RMSProp(decay=kept, delta=delta):
            return torch.optim.RMSprop(parameters, alpha=kept, eps=delta, **settings)
    raise NotTranslated(rule)
