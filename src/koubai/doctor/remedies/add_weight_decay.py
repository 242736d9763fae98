"""Pull the weights towards 0."""

from __future__ import annotations

from dataclasses import dataclass, replace

from koubai.data.dataset import Dataset
from koubai.doctor.remedies.remedy import REMEDIES, Remedy
from koubai.penalties.p_norm import L2
from koubai.train.recipe import Recipe


@REMEDIES.register
@dataclass(frozen=True)
class AddWeightDecay(Remedy):
    """An L2 penalty. Side effect: too strong, and the network fits nothing."""

    strength: float = 0.01
    treats = ("over_fitting",)

    def apply(self, recipe: Recipe, dataset: Dataset) -> Recipe | None:
        """Add; None if there is a penalty."""
        return None if recipe.penalties else replace(recipe, penalties=(L2(self.strength),))
