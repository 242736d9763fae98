"""Divide the learning rate."""

from __future__ import annotations

from dataclasses import dataclass

from koubai.data.dataset import Dataset
from koubai.doctor.remedies.remedy import REMEDIES, Remedy
from koubai.train.recipe import Recipe


@REMEDIES.register
@dataclass(frozen=True)
class LowerLearningRate(Remedy):
    """eps <- eps / by. Side effect: more steps are needed."""

    by: float = 10.0
    treats = ("learning_rate_too_high", "oscillation", "not_finite", "exploding_gradient")

    def apply(self, recipe: Recipe, dataset: Dataset) -> Recipe:
        """Divide."""
        return recipe.edit(optimizer__learning_rate=recipe.optimizer.learning_rate / self.by)
