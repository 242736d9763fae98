"""Bring the inputs to median 0 and limit those that lie far off."""

from __future__ import annotations

from koubai.data.dataset import Dataset
from koubai.doctor.remedies.remedy import REMEDIES, Remedy
from koubai.train.recipe import Recipe


@REMEDIES.register
class LimitOutliers(Remedy):
    """x <- (x - median) / spread, limited to [-5, 5]. Side effect: how far off a value was is lost."""

    treats = ("data_not_normalized",)

    def apply(self, recipe: Recipe, dataset: Dataset) -> Recipe | None:
        """Set the data's scale; None if it is robust already."""
        return None if recipe.data.scale == "robust" else recipe.edit(data__scale="robust")
