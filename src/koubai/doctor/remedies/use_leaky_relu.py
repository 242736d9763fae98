"""Give ReLU a slope on its flat side."""

from __future__ import annotations

from dataclasses import dataclass, replace

from koubai.core.layer import Layer
from koubai.data.dataset import Dataset
from koubai.doctor.remedies.remedy import REMEDIES, HiddenRemedy
from koubai.doctor.remedies.trees import hidden_activations, rewrite_hidden, with_default_init
from koubai.initializers.normal import HeNormal
from koubai.layers.activations import Activation
from koubai.layers.rectifiers import LeakyReLU
from koubai.train.recipe import Recipe


@REMEDIES.register
@dataclass(frozen=True)
class UseLeakyRelu(HiddenRemedy):
    """Hidden ReLU becomes Leaky ReLU of slope .1, initial weights He. Side effect: no sparse outputs."""

    slope: float = 0.1
    treats = ("dead_units",)

    def apply(self, recipe: Recipe, dataset: Dataset) -> Recipe | None:
        """Replace; None if there is no ReLU."""
        if not any(layer.dies for layer in hidden_activations(recipe.network)):
            return None

        def edit(leaf: Layer) -> list[Layer]:
            return [LeakyReLU(self.slope)] if isinstance(leaf, Activation) and leaf.dies else [leaf]

        network = with_default_init(rewrite_hidden(recipe.network, edit))
        return replace(recipe, network=network, initializer=HeNormal())
