"""A koubai network as a torch.nn.Module: one module a layer, under the same paths, with the same arrays."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field
from typing import Any

import torch

from koubai.core.errors import EngineError
from koubai.core.layer import Cell, wire
from koubai.core.params import Array
from koubai.core.random import key
from koubai.core.taps import Squares, taken
from koubai.engines.ranks import ALONE, Ranks
from koubai.engines.torch.arrays import NumberMaker, as_it_is
from koubai.engines.torch.draws import Halves, halves
from koubai.engines.torch.formula import run_formula
from koubai.engines.torch.sums import Pending, pending_magnitudes, pending_moments
from koubai.engines.torch.verbs import TorchBuilder, data
from koubai.network.network import Network, Weights, join
from koubai.words.phrase import phrase


class Sums(dict[tuple[str, str], "Pending | Squares"]):
    """What was taken at a step, by path and role; `of_rows` names what this rank took of its rows alone.

    `scaling` (3,) tells the scale of the loss, how many steps were left out so far, and whether this was not.
    """

    of_rows: Set[tuple[str, str]] = frozenset()
    scaling: torch.Tensor | None = None


@dataclass
class StepContext:
    """Where training stands, shared by all modules of a network: what dropout and taps depend on.

    | attribute | meaning                                                                             |
    |-----------|-------------------------------------------------------------------------------------|
    | ranks     | the processes that share every batch of `batch` rows                                |
    | scale     | by what all that flows back is too large in a tapped step, or None                  |
    | sums      | collects the taps of this step's activations and their gradients, or is None        |
    | numbers   | gives what a kernel takes for a number of this step (`koubai.engines.torch.arrays`) |
    | drawn     | for what keys were made in this step, in order                                      |
    | on_host   | whether a layer ran by its formula, on arrays                                       |
    """

    seed: int = 0
    step: int = 0
    ranks: Ranks = ALONE
    batch: int = 0  # rows of a whole batch, over all ranks
    scale: torch.Tensor | None = None
    sums: Sums | None = None
    units: bool = False
    numbers: NumberMaker = as_it_is
    drawn: list[tuple[str, ...]] = field(default_factory=list)
    on_host: bool = False

    def key(self, *names: str) -> Halves:
        """Return the key of this step for a purpose."""
        self.drawn.append(names)
        lower, upper = halves(key(self.seed, *names, self.step))
        return self.numbers(lower), self.numbers(upper)


class CellModule(torch.nn.Module):
    """One layer at one place: runs its lowering on tensors, or its reference formula where it has none.

    `named_parameters()` and `named_buffers()` are the network's own paths, such as `2.weight`.
    """

    def __init__(self, cell: Cell, weights: Weights, moment: StepContext) -> None:
        super().__init__()
        self.cell = cell
        self.moment = moment
        self.shown: torch.Tensor | None = None  # which place each place of a padded input shows
        for name in cell.layer.params(cell.in_shape):
            w = _tensor(weights.params[join(cell.path, name)])
            self.register_parameter(name, torch.nn.Parameter(w))
        for name in cell.layer.buffers(cell.in_shape):
            self.register_buffer(name, _tensor(weights.buffers[join(cell.path, name)]))
        for name, child in cell.children.items():
            self.add_module(name, CellModule(child, weights, moment))

    @property
    def lowered(self) -> bool:
        """Whether this layer runs as PyTorch functions."""
        return self.cell.layer.has_lowering()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """X (N, ...) -> y (N, ...)."""
        y = self.cell.layer.lower(TorchBuilder(self), data(x)).tensor if self.lowered else self._formula(x)
        if not self.cell.children:
            y = y.view_as(y) if y is x else y  # its gradient is this layer's, not that of all who use x
            self._tap(y)
        return y

    def _formula(self, x: torch.Tensor) -> torch.Tensor:
        self.moment.on_host = True
        cell = wire(self.cell.layer, self.cell.path, self.cell.in_shape)
        tensors: dict[str, torch.Tensor] = {**dict(self.named_parameters()), **dict(self.named_buffers())}
        taps = _ArrayTaps(self.moment) if self.moment.sums is not None and cell.children else None
        for part in cell.walk():
            part.training, part.seed, part.step = self.training, self.moment.seed, self.moment.step
            part.taps = taps
        return run_formula(cell, x, tensors)

    def _tap(self, y: torch.Tensor) -> None:
        sums, scale, path = self.moment.sums, self.moment.scale, self.cell.path
        if sums is None:
            return
        sums[path, "activation"] = pending_moments(y, units=self.moment.units)

        def take(dy: torch.Tensor) -> None:
            sums[path, "activation_gradient"] = pending_magnitudes(
                dy if scale is None else dy.float() / scale
            )

        y.register_hook(take)

    def extra_repr(self) -> str:
        """The layer as written."""
        return "" if self.cell.children else repr(self.cell.layer)


class _ArrayTaps(dict[tuple[str, str], Array]):
    """Taps of the cells inside a composite that runs by formula: sums taken as arrays come."""

    def __init__(self, moment: StepContext) -> None:
        super().__init__()
        self._moment = moment

    def __setitem__(self, name: tuple[str, str], array: Array) -> None:
        if self._moment.sums is not None:
            self._moment.sums[name] = taken(array, name[1], units=self._moment.units)


def check_ranks(module: CellModule) -> None:
    """Raise if a layer that runs by its formula would see this rank's rows alone, where it asks for all."""
    for part in (part for m in module.modules() if not m.lowered for part in m.cell.walk()):
        layer = part.layer
        if layer.over_batch or layer.random or layer.buffers(part.in_shape):
            raise EngineError(
                "layer_sees_rows_of_one_process",
                where=phrase("place.layer", path=part.path, kind=type(layer).__name__),
            )


def build_module(
    network: Network, weights: Weights, device: Any = "cpu", moment: StepContext | None = None
) -> CellModule:
    """Return the network as a module on `device`, with copies of `weights`.

    >>> from koubai.layers import Linear, ReLU, Sequential
    >>> network = Network(Sequential(Linear(4), ReLU(), Linear(2)), (3,))
    >>> module = build_module(network, network.initialize(seed=0))
    >>> [name for name, _ in module.named_parameters()]
    ['0.weight', '0.bias', '2.weight', '2.bias']
    """
    root = wire(network.layer, "", network.in_shape)
    return CellModule(root, weights, moment or StepContext()).to(device)


def _tensor(array: Array) -> torch.Tensor:
    return torch.from_numpy(array.copy())
