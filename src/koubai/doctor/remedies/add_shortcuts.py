"""Lead the signal around every hidden layer that keeps its width (He et al. 2016)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from math import sqrt

from koubai.core.layer import Layer
from koubai.data.dataset import Dataset
from koubai.doctor.remedies.remedy import REMEDIES, Remedy
from koubai.doctor.remedies.trees import everything, is_activation, leaves
from koubai.initializers.normal import Normal
from koubai.layers.concatenate import Concatenate
from koubai.layers.linear import Linear
from koubai.layers.residual import Residual
from koubai.layers.sequential import Sequential
from koubai.train.recipe import Recipe

_SMALL = 0.1  # of He's scale: each block begins as a small change of its input
_FEWEST = 3


@REMEDIES.register
class AddShortcuts(Remedy):
    """Hidden linear layers of equal width get a shortcut around them and small weights. Side effect: none."""

    treats = ("dead_units", "vanishing_gradient")

    def apply(self, recipe: Recipe, dataset: Dataset) -> Recipe | None:
        """Wrap each [Linear, activation] that keeps its width; None for fewer than three of them."""
        if any(isinstance(layer, Residual | Concatenate) for layer in everything(recipe.network)):
            return None  # no chain
        layers: list[Layer] = []
        width = None
        for first, *behind in _blocks(leaves(recipe.network)):
            if behind and isinstance(first, Linear) and first.out_features == width:
                small = Normal(_SMALL * sqrt(2 / width))
                layers.append(Residual(Sequential(replace(first, weight_init=small), *behind)))
            else:
                layers += [first, *behind]
            width = first.out_features if isinstance(first, Linear) else width
        enough = sum(isinstance(layer, Residual) for layer in layers) >= _FEWEST
        return replace(recipe, network=Sequential(*layers)) if enough else None


def _blocks(chain: Iterable[Layer]) -> list[list[Layer]]:
    """Put every activation that follows a linear layer into one block with it."""
    blocks: list[list[Layer]] = []
    for leaf in chain:
        if blocks and isinstance(blocks[-1][-1], Linear) and is_activation(leaf):
            blocks[-1].append(leaf)
        else:
            blocks.append([leaf])
    return blocks
