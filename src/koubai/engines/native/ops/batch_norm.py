"""Batch normalization, alone or with the ReLU behind it."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from koubai.engines.native.graph import Node
from koubai.engines.native.instructions import Buffer, Tensor
from koubai.engines.native.kernels import batch_norm as kernels
from koubai.engines.native.kernels import batch_norm_backward as adjoint
from koubai.engines.native.ops.base import BaseOp
from koubai.engines.native.plan import ShardPlan

_WIDTH = 256  # numbers that a kernel takes as one row, about


class BatchNormOp(BaseOp):
    """Statistics of the whole batch, so that shards meet once in each direction."""

    def keeps_output(self, node: Node) -> bool | str:
        """Where ReLU is part of it."""
        return "sign" if node.settings.get("relu") else False

    def forward(self, plan: ShardPlan, node: Node) -> None:
        """y, and what backward needs."""
        (value,) = node.inputs
        layout = plan.last(value.shape)
        x, y = plan.get(value, layout), plan.new(layout)
        C, width, count = self._sizes(plan, node)
        saved = plan.floats(4 * width)
        if plan.training:
            self._statistics(plan, node, x, saved)
        else:
            gamma, beta, mean, variance = self._stored(plan, node)
            epsilon = node.settings["epsilon"]
            running = kernels.FromRunning(mean, variance, saved, gamma, beta, C, width, epsilon)
            plan.call(kernels.from_running, running, alone=True)
        relu = int(node.settings.get("relu", 0))
        why = "with the ReLU behind it" if relu else ""
        plan.call(kernels.normalize, kernels.Normalize(x, y, saved, count, C, width, relu), why=why)
        plan.set(node.output, y)
        plan.saved[node] = x, y, saved

    def _statistics(self, plan: ShardPlan, node: Node, x: Tensor, saved: Buffer) -> None:
        C, width, count = self._sizes(plan, node)
        shard, s = plan.shard, node.settings
        partial = plan.shared(8 * shard.workers * (2 * C + 1))
        scratch = plan.floats(2 * shard.team * width)
        sums = kernels.Statistics(x, partial, scratch, count, C, width, shard.worker)
        plan.call(kernels.statistics, sums)
        plan.barrier()
        gamma, beta, mean, variance = self._stored(plan, node)
        batch = kernels.Combine(
            partial, saved, gamma, beta, mean, variance, C, width,
            shard.workers, int(shard.number == 0), s["momentum"], s["epsilon"],
        )  # fmt: skip
        plan.call(kernels.combine, batch, alone=True)

    def backward(self, plan: ShardPlan, node: Node, dy: Tensor) -> None:
        """dgamma, dbeta; dx in the place of dy."""
        (value,), (x, y, saved), shard = node.inputs, plan.saved[node], plan.shard
        C, width, count = self._sizes(plan, node)
        dy = plan.convert(dy, x.layout)
        partial, scratch = plan.shared(16 * shard.workers * C), plan.floats(2 * shard.team * width)
        seen = y if node.settings.get("relu") else 0
        sums = adjoint.BackwardSums(x, seen, dy, saved, partial, scratch, count, C, width, shard.worker)
        plan.call(adjoint.backward_sums, sums)
        plan.barrier()
        dgamma, dbeta = (
            plan.gradient(node.stored[name]) if name in node.stored else 0 for name in ("gamma", "beta")
        )
        means, places = plan.floats(2 * width), shard.batch * prod(value.shape[1:])
        batch = adjoint.BackwardCombine(
            partial, saved, means, dgamma, dbeta, C, width, shard.workers, shard.worker, shard.team, places
        )
        plan.call(adjoint.backward_combine, batch, alone=True)
        if plan.wants_gradient(value):
            plan.call(adjoint.backward, adjoint.BatchNormBackward(x, dy, saved, means, count, C, width))
            plan.contribute(value, dy)

    @staticmethod
    def _sizes(plan: ShardPlan, node: Node) -> tuple[int, int, int]:
        """(C, width, count)."""
        shape = node.inputs[0].shape
        C = shape[0]
        return C, C * max(1, _WIDTH // C), plan.shard.rows * prod(shape)

    @staticmethod
    def _stored(plan: ShardPlan, node: Node) -> Iterator[Buffer | int]:
        """gamma, beta, running mean and variance."""
        for name in ("gamma", "beta", "mean", "variance"):
            yield plan.weight(node.stored[name]) if name in node.stored else 0
