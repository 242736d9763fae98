"""Lion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from koubai.core.checks import at_least, share
from koubai.core.params import Array
from koubai.optim.optimizer import OPTIMIZERS, Optimizer


@OPTIMIZERS.register
@dataclass(frozen=True)
class Lion(Optimizer):
    """Every weight moves by alpha, in the direction of a sign: found by a search over programs.

        c = beta1 m + (1 - beta1) dw
        w <- w - alpha sign(c)
        m <- beta2 m + (1 - beta2) dw

    | symbol       | name                                                   |
    |--------------|--------------------------------------------------------|
    | m            | running mean of gradients, from 0                      |
    | c            | the same with more of the newest gradient; not kept    |
    | beta1, beta2 | shares of the past that are kept                       |

    Before the update w <- (1 - alpha lambda) w, lambda the weight_decay (0 unless set), as in AdamW. The
    paper advises a learning rate three to ten times smaller than Adam's.
    Source: Chen et al. 2023, algorithm 2.
    """

    adaptive: ClassVar[bool] = True
    slots = ("m",)
    learning_rate: float = 0.0001
    beta1: float = 0.9
    beta2: float = 0.99
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        share(self, beta1=self.beta1, beta2=self.beta2)
        at_least(self, 0, weight_decay=self.weight_decay)

    def update(self, w: Array, dw: Array, slots: dict[str, Array], alpha: float, t: int) -> None:
        """Step by the sign, then move the mean."""
        m = slots["m"]
        w -= alpha * np.sign(self.beta1 * m + (1 - self.beta1) * dw)
        m *= self.beta2
        m += (1 - self.beta2) * dw

    def decoupled_decay(self) -> float:
        """Return lambda."""
        return self.weight_decay
