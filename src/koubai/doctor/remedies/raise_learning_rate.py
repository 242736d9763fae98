"""Multiply the learning rate: by ten, by a hundred, by a thousand."""

from __future__ import annotations

from typing import ClassVar

from koubai.data.dataset import Dataset
from koubai.doctor.remedies.remedy import REMEDIES, Remedy
from koubai.train.recipe import Recipe


@REMEDIES.register
class RaiseLearningRate(Remedy):
    """alpha <- 10 alpha. Side effect: too much of it diverges."""

    by: ClassVar[float] = 10.0
    treats: ClassVar[tuple[str, ...]] = ("learning_rate_too_low", "too_few_steps")

    def apply(self, recipe: Recipe, dataset: Dataset) -> Recipe:
        """Multiply."""
        return recipe.edit(optimizer__learning_rate=recipe.optimizer.learning_rate * self.by)


@REMEDIES.register
class RaiseLearningRateHundredfold(RaiseLearningRate):
    """alpha <- 100 alpha. Side effect: it may well diverge."""

    by: ClassVar[float] = 100.0
    treats: ClassVar[tuple[str, ...]] = ("learning_rate_too_low",)


@REMEDIES.register
class RaiseLearningRateThousandfold(RaiseLearningRate):
    """alpha <- 1000 alpha. Side effect: it may well diverge."""

    by: ClassVar[float] = 1000.0
    treats: ClassVar[tuple[str, ...]] = ("learning_rate_too_low",)
