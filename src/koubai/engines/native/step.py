"""Step: what a whole training step emits besides the verbs: drawing the batch, the loss, the update."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import prod

from koubai.engines.native.graph import Node, Unsupported
from koubai.engines.native.instructions import Buffer, Known
from koubai.engines.native.kernels import batch, losses, update
from koubai.engines.native.kernels.optimizers import OPTIMIZERS
from koubai.engines.native.layout import Layout
from koubai.engines.native.plan import ShardPlan
from koubai.engines.native.structure import Structure


class NoKernel(Exception):
    """There is no fast way to compute the node at `path`, and why."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path}: {why}")
        self.path, self.why = path, why


@contextmanager
def _naming(node: Node) -> Iterator[None]:
    """Say which node it was that cannot be computed."""
    try:
        yield
    except Unsupported as reason:
        raise NoKernel(node.path, reason.why) from reason


def emit_step(plan: ShardPlan, structure: Structure) -> Buffer:
    """Emit one training step; return where the workers leave their parts of the loss."""
    targets = _draw(plan, structure)
    emit_forward(plan)
    parts = _loss(plan, structure, targets)
    _backward(plan)
    _update(plan, structure)
    return parts


def _draw(plan: ShardPlan, structure: Structure) -> Buffer:
    _draw_inputs(plan, Known.INPUTS)
    rows = plan.shard.rows
    if structure.target:
        t = plan.floats(rows * structure.target)
        plan.call(batch.draw_values, batch.Rows(Known.TARGETS, t, structure.target, rows, Known.CONTROL))
    else:
        t = Buffer(8 * rows)
        plan.call(batch.draw_labels, batch.Rows(Known.TARGETS, t, 1, rows, Known.CONTROL))
    return t


def _draw_inputs(plan: ShardPlan, source: Known) -> None:
    plan.path, plan.role = "", "batch"
    graph = plan.graph
    x = plan.plain(graph.input.shape)
    rows = batch.Rows(source, x, prod(graph.input.shape), plan.shard.rows, Known.CONTROL)
    plan.call(batch.draw_inputs, rows)
    plan.set(graph.input, x)


def emit_prediction(plan: ShardPlan) -> None:
    """Emit a forward pass on inputs that are asked about."""
    _draw_inputs(plan, Known.ASKED)
    emit_forward(plan)
    plan.path, plan.role = "", "answer"
    y = plan.get(plan.graph.output, Layout.plain(plan.shard.rows, plan.graph.output.shape))
    rows = batch.Rows(y, Known.ANSWERS, y.layout.features, plan.shard.rows, Known.CONTROL)
    plan.call(batch.put_outputs, rows)


def emit_forward(plan: ShardPlan) -> None:
    """Emit the forward pass."""
    for node in plan.graph.nodes:
        plan.path, plan.role = node.path, "forward"
        with _naming(node):
            plan.ops[node.op].forward(plan, node)
        if plan.taps is not None:
            plan.taps.activations(plan, node.output)


def _loss(plan: ShardPlan, structure: Structure, targets: Buffer) -> Buffer:
    plan.path, plan.role = "", "loss"
    graph, shard = plan.graph, plan.shard
    plain = Layout.plain(shard.rows, graph.output.shape)
    y, dy = plan.get(graph.output, plain), plan.new(plain)
    parts = plan.shared(64 * shard.workers)
    if structure.loss_has_kernel:
        kernel, field = losses.LOSSES[structure.loss.registry_name]
        parameter = float(getattr(structure.loss, field)) if field else 0.0
        sizes = shard.rows, y.layout.features, shard.batch, int(structure.target == 0), shard.worker
        plan.call(kernel, losses.Loss(y, targets, dy, parts, *sizes, parameter))
    else:
        plan.run_python("loss", None, y, dy, parts, why="the loss has no kernel")
    plan.gradients[graph.output] = dy
    return parts


def _backward(plan: ShardPlan) -> None:
    plan.role = "backward"
    for node in plan.graph.backward():
        if node.output in plan.gradients and plan.wants_gradient(node.output):
            plan.path = node.path
            dy = plan.gradients[node.output]
            if plan.taps is not None:
                plan.taps.gradients(plan, node.output, dy)
            with _naming(node):
                plan.ops[node.op].backward(plan, node, dy)


def _update(plan: ShardPlan, structure: Structure) -> None:
    plan.path, plan.role = "", "update"
    shard, weights, gradients = plan.shard, Known.WEIGHTS, Known.GRADIENTS
    workers = update.ShardWorkers(
        Known.CHUNKS, Known.BOUNDS, shard.workers, shard.worker, shard.workers // shard.team, Known.CONTROL
    )
    plan.barrier()
    plan.sum_loss()
    shards = _join(plan, structure, workers)
    norm: Buffer | int = 0
    if structure.clipping & update.BY_NORM:
        norm = plan.shared(8 * shard.workers)
        plan.call(update.square_sums, update.SquareSums(gradients, workers, structure.clipping, norm))
        plan.barrier()
    if structure.optimizer in OPTIMIZERS:
        tapped, at = plan.taps.parameters() if plan.taps is not None else (0, 0)
        room: Buffer | int = Buffer(update.ROOM * shard.team) if tapped else 0
        block = update.Update(
            weights, gradients, Known.GRADIENT_STRIDE, shards, Known.SLOT_1, Known.SLOT_2,
            Known.SLOT_3, workers, structure.clipping, norm, tapped, room, at,
        )  # fmt: skip
        plan.call(OPTIMIZERS[structure.optimizer], block)
    else:
        plan.run_python("update", None, why="the optimizer has no kernel")
    plan.barrier()


def _join(plan: ShardPlan, structure: Structure, workers: update.ShardWorkers) -> int:
    """Join the shards' gradients where more is added or their norm is asked for; return how many are left."""
    if structure.penalties is None:
        plan.run_python("penalties", None, why="a penalty has no kernel")
    elif structure.penalties or structure.clipping & update.BY_NORM:
        a, b, c, d, *_ = (*structure.penalties, 0, 0, 0, 0)
        block = update.Join(
            Known.WEIGHTS, Known.GRADIENTS, Known.GRADIENT_STRIDE, plan.shard.shards,
            workers, len(structure.penalties), (a, b, c, d),
        )  # fmt: skip
        plan.call(update.join_gradients, block)
    else:
        return plan.shard.shards
    return 1
