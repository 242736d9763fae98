"""The PyTorch twin of a recipe: the same initial weights, batches, loss and optimizer, in an ordinary loop.

For tools that only know PyTorch. A recipe that uses what is not listed here has no twin.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import isfinite
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from koubai.core.layer import Cell
from koubai.core.params import Array
from koubai.doctor.facts import data_facts, held_part, loss_facts
from koubai.doctor.reference import chance_of
from koubai.doctor.skill import skill
from koubai.layers.batch_norm import BatchNorm
from koubai.layers.convolution import Conv2d
from koubai.layers.dropout import Dropout
from koubai.layers.linear import Linear
from koubai.layers.max_pool import MaxPool2d
from koubai.layers.residual import Residual
from koubai.network.network import join
from koubai.penalties.p_norm import L2
from koubai.train.recipe import Recipe
from koubai.train.session import Session


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


class NoTwin(Exception):
    """Something of the recipe is not translated."""


def module_of(session: Session) -> nn.Module:
    """Return a session's network in PyTorch's own modules, with its present weights."""
    return _module(session.network.root, session.state().weights.params)


def _module(cell: Cell, weights: dict[str, Array]) -> nn.Module:
    if isinstance(cell.layer, Residual):
        shortcut = cell.children.get("shortcut")
        return _Residual(
            _module(cell.children["body"], weights),
            nn.Identity() if shortcut is None else _module(shortcut, weights),
        )
    if cell.children:
        return nn.Sequential(*(_module(child, weights) for child in cell.children.values()))
    module = _leaf(cell)
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
        case Conv2d():
            window = (layer.kernel, layer.stride, layer.padding, layer.dilation, layer.groups)
            made = nn.Conv2d(width, cell.out_shape[0], *window, bias=layer.bias)
        case MaxPool2d():
            made = nn.MaxPool2d(layer.size, layer.stride, layer.padding)
        case Dropout():
            made = nn.Dropout(layer.ratio)
        case BatchNorm():
            made = nn.BatchNorm1d(width) if len(cell.in_shape) == 1 else nn.BatchNorm2d(width)
        case _ if layer.registry_name in _PLAIN:
            made = _PLAIN[layer.registry_name]()
        case _:
            raise NoTwin(layer.registry_name)
    return made


def optimizer_of(recipe: Recipe, model: nn.Module) -> torch.optim.Optimizer:
    """Return the same optimizer; an L2 penalty becomes weight decay, as PyTorch's users write it."""
    decay = 0.0
    for penalty in recipe.penalties:
        if not isinstance(penalty, L2):
            raise NoTwin(penalty.registry_name)
        decay += penalty.strength
    settings: dict[str, Any] = {"lr": recipe.optimizer.learning_rate, "weight_decay": decay}
    parameters = list(model.parameters())
    match recipe.optimizer.registry_name:
        case "sgd":
            return torch.optim.SGD(parameters, **settings)
        case "momentum":
            return torch.optim.SGD(parameters, momentum=recipe.optimizer.momentum, **settings)  # type: ignore[attr-defined]  # the case says so
        case "adam":
            return torch.optim.Adam(parameters, **settings)
        case "rmsprop":
            return torch.optim.RMSprop(parameters, **settings)
        case "adagrad":
            return torch.optim.Adagrad(parameters, **settings)
    raise NoTwin(recipe.optimizer.registry_name)


_LOSSES: dict[str, Callable[..., torch.Tensor]] = {
    "softmax_cross_entropy": functional.cross_entropy,
    "cross_entropy": lambda y, t: functional.nll_loss(torch.log(y + 1e-7), t),
    "binary_cross_entropy": functional.binary_cross_entropy,
    "sigmoid_cross_entropy": functional.binary_cross_entropy_with_logits,
    "mean_squared_error": functional.mse_loss,
    "mean_absolute_error": functional.l1_loss,
}


class Twin:
    """A recipe's PyTorch twin, ready to train.

    | field     | meaning                                                         |
    |-----------|-----------------------------------------------------------------|
    | model     | with the initial weights of the recipe's seed                   |
    | optimizer | fresh                                                           |
    | loss_fn   | (outputs, targets) -> mean loss                                 |
    """

    def __init__(self, recipe: Recipe) -> None:
        torch.manual_seed(recipe.seed)
        self._session = Session(recipe, engine="reference")
        self.recipe = recipe
        self.model = module_of(self._session)
        self.optimizer = optimizer_of(recipe, self.model)
        if recipe.loss.registry_name not in _LOSSES:
            raise NoTwin(recipe.loss.registry_name)
        self.loss_fn = _LOSSES[recipe.loss.registry_name]
        data = self._session.dataset
        part = held_part(data)
        self._train = self._tensors(data.x_train, data.t_train)
        self._held = self._tensors(getattr(data, f"x_{part}"), getattr(data, f"t_{part}"))

    def _tensors(self, x: Array, t: Array) -> tuple[torch.Tensor, torch.Tensor]:
        targets = torch.tensor(t)
        outputs = self._session.network.out_shape[-1]
        if not targets.is_floating_point() and self.recipe.loss.registry_name not in (
            "softmax_cross_entropy",
            "cross_entropy",
        ):
            targets = targets[:, None] if outputs == 1 else functional.one_hot(targets, outputs)
        if self.recipe.loss.registry_name not in ("softmax_cross_entropy", "cross_entropy"):
            targets = targets.float()
        return torch.tensor(x).float(), targets

    def batches(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield the batches of the recipe's run, in its order."""
        x, t = self._train
        for rows in self._session.sampler.batches(0, self.recipe.steps):
            index = torch.from_numpy(rows)
            yield x[index], t[index]

    def evaluate(self) -> None:
        """Run the held-out part in test mode, as after an epoch."""
        x, t = self._held
        self.model.eval()
        with torch.no_grad():
            for rows in torch.arange(len(x)).split(500):
                self.loss_fn(self.model(x[rows]), t[rows])
        self.model.train()

    def held_skill(self) -> float:
        """Return the skill on the held-out part; that of chance where an output is not finite."""
        data = self._session.dataset
        part = held_part(data)
        self.model.eval()
        with torch.no_grad():
            y = self.model(self._held[0]).numpy()
        found = skill(y, getattr(data, f"t_{part}"), loss_facts(self.recipe.loss).takes)
        return found if isfinite(found) else chance_of(data_facts(data))
