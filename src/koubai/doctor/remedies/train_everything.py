"""Let every parameter be updated."""

from __future__ import annotations

from dataclasses import replace

from koubai.data.dataset import Dataset
from koubai.doctor.remedies.remedy import REMEDIES, Remedy
from koubai.train.recipe import Recipe


@REMEDIES.register
class TrainEverything(Remedy):
    """No parameter stays frozen. Side effect: none if the freezing was not meant."""

    treats = ("not_training",)

    def apply(self, recipe: Recipe, dataset: Dataset) -> Recipe | None:
        """Thaw; None if nothing is frozen."""
        return replace(recipe, frozen=()) if recipe.frozen else None
