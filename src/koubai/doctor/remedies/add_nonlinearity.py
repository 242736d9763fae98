"""Put ReLU between weighted layers that follow each other directly."""

from __future__ import annotations

from dataclasses import replace

from koubai.core.layer import Layer
from koubai.data.dataset import Dataset
from koubai.doctor.remedies.remedy import REMEDIES, Remedy
from koubai.doctor.remedies.trees import hidden_activations, is_weighted, rewrite_hidden, with_default_init
from koubai.initializers.normal import HeNormal
from koubai.layers.rectifiers import ReLU
from koubai.train.recipe import Recipe


@REMEDIES.register
class AddNonlinearity(Remedy):
    """ReLU behind every hidden weighted layer, initial weights He. No side effect but units that may die."""

    treats = ("no_nonlinearity",)

    def apply(self, recipe: Recipe, dataset: Dataset) -> Recipe | None:
        """Insert; None if the network has hidden activations."""
        if hidden_activations(recipe.network):
            return None

        def edit(leaf: Layer) -> list[Layer]:
            return [leaf, ReLU()] if is_weighted(leaf) else [leaf]

        network = with_default_init(rewrite_hidden(recipe.network, edit))
        return replace(recipe, network=network, initializer=HeNormal())
