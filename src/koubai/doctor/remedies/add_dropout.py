"""Silence hidden units at random while training."""

from __future__ import annotations

from dataclasses import dataclass, replace

from koubai.core.layer import Layer
from koubai.data.dataset import Dataset
from koubai.doctor.remedies.remedy import REMEDIES, Remedy
from koubai.doctor.remedies.trees import hidden_activations, is_activation, leaves, rewrite_hidden
from koubai.layers.dropout import Dropout
from koubai.train.recipe import Recipe


@REMEDIES.register
@dataclass(frozen=True)
class AddDropout(Remedy):
    """Dropout behind every hidden activation. Side effects: slow, the training loss looks worse."""

    ratio: float = 0.5
    treats = ("over_fitting", "label_noise")

    def apply(self, recipe: Recipe, dataset: Dataset) -> Recipe | None:
        """Insert; None if there is dropout, or no hidden activation."""
        if any(leaf.random for leaf in leaves(recipe.network)):
            return None
        if not hidden_activations(recipe.network):
            return None

        def edit(leaf: Layer) -> list[Layer]:
            return [leaf, Dropout(self.ratio)] if is_activation(leaf) else [leaf]

        return replace(recipe, network=rewrite_hidden(recipe.network, edit))
