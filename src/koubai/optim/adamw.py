"""AdamW."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from koubai.core.checks import at_least
from koubai.optim.adam import Adam
from koubai.optim.optimizer import OPTIMIZERS


@OPTIMIZERS.register
@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with weight decay beside the gradient: first w <- (1 - alpha lambda) w, then Adam's update.

    | symbol | name         |
    |--------|--------------|
    | lambda | weight_decay |

    An L2 penalty would pass through Adam's division, so that weights with large gradients decay less; here
    all decay alike. Biases and the scales of normalization do not decay (in PyTorch they do).
    Source: Loshchilov and Hutter 2019, algorithm 2.
    """

    adaptive: ClassVar[bool] = True

    weight_decay: float = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, 0, weight_decay=self.weight_decay)

    def decoupled_decay(self) -> float:
        """Return lambda."""
        return self.weight_decay
