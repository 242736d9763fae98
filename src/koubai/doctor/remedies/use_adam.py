"""Use Adam with its usual rate."""

from __future__ import annotations

from dataclasses import replace

from koubai.data.dataset import Dataset
from koubai.doctor.remedies.remedy import REMEDIES, Remedy
from koubai.optim.adam import Adam
from koubai.train.recipe import Recipe


@REMEDIES.register
class UseAdam(Remedy):
    """Adam, alpha .001. Side effect: two more tensors a parameter."""

    treats = ("learning_rate_too_low", "learning_rate_too_high")

    def apply(self, recipe: Recipe, dataset: Dataset) -> Recipe | None:
        """Replace the optimizer; None if it is this one."""
        return None if recipe.optimizer == Adam() else replace(recipe, optimizer=Adam())
