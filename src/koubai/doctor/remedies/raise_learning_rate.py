"""Multiply the learning rate."""

from __future__ import annotations

from dataclasses import dataclass

from koubai.data.dataset import Dataset
from koubai.doctor.remedies.remedy import REMEDIES, Remedy
from koubai.train.recipe import Recipe


@REMEDIES.register
@dataclass(frozen=True)
class RaiseLearningRate(Remedy):
    """eps <- eps by. Side effect: too much of it diverges."""

    by: float = 10.0
    treats = ("learning_rate_too_low", "too_few_steps")

    def apply(self, recipe: Recipe, dataset: Dataset) -> Recipe:
        """Multiply."""
        return recipe.edit(optimizer__learning_rate=recipe.optimizer.learning_rate * self.by)
