"""Replace hidden activations by ReLU, with He initial weights."""

from __future__ import annotations

from dataclasses import replace

from koubai.core.layer import Layer
from koubai.data.dataset import Dataset
from koubai.doctor.remedies.remedy import REMEDIES, HiddenRemedy
from koubai.doctor.remedies.trees import hidden_activations, is_activation, rewrite_hidden, with_default_init
from koubai.initializers.normal import HeNormal
from koubai.layers.rectifiers import ReLU
from koubai.train.recipe import Recipe


@REMEDIES.register
class UseRelu(HiddenRemedy):
    """Hidden activations become ReLU, initial weights He. Side effect: units may die."""

    treats = ("vanishing_gradient", "saturated_units", "exploding_gradient")

    def apply(self, recipe: Recipe, dataset: Dataset) -> Recipe | None:
        """Replace all hidden activations; None if all are rectifiers already."""
        if all(layer.rectifies for layer in hidden_activations(recipe.network)):
            return None

        def edit(leaf: Layer) -> list[Layer]:
            return [ReLU()] if is_activation(leaf) else [leaf]

        network = with_default_init(rewrite_hidden(recipe.network, edit))
        return replace(recipe, network=network, initializer=HeNormal())
