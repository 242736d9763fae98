"""Train longer."""

from __future__ import annotations

from dataclasses import dataclass, replace

from koubai.data.dataset import Dataset
from koubai.doctor.remedies.remedy import REMEDIES, Remedy
from koubai.train.recipe import Recipe


@REMEDIES.register
@dataclass(frozen=True)
class MoreSteps(Remedy):
    """`by` times as many updates. Side effect: time."""

    by: int = 4
    treats = ("too_few_steps",)

    def apply(self, recipe: Recipe, dataset: Dataset) -> Recipe:
        """Multiply."""
        return replace(recipe, steps=recipe.steps * self.by)
