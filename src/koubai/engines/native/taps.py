"""Taps: the sums a program takes of its tensors, and the record made of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from math import gcd, prod

import numpy as np

from koubai.core.params import Array
from koubai.core.taps import Moments
from koubai.engines.native.fuse import disjoint, is_relu
from koubai.engines.native.graph import Graph, Node, Stored, Value
from koubai.engines.native.instructions import At, Buffer, Named, Tensor
from koubai.engines.native.kernels import sums as kernels
from koubai.engines.native.kernels import update
from koubai.engines.native.kernels.simd import LANES
from koubai.engines.native.layout import Layout
from koubai.engines.native.plan import Plan
from koubai.network.network import Network

_WIDEST = 1024  # columns: periods are repeated up to it, so that rows fill whole vectors


@dataclass(frozen=True)
class Sums:
    """What one pass over a tensor leaves: where, for how many columns, and how many quantities of each."""

    out: Buffer
    width: int
    quantities: int


@dataclass(frozen=True)
class Tap:
    """A tapped tensor, or a block of its channels, whose moments follow from the sums of a pass.

    `count` is the number of its elements in the whole batch, padding left out. `above` says that it is
    max(0, x) of the x that was read. `units` gives the unit of each column of a period (-1: padding); it is
    None where no units are asked for.
    """

    path: str
    role: str
    sums: Sums
    count: int
    above: bool = False
    units: Array | None = None


class Taps:
    """Emits the taps of a plan and remembers them.

    One pass serves several tensors: a reshape has the same elements; max(0, x) is summed together with x;
    what a pooling with disjoint windows sends back is its own dy among zeros.
    """

    def __init__(self, graph: Graph, network: Network, *, units: bool) -> None:
        self.graph, self.units = graph, units
        self.taps: list[Tap] = []
        self._parameters = [Stored(path, spec.shape, True) for path, spec in network.param_specs.items()]
        self._paths: dict[Value, list[str]] = defaultdict(list)
        for path, value in graph.leaves.items():
            self._paths[value].append(path)
        self._done: set[Value] = set()
        self._gradients_done: set[Value] = set()

    @staticmethod
    def needing(graph: Graph) -> set[Value]:
        """The values whose gradients taps ask for: all that are computed."""
        return {node.output for node in graph.nodes}

    # ------------------------------------------------------------------------------------ activations

    def activations(self, plan: Plan, value: Value) -> None:
        """Tap every leaf that ends in `value`, or in what follows from it."""
        if value in self._done:
            return
        family = list(self._family(value, False))
        self._done |= {member for member, _ in family}
        leaves = [(path, member, above) for member, above in family for path in self._paths[member]]
        if not leaves:
            return
        plan.path = leaves[0][0]
        tensor = plan.convert(plan.get(value), plan.get(value).layout.as_half(False))
        above = any(above for _, _, above in leaves)
        if not self.units:
            sums = self._pass(plan, "activation", tensor, (1, tensor.words, 0), 1, above=above)
            for path, _, is_above in leaves:
                self.taps.append(
                    Tap(path, "activation", sums, plan.part.batch * tensor.layout.features, is_above)
                )
            return
        fine = any(member.shape[0] != tensor.layout.channels for _, member, _ in leaves)
        for start, extent, numbers in _columns(tensor.layout, fine=fine):
            sums = self._pass(
                plan, "activation", At(tensor.buffer, 4 * start), extent, len(numbers), above=above
            )
            per_column = plan.part.batch * extent[0] * extent[1] // (tensor.layout.rows * len(numbers))
            for path, member, is_above in leaves:
                units = np.where(numbers >= 0, numbers // prod(member.shape[1:]), -1)
                count = per_column * int((numbers >= 0).sum())
                self.taps.append(Tap(path, "activation", sums, count, is_above, units))

    def _family(self, value: Value, above: bool) -> Iterator[tuple[Value, bool]]:
        """The values whose sums follow from one pass over `value`, and whether they are max(0, x)."""
        yield value, above
        for node in self.graph.users(value):
            if node.op == "reshape":
                yield from self._family(node.output, above)
            elif is_relu(node) and not above:
                yield from self._family(node.output, True)
            elif node.op == "max_pool" and "inside" in node.settings and not above:
                yield node.settings["inside"], True

    # ------------------------------------------------------------------------------------ gradients

    def gradients(self, plan: Plan, value: Value, dy: Tensor) -> None:
        """Tap dE/dvalue for every leaf that ends in it, and for those whose gradient follows."""
        if value in self._gradients_done:
            return
        leaves = list(self._same_gradient(value))
        if leaves:
            plan.path = leaves[0][0]
            dy = plan.convert(dy, dy.layout.as_half(False))
            sums = self._pass(plan, "activation_gradient", dy, (1, dy.words, 0), 1)
            for path, member in leaves:
                count = plan.part.batch * prod(member.shape)
                self.taps.append(Tap(path, "activation_gradient", sums, count))

    def masked(self, plan: Plan, pool: Node, dy: Tensor) -> None:
        """Tap dE/dx of a disjoint pooling with ReLU inside: dy where y > 0, which will be scattered."""
        (x,) = pool.inputs
        if self.graph.users(x) == [pool]:
            self.gradients(plan, x, dy)

    def _same_gradient(self, value: Value) -> Iterator[tuple[str, Value]]:
        """The leaves whose gradient has the elements of dE/dvalue, and zeros."""
        self._gradients_done.add(value)
        yield from ((path, value) for path in self._paths[value])
        node = value.node
        if node is None or len(node.inputs) != 1 or self.graph.users(node.inputs[0]) != [node]:
            return
        if node.op == "max_pool" and disjoint(node) and "inside" in node.settings:
            inside = node.settings["inside"]
            yield from ((path, inside) for path in self._paths[inside])
        elif node.op == "reshape" or (node.op == "max_pool" and disjoint(node)):
            yield from self._same_gradient(node.inputs[0])

    # ------------------------------------------------------------------------------------ parameters

    def before_update(self, plan: Plan) -> None:
        """Tap weights and gradients, and keep the weights."""
        for stored in self._parameters:
            self._parameter(plan, stored, "weight", plan.weight(stored), 0)
            self._parameter(plan, stored, "weight_gradient", Named(f"gradient {stored.path}"), 0)
        part = plan.part
        plan.call(update.copy_share, Named("weights"), Named("old"), Named("words"), part.lane, part.lanes)

    def after_update(self, plan: Plan) -> None:
        """Tap the change of the weights."""
        for stored in self._parameters:
            self._parameter(plan, stored, "update", plan.weight(stored), plan.store.old(stored))

    def _parameter(self, plan: Plan, stored: Stored, role: str, x: Buffer | Named, z: Buffer | int) -> None:
        """Tap a parameter, or its gradient, which lies with lane 0; the lanes take it in parts."""
        plan.path = stored.path
        words, lanes = plan.store.forms[stored.path].words, (plan.part.lane, plan.part.lanes)
        sums = self._pass(plan, role, x, (1, words, 0), 1, z=z, lanes=lanes)
        self.taps.append(Tap(stored.path, role, sums, prod(stored.shape)))

    def _pass(
        self,
        plan: Plan,
        role: str,
        x: Tensor | Buffer | At | Named,
        extent: tuple[int, int, int],
        period: int,
        *,
        z: Buffer | int = 0,
        lanes: tuple[int, int] = (0, 1),
        above: bool = False,
    ) -> Sums:
        """Emit one pass over (parts, words a part, words from part to part), in columns of that period."""
        repeats = LANES // gcd(period, LANES)  # so that rows fill vectors
        width = period * repeats if period * repeats <= _WIDEST else period
        padded = -(-width // LANES) * LANES
        out = plan.shared(8 * kernels.QUANTITIES * padded * plan.part.slots)
        outer, plan.role = plan.role, "tap"
        slot = plan.part.slot
        plan.call(kernels.sums, x, z, *extent, width, period, out, *lanes, slot, int(above), why=role)
        plan.role = outer
        return Sums(out, width, kernels.QUANTITIES if above else kernels.ABOVE)


def _columns(layout: Layout, *, fine: bool) -> Iterator[tuple[int, tuple[int, int, int], Array]]:
    """Cut a tensor into columns: first word, (parts, words a part, stride), a logical number of each column.

    `fine` asks for a column for every element of a sample; else those of a channel may share one.
    """
    sample, S, B = layout.words // layout.rows, layout.space, layout.block
    if layout.is_plain or (layout.is_last and fine):
        yield 0, (1, layout.words, 0), layout.numbers()
    elif layout.is_last:
        yield 0, (1, layout.words, 0), layout.numbers()[: layout.channels]
    else:
        for block in range(sample // (S * B)):
            numbers = layout.numbers().reshape(-1, S * B)[block]
            yield block * S * B, (layout.rows, S * B, sample), numbers if fine else numbers[:B]


class TapReader:
    """Has the passes' sums published step after step, and turns them into moments."""

    def __init__(self, taps: list[Tap], address: Callable[[Buffer], int], lanes: int, team: int) -> None:
        self.taps, self._lanes, self._team = taps, lanes, team
        passes = list(dict.fromkeys(tap.sums for tap in taps))
        self.row = {sums: number for number, sums in enumerate(passes)}
        table = [(address(sums.out), sums.width, sums.quantities) for sums in passes]
        self._passes = np.array(table, np.int64).reshape(-1, 3)
        self.by_key: dict[tuple[str, str], list[int]] = defaultdict(list)
        self.unit_rows: list[slice] = []
        plan: list[tuple[int, ...]] = []
        units: list[Array] = []
        at = columns = 0
        for number, tap in enumerate(taps):
            self.by_key[tap.path, tap.role].append(number)
            found = _from_first(tap.units) if tap.units is not None else np.zeros(0, np.int64)
            first = kernels.ABOVE if tap.above else kernels.NONZEROS
            plan.append((self.row[tap.sums], first, columns, len(found), at))
            columns += len(found)
            count = int(found.max(initial=-1)) + 1
            self.unit_rows.append(slice(at, at + count))
            units.append(found)
            at += count
        self._plan = np.array(plan, np.int64).reshape(-1, 5)
        self._units = np.concatenate([np.zeros(0, np.int64), *units])
        self.words = kernels.QUANTITIES * len(passes) + 3 * at
        self._out = np.zeros((0, lanes, self.words))
        self._block = np.zeros(9, np.int64)

    def expect(self, steps: int) -> int:
        """Make room for so many tapped steps; return the address of the arguments of `publish`."""
        if len(self._out) < steps:
            self._out = np.zeros((steps, self._lanes, self.words))
        self._block[:] = (
            *(self._passes.ctypes.data, len(self._passes), self._team, self._out.ctypes.data, self._lanes),
            *(self.words, self._plan.ctypes.data, len(self._plan), self._units.ctypes.data),
        )
        return int(self._block.ctypes.data)

    def read(self, steps: int) -> list[TapMoments]:
        """The moments of the tapped steps that were published since room was made for them."""
        count, out = len(self._passes), self._out[:steps]
        first = kernels.QUANTITIES * count
        parts = out[:, :, :first].reshape(steps, self._lanes, count, kernels.QUANTITIES)
        totals = parts.sum(axis=1)
        units = out[:, :, first:].sum(axis=1).reshape(steps, (self.words - first) // 3, 3)
        for quantity in (kernels.LARGEST, kernels.ABOVE_LARGEST):
            totals[:, :, quantity] = parts[:, :, :, quantity].max(axis=1)
        return [TapMoments(self, *step) for step in zip(totals, units, strict=True)]


def _from_first(units: Array) -> Array:
    """Units counted from the first of a block; -1 stays."""
    lowest = units[units >= 0].min(initial=units.max(initial=0))
    return np.where(units >= 0, units - lowest, -1)


class TapMoments(Mapping[tuple[str, str], Moments]):
    """(path, role) -> Moments of one step, or of several; each is made when asked for.

    Totals are (passes, QUANTITIES) and units (units, 3), with an axis of steps before them where several.
    """

    def __init__(self, reader: TapReader, totals: Array, units: Array) -> None:
        self._reader, self._totals, self._units = reader, totals, units

    @property
    def kind(self) -> object:
        """What moments that can be stacked have in common."""
        return self._reader

    @staticmethod
    def stacked(steps: Sequence[TapMoments]) -> TapMoments:
        """Moments of several steps as one."""
        totals, units = np.stack([m._totals for m in steps]), np.stack([m._units for m in steps])
        return TapMoments(steps[0]._reader, totals, units)

    def __getitem__(self, key: tuple[str, str]) -> Moments:
        if key not in self._reader.by_key:
            raise KeyError(key)
        return reduce(_joined, map(self._moments, self._reader.by_key[key]))

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._reader.by_key)

    def __len__(self) -> int:
        return len(self._reader.by_key)

    def _moments(self, number: int) -> Moments:
        tap = self._reader.taps[number]
        row = self._totals[..., self._reader.row[tap.sums], :].T
        units = None if tap.units is None else self._units[..., self._reader.unit_rows[number], :]
        if tap.above:  # nothing is below 0: the sum is that of magnitudes
            nonzeros, total, square, largest, nonfinite = row[kernels.ABOVE : kernels.ABOVE_NONFINITE + 1]
            magnitude = total
        else:
            nonzeros, total, square, magnitude, largest, nonfinite = row[: kernels.NONFINITE + 1]
        return Moments(tap.count, total, magnitude, square, tap.count - nonzeros, largest, nonfinite, units)


def _joined(a: Moments, b: Moments) -> Moments:
    """The moments of two blocks of channels of one tensor."""
    units = None if a.units is None or b.units is None else np.concatenate([a.units, b.units], axis=-2)
    return Moments(
        a.count + b.count, a.total + b.total, a.total_abs + b.total_abs, a.total_square + b.total_square,
        a.zeros + b.zeros, np.maximum(a.max_abs, b.max_abs), a.nonfinite + b.nonfinite, units,
    )  # fmt: skip
