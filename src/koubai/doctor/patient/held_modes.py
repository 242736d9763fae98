"""Held modes: what it costs that the network is evaluated in training mode, or as if it were."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class HeldModes:
    """The same samples of the evaluation, answered in test mode and as they were: in training mode.

    | field                 | meaning                                                            |
    |-----------------------|--------------------------------------------------------------------|
    | rows                  | samples                                                            |
    | classes               | whether the skill is an accuracy                                   |
    | loss, loss_training   | mean loss in test mode and in training mode                        |
    | skill, skill_training | the same of the skill (NaN: not known)                             |
    | functions             | whether it was in test mode, and functions still took units away   |
    """

    rows: int
    classes: bool
    loss: float
    loss_training: float
    skill: float
    skill_training: float
    functions: bool = False
