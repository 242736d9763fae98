"""First convolutions of one channel, as kernels of koubai's own; their gradients are oneDNN's."""

from __future__ import annotations

from koubai.engines.native.graph import Node
from koubai.engines.native.instructions import Tensor
from koubai.engines.native.kernels import one_channel, tiles
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
    M, _, KH, KW = node.stored["weight"].shape
    turned, bias = plan.floats(M * KH * KW), node.stored.get("bias")
    why = "W as the convolution reads it"
    plan.call(transpose, Matrix(plan.weight(node.stored["weight"]), turned, M, KH * KW), why=why)
    b = plan.weight(bias) if bias else 0
    _, H, W = node.inputs[0].shape
    convolution = one_channel.OneChannelConvolution(x, turned, b, plan.shard.rows, M, H, W, KH, KW)
    if plan.taps is None:
        plan.pending[node.output] = convolution
    else:
        plan.call(one_channel.convolve_into_blocks, one_channel.IntoBlocks(convolution, y))
