"""Held scale: how inputs that the network is evaluated on differ from those it learns from."""

from __future__ import annotations

from dataclasses import dataclass

RATIO = 1.5  # of deviations, one way or the other: less is no other scale
SHIFT = 0.5  # of the deviation in training, by which means may differ


@dataclass(frozen=True)
class HeldScale:
    """Inputs of the evaluation that lie elsewhere, and what the loss is when they are brought back.

    | field    | meaning                                                                     |
    |----------|-----------------------------------------------------------------------------|
    | ratio    | their deviation / that of training (the median feature's)                   |
    | shift    | distance of the means / deviation of training (the median feature's)        |
    | trained  | mean loss on samples of training, in test mode                              |
    | loss     | mean loss on them, as they are                                              |
    | rescaled | mean loss on them, moved and scaled to the mean and deviation of training   |
    """

    ratio: float
    shift: float
    trained: float
    loss: float
    rescaled: float

    @property
    def closed(self) -> float:
        """Share of the way from the loss as it is to that of training that scaling goes."""
        gap = self.loss - self.trained
        return (self.loss - self.rescaled) / gap if gap > 0 else 0.0


@dataclass(frozen=True)
class OwnScale:
    """Inputs of the evaluation, seen alone, that were not scaled as those of training.

    | field | meaning                                                                                  |
    |-------|------------------------------------------------------------------------------------------|
    | how   | "deviation": to mean 0 and deviation 1 of their own; "bounds": to bounds of their own;   |
    |       | "otherwise": their scale is another one by far                                           |
    | ratio | their deviation / that of training (the median feature's)                                |
    """

    how: str
    ratio: float
