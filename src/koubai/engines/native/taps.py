"""Taps: the sums a program takes of its tensors (tap_reader.py tells what they are)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from math import gcd, prod

import numpy as np

from koubai.core.params import Array
from koubai.engines.native.fuse import disjoint, is_relu
from koubai.engines.native.graph import Graph, Node, Value
from koubai.engines.native.instructions import Argument, At, Buffer, Named, Tensor
from koubai.engines.native.kernels import sums as kernels
from koubai.engines.native.kernels.base import Kernel
from koubai.engines.native.kernels.simd import LANES
from koubai.engines.native.layout import Layout
from koubai.engines.native.plan import Plan
from koubai.network.network import Network

_CONTROL = Named("control")
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


class Taps:
    """Emits the taps of a plan and remembers them.

    One pass serves several tensors: a reshape has the same elements; max(0, x) is summed together with x;
    what a pooling with disjoint windows sends back is its own dy among zeros.
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

    @staticmethod
    def needing(graph: Graph) -> set[Value]:
        """The values whose gradients taps ask for: all that are computed."""
        return {node.output for node in graph.nodes}

    def _room(self, numbers: int) -> int:
        """A place for so many numbers."""
        self.numbers += numbers
        return self.numbers - numbers

    def _call(self, plan: Plan, role: str, kernel: Kernel, *arguments: Argument) -> None:
        outer, plan.role = plan.role, "tap"
        plan.call(kernel, *arguments, why=role)
        plan.role = outer

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
            at, _, _ = self._moments(plan, tensor, (1, tensor.words, 0), 1, above=above)
            count = plan.part.batch * tensor.layout.features
            self.taps += [Tap(path, "activation", at, count, is_above) for path, _, is_above in leaves]
            return
        fine = any(member.shape[0] != tensor.layout.channels for _, member, _ in leaves)
        for start, extent, numbers in _columns(tensor.layout, fine=fine):
            at, columns, width = self._moments(
                plan, At(tensor.buffer, 4 * start), extent, len(numbers), above=above
            )
            per_column = plan.part.batch * extent[0] * extent[1] // (tensor.layout.rows * len(numbers))
            count = per_column * int((numbers >= 0).sum())
            for path, member, is_above in leaves:
                table = _from_first(np.where(numbers >= 0, numbers // prod(member.shape[1:]), -1))
                rows = self._units(plan, columns, width, table, is_above)
                self.taps.append(Tap(path, "activation", at, count, is_above, rows))

    def _moments(
        self, plan: Plan, x: Tensor | At, extent: tuple[int, int, int], period: int, *, above: bool
    ) -> tuple[int, Buffer, int]:
        """Emit one pass over (parts, words a part, words from part to part), in columns of that period.

        Return the place of its sums, the columns and their number.
        """
        repeats = LANES // gcd(period, LANES)  # so that rows fill vectors
        width = period * repeats if period * repeats <= _WIDEST else period
        at = self._room(kernels.ALL_ABOVE if above else kernels.ALL)
        columns = Buffer(8 * kernels.ALL_ABOVE * -(-width // LANES) * LANES * plan.part.team)
        self._call(
            plan, "activation", kernels.moments, x, *extent, width, period, int(above), columns, _CONTROL, at
        )
        return at, columns, width

    def _units(self, plan: Plan, columns: Buffer, width: int, table: Array, above: bool) -> slice:
        """Emit what makes rows of units from the columns of a pass; return the places of the rows."""
        self.tables.append(table)
        rows = int(table.max(initial=-1)) + 1
        at = self._room(3 * rows)
        taken = (
            (kernels.ABOVE_NONZEROS, kernels.ABOVE_TOTAL, kernels.ABOVE_SQUARES)
            if above
            else (kernels.NONZEROS, kernels.TOTAL, kernels.SQUARES)
        )
        where = (*taken, table.ctypes.data, len(table), rows, _CONTROL, at)
        self._call(plan, "units", kernels.units, columns, width, *where)
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

    def gradients(self, plan: Plan, value: Value, dy: Tensor) -> None:
        """Tap dE/dvalue for every leaf that ends in it, and for those whose gradient follows."""
        if value in self._gradients_done:
            return
        leaves = list(self._same_gradient(value))
        if leaves:
            plan.path = leaves[0][0]
            dy = plan.convert(dy, dy.layout.as_half(False))
            at = self._room(kernels.SIZES)
            self._call(plan, "activation_gradient", kernels.magnitudes, dy, dy.words, _CONTROL, at)
            for path, member in leaves:
                count = plan.part.batch * prod(member.shape)
                self.taps.append(Tap(path, "activation_gradient", at, count))

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

    def parameters(self) -> tuple[int, int]:
        """Have the update tap every parameter; return their number and the place of what it takes."""
        at = self._room(3 * kernels.SIZES * len(self._parameters))
        for number, (path, spec) in enumerate(self._parameters.items()):
            for role, name in enumerate(("weight", "weight_gradient", "update")):
                place = at + kernels.SIZES * (3 * number + role)
                self.taps.append(Tap(path, name, place, prod(spec.shape)))
        return len(self._parameters), at


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


def _from_first(units: Array) -> Array:
    """Units counted from the first of a block; -1 stays."""
    lowest = units[units >= 0].min(initial=units.max(initial=0))
    return np.where(units >= 0, units - lowest, -1)
