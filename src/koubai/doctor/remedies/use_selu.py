"""Replace hidden activations by SELU, with LeCun initial weights."""

from __future__ import annotations

from dataclasses import replace

from koubai.core.layer import Layer
from koubai.data.dataset import Dataset
from koubai.doctor.remedies.remedy import REMEDIES, HiddenRemedy
from koubai.doctor.remedies.trees import hidden_activations, is_activation, rewrite_hidden, with_default_init
from koubai.initializers.normal import LeCunNormal
from koubai.layers.rectifiers import SELU
from koubai.train.recipe import Recipe


@REMEDIES.register
class UseSelu(HiddenRemedy):
    """Hidden activations become SELU, which keeps mean 0 and variance 1. Side effect: no sparse outputs."""

    treats = ("vanishing_gradient", "dead_units", "exploding_gradient")

    def apply(self, recipe: Recipe, dataset: Dataset) -> Recipe | None:
        """Replace; None if there is nothing to replace."""
        if not any(not isinstance(layer, SELU) for layer in hidden_activations(recipe.network)):
            return None

        def edit(leaf: Layer) -> list[Layer]:
            return [SELU()] if is_activation(leaf) else [leaf]

        network = with_default_init(rewrite_hidden(recipe.network, edit))
        return replace(recipe, network=network, initializer=LeCunNormal())
