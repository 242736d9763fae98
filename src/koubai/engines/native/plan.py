"""Plan: a graph becomes instructions over buffers. Addresses come later (arena.py, link.py)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from koubai.core.params import Shape
from koubai.engines.native.graph import Graph, Node, Stored, Value
from koubai.engines.native.instructions import (
    Barrier,
    BatchShard,
    Buffer,
    Call,
    Instruction,
    LossSum,
    Python,
    Tensor,
)
from koubai.engines.native.kernels import half, moving
from koubai.engines.native.kernels.base import B, Kernel
from koubai.engines.native.kernels.block import Address
from koubai.engines.native.kernels.one_channel import OneChannelConvolution
from koubai.engines.native.kernels.pool import Pool
from koubai.engines.native.layout import Layout
from koubai.engines.native.store import ParameterStore


class Tapping(Protocol):
    """What is done besides with tensors while they exist (taps.py)."""

    def activations(self, plan: ShardPlan, value: Value) -> None:
        """A value was emitted."""
        ...

    def pooling(self, plan: ShardPlan, node: Node, pool: Pool) -> bool:
        """A maximum pooling is to be emitted; return whether it was, by a kernel that taps."""
        ...

    def gradients(self, plan: ShardPlan, value: Value, dy: Tensor) -> None:
        """The gradient of a value is complete."""
        ...

    def masking(
        self, plan: ShardPlan, node: Node, kernel: Kernel[B], tapped: Callable[[Address, int], B]
    ) -> bool:
        """The backward pass of a ReLU is to be emitted; return whether it was, by a kernel that taps.

        `tapped` makes its block of the control block and the place of what it takes.
        """
        ...

    def parameters(self) -> tuple[int, int]:
        """How many parameters the update taps, and the place of the first of its numbers."""
        ...


class Op(Protocol):
    """How a verb becomes instructions: forward, with its adjoint beside it.

    `keeps_output` says whether backward reads y, so that a reader of y does not overwrite it; "sign" means
    that only whether y is above 0 matters. Of x nothing need be said: only the last reader of a value may
    overwrite it, and that is the op itself.
    """

    def keeps_output(self, node: Node) -> bool | str:
        """Whether backward reads y."""
        ...

    def forward(self, plan: ShardPlan, node: Node) -> None:
        """Emit y and record where it lies."""
        ...

    def backward(self, plan: ShardPlan, node: Node, dy: Tensor) -> None:
        """Emit the gradients, given dy, which may be overwritten."""
        ...


class ShardPlan:
    """The instructions of one shard for one graph, as they are emitted."""

    def __init__(
        self,
        kind: str,
        graph: Graph,
        shard: BatchShard,
        store: ParameterStore,
        ops: Mapping[str, Op],
        *,
        half: bool = False,
        exact: bool = False,
    ) -> None:
        self.kind, self.graph, self.shard, self.store, self.ops = kind, graph, shard, store, ops
        self.half = half  # whether products are taken of bfloat16 numbers
        self.exact = exact  # whether convolutions are direct sums, never Winograd's
        self.training = not kind.startswith("predict")
        self.instructions: list[Instruction] = []
        self.values: dict[Value, Tensor] = {}
        self.gradients: dict[Value, Tensor] = {}
        self.saved: dict[Node, Any] = {}
        self.pending: dict[Value, OneChannelConvolution] = {}  # what the pooling that reads it computes, too
        self.pooled: dict[Value, Pool | None] = {}  # gradients that are left as the pooling has them
        self.needing: set[Value] = graph.needing_gradient() if self.training else set()
        self._shared = 0
        self._converted: dict[tuple[Value, Layout], Tensor] = {}
        self.path, self.role = "", "forward"
        self.taps: Tapping | None = None

    # ------------------------------------------------------------------------------------ buffers

    def new(self, layout: Layout) -> Tensor:
        """A tensor in the shard's arena."""
        return Tensor(Buffer(layout.nbytes), layout)

    def plain(self, shape: Shape) -> Tensor:
        """A float32 tensor in C order, a row per sample."""
        return self.new(Layout.plain(self.shard.rows, shape))

    def floats(self, count: int) -> Buffer:
        """Float32 numbers in the shard's arena."""
        return Buffer(4 * count)

    def shared(self, nbytes: int) -> Buffer:
        """Bytes that all shards share: the n-th request of one shard gets what the n-th of another does."""
        self._shared += 1
        return self.store.shared(self.kind, self._shared, nbytes)

    def weight(self, stored: Stored) -> Buffer:
        """A parameter or a kept buffer."""
        return self.store.weight(stored)

    def gradient(self, stored: Stored) -> Buffer:
        """A parameter's gradient, this shard's."""
        return self.store.gradient(stored)

    # ------------------------------------------------------------------------------------ instructions

    def emit(self, instruction: Instruction) -> None:
        """Add a row."""
        self.instructions.append(instruction)

    def call(self, kernel: Kernel[B], block: B, *, alone: bool = False, why: str = "") -> None:
        """A kernel, run by all threads of the shard, or by one alone."""
        self.emit(Call(self.path, self.role, kernel, block, alone, why=why))

    def barrier(self) -> None:
        """All shards meet."""
        if self.shard.shards > 1:
            self.emit(Barrier(self.path, self.role))

    def sum_loss(self) -> None:
        """Add up what the workers left of the loss; between two barriers, while no shard can write again."""
        self.emit(LossSum(self.path, self.role))

    def run_python(self, action: str, node: Node | None, *tensors: Tensor | Buffer, why: str) -> None:
        """Return to Python at this point, to do what `action` names."""
        self.emit(Python(self.path, self.role, action, node, tensors, why=why))

    # ------------------------------------------------------------------------------------ values

    def set(self, value: Value, tensor: Tensor) -> None:
        """Say where a value lies."""
        self.values[value] = tensor

    def get(self, value: Value, *layouts: Layout) -> Tensor:
        """Where a value lies, in one of `layouts`: the first, if it must be converted; none given: any."""
        tensor = self.values[value]
        if not layouts or tensor.layout in layouts:
            return tensor
        if (value, layouts[0]) not in self._converted:
            self._converted[value, layouts[0]] = self.convert(tensor, layouts[0])
        return self._converted[value, layouts[0]]

    def last(self, shape: Shape) -> Layout:
        """Channels last, for this shard's samples."""
        return Layout.last(self.shard.rows, shape)

    def convert(self, tensor: Tensor, layout: Layout) -> Tensor:
        """Copy a tensor into another layout, by way of channels last where there is no direct one."""
        source = tensor.layout
        if source == layout:
            return tensor
        if source.half or source == layout.as_half(False):
            target = self.new(source.as_half(not source.half))
            narrow = half.to_float if source.half else half.to_half
            self.call(narrow, moving.Copy(tensor, target, tensor.elements), why=f"{source} to {layout}")
            return self.convert(target, layout)
        inner = layout if source.is_plain else source  # plain knows no C and S; the other side does
        C, S, why = inner.channels, inner.space, f"{source} to {layout}, as this layer reads it"
        if source.is_plain:
            target = self.new(Layout(source.rows, C, S, C))
            kernel = moving.first_to_last
        elif not source.is_last:
            target = self.new(Layout(source.rows, C, S, C))
            kernel = moving.block_to_last
        elif not layout.is_plain and (layout.channels, layout.space) == (C, S):
            target = self.new(layout)
            kernel = moving.last_to_block
        else:
            target = self.plain((source.features,))
            kernel = moving.last_to_first
        B = layout.block if source.is_last else source.block
        self.call(kernel, moving.Reorder(tensor, target, source.rows, C, S, B), why=why)
        return self.convert(target, layout)

    def copy(self, tensor: Tensor) -> Tensor:
        """The same elements in memory of their own."""
        target = self.new(tensor.layout)
        self.call(moving.copy, moving.Copy(tensor, target, -(-tensor.layout.nbytes // 4)))
        return target

    def wants_gradient(self, value: Value) -> bool:
        """Whether dE/dvalue is asked for."""
        return value in self.needing

    def contribute(self, value: Value, dx: Tensor, *, owned: bool = True) -> None:
        """Add to dE/dvalue; `owned` False says that `dx` is still used by somebody else."""
        before = self.gradients.get(value)
        if before is None:
            self.gradients[value] = dx if owned else self.copy(dx)
        else:
            self.gradients[value] = before = self.convert(before, before.layout.as_half(False))
            block = moving.Copy(self.convert(dx, before.layout), before, before.elements)
            self.call(moving.add_into, block)

    def own(self, node: Node, x: Value) -> Tensor:
        """A tensor with the value of x that `node` may overwrite: x itself where nobody else needs it."""
        tensor = self.values[x]
        return tensor if self.may_overwrite(x, node) else self.copy(tensor)

    def may_overwrite(self, x: Value, node: Node) -> bool:
        """Whether `node` is the only one that will ever read x again, reshapes looked through."""
        value, reader = x, node
        while (
            value.node is not None and value is not self.graph.output and self.graph.users(value) == [reader]
        ):
            maker = value.node
            if maker.op == "reshape" or (maker.op == "dropout" and not self.training):
                value, reader = maker.inputs[0], maker
                continue
            keeps = self.training and self.ops[maker.op].keeps_output(maker)
            return not keeps or (keeps == "sign" and node.op == "dropout")
        return False

    def ends(self, value: Value) -> bool:
        """Whether a value is what the network puts out, but for functions of its elements."""
        users = self.graph.users(value)
        by_element = len(users) == 1 and users[0].op in ("dropout", "reshape", "pointwise", "softmax")
        return value is self.graph.output or (by_element and self.ends(users[0].output))

    def feeds_only(self, node: Node, ops: Sequence[str]) -> Node | None:
        """The single reader of a node's output, if it is one of `ops`."""
        users = self.graph.users(node.output)
        return (
            users[0]
            if len(users) == 1 and users[0].op in ops and node.output is not self.graph.output
            else None
        )
