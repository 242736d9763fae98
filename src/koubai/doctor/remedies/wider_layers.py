"""Give hidden layers more units; or the network a hidden layer."""

from __future__ import annotations

from dataclasses import dataclass, replace

from koubai.core.layer import Layer
from koubai.data.dataset import Dataset
from koubai.doctor.remedies.remedy import REMEDIES, Remedy
from koubai.doctor.remedies.trees import leaves, rewrite, rewrite_hidden
from koubai.layers.linear import Linear
from koubai.layers.rectifiers import ReLU
from koubai.train.recipe import Recipe

_HIDDEN = 64


@REMEDIES.register
@dataclass(frozen=True)
class WiderLayers(Remedy):
    """Hidden linear layers get `by` times as many units, at least 16; a network without any gets one.

    Side effect: slower, may over-fit.
    """

    by: int = 8
    treats = ("under_fitting",)

    def apply(self, recipe: Recipe, dataset: Dataset) -> Recipe | None:
        """Widen; None if there is no linear layer."""
        linear = [leaf for leaf in leaves(recipe.network) if isinstance(leaf, Linear)]
        if not linear:
            return None
        if len(linear) == 1:
            return replace(recipe, network=rewrite(recipe.network, _with_hidden))

        def edit(leaf: Layer) -> list[Layer]:
            if not isinstance(leaf, Linear):
                return [leaf]
            return [replace(leaf, out_features=max(16, leaf.out_features * self.by))]

        return replace(recipe, network=rewrite_hidden(recipe.network, edit))


def _with_hidden(leaf: Layer) -> list[Layer]:
    return [Linear(_HIDDEN), ReLU(), leaf] if isinstance(leaf, Linear) else [leaf]
