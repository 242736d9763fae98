"""Divide the learning rate: by ten, by a hundred, by a thousand."""

from __future__ import annotations

from typing import ClassVar

from koubai.data.dataset import Dataset
from koubai.doctor.remedies.remedy import REMEDIES, Remedy
from koubai.train.recipe import Recipe


@REMEDIES.register
class LowerLearningRate(Remedy):
    """alpha <- alpha / 10. Side effect: more steps are needed."""

    by: ClassVar[float] = 10.0
    treats: ClassVar[tuple[str, ...]] = (
        "learning_rate_too_high",
        "oscillation",
        "not_finite",
        "exploding_gradient",
    )

    def apply(self, recipe: Recipe, dataset: Dataset) -> Recipe:
        """Divide."""
        return recipe.edit(optimizer__learning_rate=recipe.optimizer.learning_rate / self.by)


@REMEDIES.register
class LowerLearningRateHundredfold(LowerLearningRate):
    """alpha <- alpha / 100. Side effect: many more steps are needed."""

    by: ClassVar[float] = 100.0
    treats: ClassVar[tuple[str, ...]] = ("learning_rate_too_high",)


@REMEDIES.register
class LowerLearningRateThousandfold(LowerLearningRate):
    """alpha <- alpha / 1000. Side effect: many more steps are needed."""

    by: ClassVar[float] = 1000.0
    treats: ClassVar[tuple[str, ...]] = ("learning_rate_too_high",)
