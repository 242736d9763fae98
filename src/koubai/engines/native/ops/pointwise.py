"""Activations."""

from __future__ import annotations

from functools import partial

from koubai.engines.native.graph import Node
from koubai.engines.native.instructions import Tensor
from koubai.engines.native.kernels.activations import FUNCTIONS, relu_backward
from koubai.engines.native.kernels.half import relu_backward_half, relu_half
from koubai.engines.native.kernels.pointwise import (
    PIECE,
    Backward,
    Beside,
    InPlace,
    TappedMask,
    relu_backward_tapped,
)
from koubai.engines.native.layout import Layout
from koubai.engines.native.ops.base import BaseOp
from koubai.engines.native.plan import ShardPlan

_ZERO_AT_ZERO = {
    "relu",
    "leaky_relu",
    "elu",
    "selu",
    "tanh",
    "gelu",
    "silu",
    "mish",
}  # the padding of blocks stays 0
_SIGN_ONLY = {"relu", "leaky_relu"}


def _mask(plan: ShardPlan, node: Node, y: Tensor, dy: Tensor) -> None:
    """The backward pass of a ReLU: dy = 0 where y is not above 0."""
    block = Backward(y, dy, dy.elements)
    if y.layout.half:
        plan.call(relu_backward_half, block)
        return
    tapped = partial(TappedMask, y, dy, dy.elements, plan.floats(PIECE * plan.shard.team))
    if plan.taps is None or not plan.taps.masking(plan, node, relu_backward_tapped, tapped):
        plan.call(relu_backward, block)


class PointwiseOp(BaseOp):
    """y = f(u) in the place of u where nobody else needs u; du = dy f'(u) in the place of dy."""

    def keeps_output(self, node: Node) -> bool | str:
        """For the others."""
        function = node.settings["function"]
        return "sign" if function in _SIGN_ONLY else not FUNCTIONS[function].needs_u

    def forward(self, plan: ShardPlan, node: Node) -> None:
        """y = f(u)."""
        (x,), function = node.inputs, node.settings["function"]
        kernel, needs_u = FUNCTIONS[function].forward, FUNCTIONS[function].needs_u
        layout = plan.get(x).layout
        if layout.half and function == "relu":
            y = plan.own(node, x)
            plan.call(relu_half, InPlace(y, y.elements))
            plan.set(node.output, y)
            plan.saved[node] = y
            return
        layout = layout.as_half(False)
        if layout.elements != layout.rows * layout.features and function not in _ZERO_AT_ZERO:
            layout = Layout(layout.rows, layout.channels, layout.space, layout.channels)
        u = plan.get(x, layout)
        if needs_u:
            y = plan.new(u.layout)
            plan.call(kernel, Beside(u, y, u.elements, node.settings["constant"]))
        else:
            y = plan.own(node, x) if u is plan.get(x) else u
            plan.call(kernel, InPlace(y, y.elements, node.settings["constant"]))
        plan.set(node.output, y)
        plan.saved[node] = u if needs_u else y

    def backward(self, plan: ShardPlan, node: Node, dy: Tensor) -> None:
        """du = dy f'(u)."""
        (x,) = node.inputs
        if not plan.wants_gradient(x):
            return
        function, seen = node.settings["function"], plan.saved[node]
        du = plan.convert(dy, seen.layout)
        if function == "relu":
            _mask(plan, node, seen, du)
        else:
            block = Backward(seen, du, du.elements, node.settings["constant"])
            plan.call(FUNCTIONS[function].backward, block)
        plan.contribute(x, du)
