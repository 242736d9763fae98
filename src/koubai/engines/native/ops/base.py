"""What most ops are: backward reads neither x nor y unless a class says so."""

from __future__ import annotations

from koubai.engines.native.graph import Node
from koubai.engines.native.instructions import Tensor
from koubai.engines.native.plan import ShardPlan


class BaseOp:
    """Defaults of the protocol Op."""

    def keeps_output(self, node: Node) -> bool | str:
        """No; but a reader whose backward needs its input keeps it."""
        return False

    def forward(self, plan: ShardPlan, node: Node) -> None:
        """Emit y."""
        raise NotImplementedError

    def backward(self, plan: ShardPlan, node: Node, dy: Tensor) -> None:
        """Emit dx."""
        raise NotImplementedError


def two_axes(numbers: tuple[int, ...], alone: int) -> tuple[int, int]:
    """One axis of space counts as the columns of a single row."""
    return (alone, numbers[0]) if len(numbers) == 1 else (numbers[0], numbers[1])
