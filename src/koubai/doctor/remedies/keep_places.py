"""Give back what a mean over all places takes away."""

from __future__ import annotations

from dataclasses import replace

from koubai.core.layer import Layer
from koubai.data.dataset import Dataset
from koubai.doctor.remedies.remedy import REMEDIES, Remedy
from koubai.doctor.remedies.trees import leaves, rewrite
from koubai.layers.flatten import Flatten
from koubai.layers.global_average_pool import GlobalAveragePool
from koubai.train.recipe import Recipe


@REMEDIES.register
class KeepPlaces(Remedy):
    """Every place of a feature map is kept, instead of their mean.

    Side effect: more weights, and an object counts as another one elsewhere.
    """

    treats = ("under_fitting",)

    def apply(self, recipe: Recipe, dataset: Dataset) -> Recipe | None:
        """Flatten where places were averaged; None where they are not."""
        if not any(isinstance(leaf, GlobalAveragePool) for leaf in leaves(recipe.network)):
            return None
        return replace(recipe, network=rewrite(recipe.network, _flattened))


def _flattened(leaf: Layer) -> list[Layer]:
    return [Flatten() if isinstance(leaf, GlobalAveragePool) else leaf]
