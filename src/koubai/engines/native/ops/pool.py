"""What pooling needs, whatever it takes of a window."""

from __future__ import annotations

from koubai.engines.native.graph import Node
from koubai.engines.native.instructions import Tensor
from koubai.engines.native.kernels.pool import Windows
from koubai.engines.native.ops.base import two_axes
from koubai.engines.native.plan import ShardPlan


def windows(plan: ShardPlan, node: Node, block: int) -> Windows:
    """Return the windows of a node as its kernels see them."""
    s, x, y = node.settings, node.inputs[0].shape, node.output.shape
    space, out = two_axes(x[1:], 1), two_axes(y[1:], 1)
    window = (*two_axes(s["size"], 1), *two_axes(s["stride"], 1), *two_axes(s["padding"], 0))
    return Windows(plan.shard.rows, x[0], block, *space, *out, *window)


def blocks_of(plan: ShardPlan, node: Node, *, half: bool = True) -> tuple[Tensor, int]:
    """x as blocks of channels, and the size of a block; in bfloat16 only if `half` allows it."""
    (value,) = node.inputs
    layout = plan.get(value).layout
    if layout.is_plain or layout.is_last or layout.channels != value.shape[0]:
        layout = plan.last(value.shape).as_half(layout.half)
    x = plan.get(value, layout.as_half(layout.half and half))
    return x, value.shape[0] if layout.is_plain or layout.is_last else layout.block
