"""Taps: the sums a program takes of its tensors, and the record made of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import numpy as np

from koubai.core.params import Array, Shape
from koubai.core.taps import Moments
from koubai.engines.native.graph import Graph, Stored, Value
from koubai.engines.native.kernels import sums, update
from koubai.engines.native.layout import Layout
from koubai.engines.native.plan import At, Buffer, Named, Plan, Tensor
from koubai.network.network import Network

_WIDTH = 512  # columns of a tap, about


@dataclass(frozen=True)
class Tap:
    """Sums of one tensor, or of one block of its channels: where they come out and how to read them.

    `count` is the number of true elements in the whole batch, padding left out. `units` gives the unit of
    each column of a period; it is None where no units are asked for.
    """

    path: str
    role: str
    out: Buffer
    width: int
    count: int
    units: Array | None = None


class Taps:
    """Emits the taps of a plan and remembers them."""

    def __init__(self, graph: Graph, network: Network, *, units: bool) -> None:
        self.units = units
        self.taps: list[Tap] = []
        self._parameters = [Stored(path, spec.shape, True) for path, spec in network.param_specs.items()]
        self._paths: dict[Value, list[str]] = defaultdict(list)
        for path, value in graph.leaves.items():
            self._paths[value].append(path)

    @staticmethod
    def needing(graph: Graph) -> set[Value]:
        """The values whose gradients taps ask for: all, and the input where a leaf puts it out unchanged."""
        values = {node.output for node in graph.nodes}
        return values | ({graph.input} & set(graph.leaves.values()))

    def activations(self, plan: Plan, value: Value) -> None:
        """Tap the output of every leaf that ends in `value`."""
        for path in self._paths[value]:
            plan.path = path
            self._tensor(plan, "activation", plan.get(value), value.shape)

    def gradients(self, plan: Plan, value: Value, dy: Tensor) -> None:
        """Tap dE/dvalue for every leaf that ends in it."""
        for path in self._paths[value]:
            plan.path = path
            self._tensor(plan, "activation_gradient", dy, value.shape)

    def before_update(self, plan: Plan) -> None:
        """Tap weights and gradients, and keep the weights."""
        for stored in self._parameters:
            self._parameter(plan, stored, "weight", plan.weight(stored), 0)
            self._parameter(plan, stored, "weight_gradient", plan.gradient(stored), 0, shared=True)
        part = plan.part
        plan.call(update.copy_share, Named("weights"), Named("old"), Named("words"), part.lane, part.lanes)

    def after_update(self, plan: Plan) -> None:
        """Tap the change of the weights."""
        for stored in self._parameters:
            self._parameter(plan, stored, "update", plan.weight(stored), plan.store.old(stored))

    def _tensor(self, plan: Plan, role: str, tensor: Tensor, shape: Shape) -> None:
        """Tap the elements of a batch; with units, one unit for each place of the first axis of `shape`."""
        layout, part = tensor.layout, plan.part
        if not (self.units and role == "activation"):
            count = part.batch * layout.features
            self._emit(plan, role, tensor, (1, tensor.words, 0), 1, count, None, (0, 1))
            return
        for start, (parts, words, stride), units in _columns(layout, shape):
            count = part.batch * (words * parts // layout.rows) * int((units >= 0).sum()) // len(units)
            x = At(tensor.buffer, 4 * start)
            self._emit(plan, role, x, (parts, words, stride), len(units), count, units, (0, 1))

    def _parameter(
        self, plan: Plan, stored: Stored, role: str, x: Buffer, z: Buffer | int, *, shared: bool = False
    ) -> None:
        """Tap a parameter (or its gradient, which lies with lane 0); the lanes take it in parts."""
        plan.path = stored.path
        part, words = plan.part, plan.store.forms[stored.path].words
        where = Named(f"gradient {stored.path}") if shared else x
        self._emit(plan, role, where, (1, words, 0), 1, prod(stored.shape), None, (part.lane, part.lanes), z)

    def _emit(
        self,
        plan: Plan,
        role: str,
        x: Tensor | Buffer | At | Named,
        extent: tuple[int, int, int],
        period: int,
        count: int,
        units: Array | None,
        lanes: tuple[int, int],
        z: Buffer | int = 0,
    ) -> None:
        part = plan.part
        width = period * max(1, _WIDTH // period)
        out = plan.shared(8 * sums.QUANTITIES * width * part.slots)
        scratch = plan.floats(6 * width * part.team)
        outer, plan.role = plan.role, "tap"
        plan.call(sums.sums, x, z, *extent, width, period, scratch, out, *lanes, part.slot, why=role)
        plan.role = outer
        self.taps.append(Tap(plan.path, role, out, width, count, units))


def _columns(layout: Layout, shape: Shape) -> Iterator[tuple[int, tuple[int, int, int], Array]]:
    """Cut a tensor so that columns have units: first word, (parts, words a part, stride), the units."""
    inner = prod(shape[1:])
    if layout.is_plain:
        yield 0, (1, layout.words, 0), np.arange(layout.features) // inner
    elif layout.is_last and layout.space == inner:
        yield 0, (1, layout.words, 0), np.arange(layout.channels)
    elif layout.is_last:
        yield 0, (1, layout.words, 0), layout.numbers() // inner
    else:
        S, B = layout.space, layout.block
        sample = layout.words // layout.rows
        for block in range(sample // (S * B)):
            numbers = layout.numbers().reshape(-1, S, B)[block]
            units = np.where(numbers >= 0, numbers // inner, -1)
            alike = layout.space == inner
            yield block * S * B, (layout.rows, S * B, sample), units[0] if alike else units.ravel()


class TapReader:
    """Turns what the taps left in memory into moments."""

    def __init__(self, taps: list[Tap], addresses: list[int], slots: int) -> None:
        self._taps, self._slots = taps, slots
        self._table = np.array([(a, tap.width) for a, tap in zip(addresses, taps, strict=True)], np.int64)
        self._totals = np.zeros((len(taps), sums.QUANTITIES))

    def read(self) -> dict[tuple[str, str], Moments]:
        """The moments of the step just run."""
        sums.collect(self._table.reshape(-1, 2), self._slots, self._totals)
        found: dict[tuple[str, str], Moments] = {}
        for tap, address, row in zip(self._taps, self._table[:, 0], self._totals.tolist(), strict=True):
            nonzeros, total, square, magnitude, largest, nonfinite = row
            key = (tap.path, tap.role)
            units = None if tap.units is None else self._units(tap, int(address))
            moments = Moments(
                tap.count, total, magnitude, square, tap.count - int(nonzeros), largest, int(nonfinite), units
            )
            found[key] = _joined(found[key], moments) if key in found else moments
        return found

    def _units(self, tap: Tap, address: int) -> Array:
        """Rows (nonzeros, sum, sum of squares), one a unit; a block's channels come in order of blocks."""
        assert tap.units is not None  # asked for
        shape = (self._slots, sums.QUANTITIES, tap.width // len(tap.units), len(tap.units))
        columns = sums.view(address, int(np.prod(shape))).reshape(shape)[:, :3].sum(axis=(0, 2))
        true = tap.units >= 0
        first = int(tap.units[true].min()) if true.any() else 0
        rows = np.zeros((int(tap.units.max(initial=first - 1)) + 1 - first, 3))
        np.add.at(rows, tap.units[true] - first, columns[:, true].T)
        return rows


def _joined(a: Moments, b: Moments) -> Moments:
    """The moments of two parts of one tensor."""
    units = None if a.units is None or b.units is None else np.concatenate([a.units, b.units])
    largest = b.max_abs if (b.max_abs > a.max_abs or b.max_abs != b.max_abs) else a.max_abs
    return Moments(
        a.count + b.count, a.total + b.total, a.total_abs + b.total_abs, a.total_square + b.total_square,
        a.zeros + b.zeros, largest, a.nonfinite + b.nonfinite, units,
    )  # fmt: skip
