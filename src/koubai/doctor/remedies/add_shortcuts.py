"""Lead the signal around every hidden layer that keeps its width (He et al. 2016)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import sqrt

from koubai.core.layer import Layer
from koubai.data.dataset import Dataset
from koubai.doctor.remedies.remedy import REMEDIES, Remedy
from koubai.doctor.remedies.trees import is_activation, leaves
from koubai.initializers.normal import Normal
from koubai.layers.linear import Linear
from koubai.layers.residual import Residual
from koubai.layers.sequential import Sequential
from koubai.train.recipe import Recipe

_SMALL = 0.1  # of He's scale: each block begins as a small change of its input
_FEWEST = 3


@REMEDIES.register
@dataclass(frozen=True)
class AddShortcuts(Remedy):
    """Hidden linear layers of equal width get a shortcut around them and small weights. Side effect: none."""

    treats = ("dead_units", "vanishing_gradient")

    def apply(self, recipe: Recipe, dataset: Dataset) -> Recipe | None:
        """Wrap each [Linear, activation] that keeps its width; None for fewer than three of them."""
        chain = list(leaves(recipe.network))
        if any(isinstance(leaf, Residual) for leaf in _all(recipe.network)):
            return None
        layers: list[Layer] = []
        width, wrapped, i = None, 0, 0
        while i < len(chain):
            leaf, behind = chain[i], chain[i + 1] if i + 1 < len(chain) else None
            if isinstance(leaf, Linear):
                if behind is not None and is_activation(behind) and leaf.out_features == width:
                    small = Normal(_SMALL * sqrt(2 / width))
                    layers.append(Residual(Sequential(replace(leaf, weight_init=small), behind)))
                    wrapped, i = wrapped + 1, i + 2
                    continue
                width = leaf.out_features
            layers.append(leaf)
            i += 1
        return replace(recipe, network=Sequential(*layers)) if wrapped >= _FEWEST else None


def _all(layer: Layer) -> list[Layer]:
    return [layer, *(inner for child in layer.children().values() for inner in _all(child))]
