"""First convolutions of one channel, as kernels of koubai's own."""

from __future__ import annotations

from koubai.engines.native.graph import Node
from koubai.engines.native.instructions import Buffer, Tensor
from koubai.engines.native.kernels import one_channel, tiles
from koubai.engines.native.kernels import one_channel_weights as weights
from koubai.engines.native.kernels.simd import LANES
from koubai.engines.native.kernels.transpose import Matrix, transpose
from koubai.engines.native.layout import Layout
from koubai.engines.native.plan import ShardPlan


def fits(plan: ShardPlan, node: Node, y: Layout) -> bool:
    """Whether the kernels compute it: plain windows, outputs for most lanes, then a pooling of two by two.

    The same in all plans of a job, with taps and without.
    """
    s, (C, *_), (M, *out) = node.settings, node.inputs[0].shape, node.output.shape
    pool = plan.feeds_only(node, ("max_pool",))
    if pool is None or not tiles.HAVE_WIDE_REGISTERS or plan.half or C != 1 or len(out) != 2:
        return False
    windows = pool.settings
    of_two = (*windows["size"], *windows["stride"]) == (2, 2, 2, 2) and not any(windows["padding"])
    plain = {*s["stride"], *s["dilation"], s["groups"]} == {1} and not any(s["padding"])
    enough = -M % (2 * LANES) < LANES and out[0] >= one_channel.ROWS and out[1] >= one_channel.COLUMNS
    return of_two and plain and enough and y == Layout.blocked(plan.shard.rows, node.output.shape, LANES)


def forward(plan: ShardPlan, node: Node, x: Tensor, y: Tensor) -> None:
    """y; without taps the pooling computes it along with its own, and it is never in memory."""
    weight, bias = node.stored["weight"], node.stored.get("bias")
    M, _, KH, KW = weight.shape
    turned, b = plan.floats(M * KH * KW), plan.weight(bias) if bias else 0
    why = "W as the convolution reads it"
    plan.call(transpose, Matrix(plan.weight(weight), turned, M, KH * KW), why=why)
    convolution = _convolution(plan, node, x, turned, b)
    if plan.taps is None:
        plan.pending[node.output] = convolution
        if plan.training and has_weights(plan, node):
            plan.pooled[node.output] = None
    else:
        plan.call(one_channel.convolve_into_blocks, one_channel.IntoBlocks(convolution, y))


def has_weights(plan: ShardPlan, node: Node) -> bool:
    """Whether a kernel computes the gradients, too, of one that fits: of some windows, and no dx."""
    _, _, KH, KW = node.stored["weight"].shape
    return KH == KW and KH in weights.SIDES and not plan.wants_gradient(node.inputs[0])


def backward(plan: ShardPlan, node: Node, x: Tensor, dy: Tensor) -> None:
    """dW and db, of what the pooling has of dy where it left that (`plan.pooled`)."""
    weight, bias = node.stored["weight"], node.stored.get("bias")
    M, _, KH, KW = weight.shape
    _, H, W = node.inputs[0].shape
    turned, db = plan.floats(M * KH * KW), plan.gradient(bias) if bias else 0
    quads = plan.floats(plan.shard.team * weights.quads_of(H, W))
    convolution, pool = _convolution(plan, node, x, turned, db), plan.pooled.get(node.output)
    P, Q = (n // 2 for n in node.output.shape[1:])
    source = (pool.y, pool.places) if pool else (dy, 0)
    block = weights.OneChannelGradients(convolution, *source, P, Q, quads)
    plan.call(weights.one_channel_weights, block, why="with the pooling behind it" if pool else "")
    why = "unpack dW: to the order of W"
    plan.call(transpose, Matrix(turned, plan.gradient(weight), KH * KW, M), why=why)


def _convolution(
    plan: ShardPlan, node: Node, x: Tensor, weight: Buffer, bias: Buffer | int
) -> one_channel.OneChannelConvolution:
    (M, _, KH, KW), (_, H, W) = node.stored["weight"].shape, node.inputs[0].shape
    return one_channel.OneChannelConvolution(x, weight, bias, plan.shard.rows, M, H, W, KH, KW)
