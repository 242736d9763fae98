"""Bound the norm of the gradient."""

from __future__ import annotations

from dataclasses import dataclass, replace

from koubai.data.dataset import Dataset
from koubai.doctor.remedies.remedy import REMEDIES, Remedy
from koubai.optim.clipping import Clipping
from koubai.train.recipe import Recipe


@REMEDIES.register
@dataclass(frozen=True)
class ClipGradients(Remedy):
    """Gradients longer than `norm` are shortened to it (Pascanu et al. 2013). Side effect: slower there."""

    norm: float = 1.0
    treats = ("exploding_gradient",)

    def apply(self, recipe: Recipe, dataset: Dataset) -> Recipe | None:
        """Set the clipping; None if there is one."""
        return None if recipe.clipping is not None else replace(recipe, clipping=Clipping(norm=self.norm))
