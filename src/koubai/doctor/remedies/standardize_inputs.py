"""Bring the inputs to mean 0 and standard deviation 1."""

from __future__ import annotations

from koubai.data.dataset import Dataset
from koubai.doctor.remedies.remedy import REMEDIES, Remedy
from koubai.train.recipe import Recipe


@REMEDIES.register
class StandardizeInputs(Remedy):
    """x <- (x - mean) / std, per channel, by the training part. Side effect: new inputs need the same."""

    treats = ("data_not_normalized", "data_squashed")

    def apply(self, recipe: Recipe, dataset: Dataset) -> Recipe | None:
        """Set the data's scale; None if it is standard already."""
        return None if recipe.data.scale == "standard" else recipe.edit(data__scale="standard")
