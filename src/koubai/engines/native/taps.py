"""Taps: the sums a program takes of its tensors (tap_reader.py tells what they are)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import gcd, prod
from typing import NamedTuple

import numpy as np

from koubai.core.params import Array
from koubai.engines.native.fuse import disjoint, is_relu
from koubai.engines.native.graph import Graph, Node, Value
from koubai.engines.native.instructions import Buffer, Known, Tensor
from koubai.engines.native.kernels import columns as column_kernels
from koubai.engines.native.kernels import sums as kernels
from koubai.engines.native.kernels.base import B, Kernel
from koubai.engines.native.kernels.block import Address
from koubai.engines.native.kernels.max_pool import TappedPool, max_pool_tapped
from koubai.engines.native.kernels.pool import Pool
from koubai.engines.native.kernels.simd import LANES
from koubai.engines.native.layout import Layout
from koubai.engines.native.plan import ShardPlan
from koubai.network.network import Network

_WIDEST = 1024  # columns: periods are repeated up to it, so that rows fill whole vectors


@dataclass(frozen=True)
class Tap:
    """A tapped tensor, or a block of its channels: where its sums lie among all that is taken.

    `count` is the number of its elements in the whole batch, padding left out. `above` says that it is
    max(0, x) of the x that was read. `units` are the places of the rows of its units, where asked for.
    """

    path: str
    role: str
    at: int
    count: int
    above: bool = False
    units: slice | None = None


class _Columns(NamedTuple):
    """Where one pass leaves the moments of a whole tensor, and those of its columns."""

    at: int
    buffer: Buffer
    width: int


# What one pass serves: (path of a leaf, where it ends, whether that is max(0, x) of what is read).
Leaves = list[tuple[str, Value, bool]]


class Taps:
    """Emits the taps of a plan and remembers them.

    One pass serves several tensors: a reshape has the same elements; max(0, x) is summed together with x;
    what a pooling with disjoint windows sends back is its own dy among zeros. What only a maximum pooling
    reads, and what a ReLU masks on the way back, is tapped there, piece by piece, while it is in the cache.
    """

    def __init__(self, graph: Graph, network: Network, *, units: bool) -> None:
        self.graph, self.units = graph, units
        self.taps: list[Tap] = []
        self.tables: list[Array] = []  # of units, which kernels read
        self.numbers = 0  # taken in all
        self._parameters = network.param_specs
        self._paths: dict[Value, list[str]] = defaultdict(list)
        for path, value in graph.leaves.items():
            self._paths[value].append(path)
        self._done: set[Value] = set()
        self._gradients_done: set[Value] = set()
        self._waiting: dict[Node, Value] = {}  # for the backward pass of a ReLU

    @staticmethod
    def needing(graph: Graph) -> set[Value]:
        """The values whose gradients taps ask for: all that are computed."""
        return {node.output for node in graph.nodes}

    def _room(self, numbers: int) -> int:
        """A place for so many numbers."""
        self.numbers += numbers
        return self.numbers - numbers

    def _call(self, plan: ShardPlan, role: str, kernel: Kernel[B], block: B) -> None:
        outer, plan.role = plan.role, "tap"
        plan.call(kernel, block, why=role)
        plan.role = outer

    # ------------------------------------------------------------------------------------ activations

    def activations(self, plan: ShardPlan, value: Value) -> None:
        """Tap every leaf that ends in `value`, or in what follows from it; a pooling taps what it reads."""
        leaves = [] if self._pooled(plan, value) else self._leaves(value)
        if not leaves:
            return
        plan.path = leaves[0][0]
        tensor = plan.convert(plan.get(value), plan.get(value).layout.as_half(False))
        if not self.units:
            at, above = self._moments_room(leaves)
            summed = kernels.Summed(tensor, tensor.elements, above, _masks(plan), Known.CONTROL, at)
            self._call(plan, "activation", kernels.moments, summed)
            self._activations_found(plan, leaves, at, plan.shard.batch * tensor.layout.features)
            return
        fine = any(member.shape[0] != tensor.layout.channels for _, member, _ in leaves)
        for start, extent, numbers in _cut(tensor.layout, fine=fine):
            x = tensor.buffer + 4 * start
            columns = self._columns(plan, x, extent, len(numbers), leaves)
            per_column = plan.shard.batch * extent[0] * extent[1] // (tensor.layout.rows * len(numbers))
            count = per_column * int((numbers >= 0).sum())
            for path, member, is_above in leaves:
                table = _from_first(np.where(numbers >= 0, numbers // prod(member.shape[1:]), -1))
                rows = self._units(plan, columns, table, is_above)
                self.taps.append(Tap(path, "activation", columns.at, count, is_above, rows))

    def pooling(self, plan: ShardPlan, node: Node, pool: Pool) -> bool:
        """Emit a maximum pooling that taps what it reads and writes, if that is asked for; return whether."""
        (x,), y = node.inputs, node.output
        leaves = self._leaves(x) if self._pooled(plan, x) else []
        if not leaves:
            return False
        places: list[int] = []
        for value, found in ((x, leaves), (y, self._leaves(y))):
            at, above = self._moments_room(found)
            self._activations_found(plan, found, at, plan.shard.batch * prod(value.shape))
            places += [above, at]
        tapped = TappedPool(pool, _masks(plan), Known.CONTROL, *places)
        plan.call(max_pool_tapped, tapped, why="tapped on the way")
        return True

    def _pooled(self, plan: ShardPlan, value: Value) -> bool:
        """Whether a maximum pooling is all that reads a value: it then taps it, but for its units."""
        readers = [user.op for user in self.graph.users(value)]
        return readers == ["max_pool"] and not self.units and not plan.get(value).layout.half

    def _leaves(self, value: Value) -> Leaves:
        """What a pass over `value` serves, no leaf twice."""
        if value in self._done:
            return []
        family = list(self._family(value, False))
        self._done |= {member for member, _ in family}
        return [(path, member, above) for member, above in family for path in self._paths[member]]

    def _moments_room(self, leaves: Leaves) -> tuple[int, bool]:
        """A place for the moments of leaves, and whether those of max(0, x) are among them."""
        above = any(above for _, _, above in leaves)
        return self._room(kernels.OF_MOMENTS * (2 if above else 1)), above

    def _activations_found(self, plan: ShardPlan, leaves: Leaves, at: int, count: int) -> None:
        """Remember the place of what is taken of activations at leaves."""
        self.taps += [Tap(path, "activation", at, count, above) for path, _, above in leaves]

    def _columns(
        self, plan: ShardPlan, x: Address, extent: tuple[int, int, int], period: int, leaves: Leaves
    ) -> _Columns:
        """Emit one pass over (parts, elements a part, and from part to part), in columns of that period."""
        repeats = LANES // gcd(period, LANES)  # so that rows fill vectors
        width = period * repeats if period * repeats <= _WIDEST else period
        nbytes = 8 * 2 * kernels.OF_MOMENTS * -(-width // LANES) * LANES
        at, above = self._moments_room(leaves)
        columns = _Columns(at, Buffer(nbytes * plan.shard.team), width)
        block = column_kernels.ColumnMoments(
            x, *extent, width, period, above, columns.buffer, Known.CONTROL, at
        )
        self._call(plan, "activation", column_kernels.column_moments, block)
        return columns

    def _units(self, plan: ShardPlan, columns: _Columns, table: Array, above: bool) -> slice:
        """Emit what makes rows of units from the columns of a pass; return the places of the rows."""
        self.tables.append(table)
        rows = int(table.max(initial=-1)) + 1
        at, first = self._room(3 * rows), kernels.ABOVE if above else 0
        block = column_kernels.Units(
            columns.buffer, columns.width, first, table.ctypes.data, len(table), rows, Known.CONTROL, at
        )
        self._call(plan, "units", column_kernels.units, block)
        return slice(at, at + 3 * rows)

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

    def gradients(self, plan: ShardPlan, value: Value, dy: Tensor) -> None:
        """Tap dE/dvalue for every leaf that ends in it, and for those whose gradient follows.

        What the backward pass of a ReLU masks next is tapped by it, before and after.
        """
        if value in self._gradients_done:
            return
        mask = self._mask(plan, value)
        if mask is not None:
            self._waiting.setdefault(mask, value)
            return
        leaves = list(self._same_gradient(value))
        if leaves:
            plan.path = leaves[0][0]
            dy = plan.convert(dy, dy.layout.as_half(False))
            at = self._room(kernels.OF_MAGNITUDES)
            sized = kernels.Sized(dy, dy.elements, Known.CONTROL, at)
            self._call(plan, "activation_gradient", kernels.magnitudes, sized)
            self._found(plan, leaves, at)

    def masking(
        self, plan: ShardPlan, node: Node, kernel: Kernel[B], tapped: Callable[[Address, int], B]
    ) -> bool:
        """Emit the backward pass of a ReLU, tapped before and after if asked for; return whether it was."""
        (x,) = node.inputs
        before = list(self._same_gradient(self._waiting.pop(node))) if node in self._waiting else []
        alone = self.graph.users(x) == [node] and x not in self._gradients_done
        after = list(self._same_gradient(x)) if alone else []
        if not before and not after:
            return False
        at = self._room(2 * kernels.OF_MAGNITUDES)
        plan.call(kernel, tapped(Known.CONTROL, at), why="tapped before and after")
        self._found(plan, before, at)
        self._found(plan, after, at + kernels.OF_MAGNITUDES)
        return True

    def _mask(self, plan: ShardPlan, value: Value) -> Node | None:
        """The ReLU whose backward pass reads dE/dvalue next, but for reshapes, and writes over it."""
        node = value.node
        while node is not None and node.op == "reshape" and self.graph.users(node.inputs[0]) == [node]:
            node = node.inputs[0].node
        if node is None or plan.half or not plan.wants_gradient(node.inputs[0]):
            return None
        return node if is_relu(node) or (node.op == "max_pool" and "inside" in node.settings) else None

    def _found(self, plan: ShardPlan, leaves: Iterable[tuple[str, Value]], at: int) -> None:
        """Remember the place of what is taken of gradients at leaves."""
        for path, value in leaves:
            self.taps.append(Tap(path, "activation_gradient", at, plan.shard.batch * prod(value.shape)))

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

    def parameters(self) -> tuple[int, int]:
        """Have the update tap every parameter; return their number and the place of what it takes."""
        at = self._room(kernels.OF_PARAMETER * len(self._parameters))
        for number, (path, spec) in enumerate(self._parameters.items()):
            place = at + kernels.OF_PARAMETER * number
            for role in ("weight", "weight_gradient", "update"):
                self.taps.append(Tap(path, role, place, prod(spec.shape)))
                place += kernels.numbers_of(role)
        return len(self._parameters), at


def _masks(plan: ShardPlan) -> Buffer:
    """Room for the masks of every worker."""
    return Buffer(kernels.MASKS * plan.shard.team)


def _cut(layout: Layout, *, fine: bool) -> Iterator[tuple[int, tuple[int, int, int], Array]]:
    """Cut a tensor into columns: first element, (parts, elements a part, stride), logical numbers of columns.

    `fine` asks for a column for every element of a sample; else those of a channel may share one.
    """
    sample, S, B = layout.elements // layout.rows, layout.space, layout.block
    if layout.is_plain or (layout.is_last and fine):
        yield 0, (1, layout.elements, 0), layout.numbers()
    elif layout.is_last:
        yield 0, (1, layout.elements, 0), layout.numbers()[: layout.channels]
    else:
        for block in range(sample // (S * B)):
            numbers = layout.numbers().reshape(-1, S * B)[block]
            yield block * S * B, (layout.rows, S * B, sample), numbers if fine else numbers[:B]


def _from_first(units: Array) -> Array:
    """Units counted from the first of a block; -1 stays."""
    lowest = units[units >= 0].min(initial=units.max(initial=0))
    return np.where(units >= 0, units - lowest, -1)
