"""Aims: which way a program pushes, as far as that can be told without asking how well it does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Aims:
    """What is known of the signs of a program's objectives.

    | field   | meaning                                                                              |
    |---------|--------------------------------------------------------------------------------------|
    | sinks   | operations of summands of the loss that have no lower bound: minus a square, say     |
    | weighed | whether log-probabilities are weighed by numbers of any sign, without a minus        |
    | chased  | whether the largest answer to what follows is a target, and has a gradient           |
    | paid    | what the program printed of its returns, in order                                    |
    | allied  | whether two networks that should compete push the same way                           |
    | runaway | whether all that pulls the logarithms of scales in the loss pulls them the same way  |
    | punished | whether the loss of a policy grows with the entropy of its answers                  |
    | swapped | whether unlike pairs of inputs are pulled together, and like ones pushed apart       |
    """

    sinks: tuple[str, ...] = ()
    weighed: bool = False
    chased: bool = False
    paid: tuple[float, ...] = ()
    allied: bool = False
    swapped: bool = False
    runaway: bool = False
    punished: bool = False
