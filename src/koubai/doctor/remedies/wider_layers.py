"""Give hidden layers more units."""

from __future__ import annotations

from dataclasses import dataclass, replace

from koubai.core.layer import Layer
from koubai.data.dataset import Dataset
from koubai.doctor.remedies.remedy import REMEDIES, Remedy
from koubai.doctor.remedies.trees import leaves, rewrite_hidden
from koubai.layers.linear import Linear
from koubai.train.recipe import Recipe


@REMEDIES.register
@dataclass(frozen=True)
class WiderLayers(Remedy):
    """Hidden linear layers get `by` times as many units, at least 16. Side effect: slower, may over-fit."""

    by: int = 8
    treats = ("under_fitting",)

    def apply(self, recipe: Recipe, dataset: Dataset) -> Recipe | None:
        """Widen; None if there is no hidden linear layer."""
        if sum(isinstance(leaf, Linear) for leaf in leaves(recipe.network)) < 2:
            return None

        def edit(leaf: Layer) -> list[Layer]:
            if not isinstance(leaf, Linear):
                return [leaf]
            return [replace(leaf, out_features=max(16, leaf.out_features * self.by))]

        return replace(recipe, network=rewrite_hidden(recipe.network, edit))
