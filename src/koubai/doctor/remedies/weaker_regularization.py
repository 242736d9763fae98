"""Loosen what keeps the network from fitting."""

from __future__ import annotations

from dataclasses import replace

from koubai.core.layer import Layer
from koubai.data.dataset import Dataset
from koubai.doctor.remedies.remedy import REMEDIES, Remedy
from koubai.doctor.remedies.trees import leaves, rewrite
from koubai.train.recipe import Recipe


@REMEDIES.register
class WeakerRegularization(Remedy):
    """Penalties and weight decay / 100, no dropout. Side effect: it may over-fit."""

    treats = ("over_regularized",)

    def apply(self, recipe: Recipe, dataset: Dataset) -> Recipe | None:
        """Loosen; None if there is nothing to loosen."""
        noisy = any(leaf.random for leaf in leaves(recipe.network))
        decay = float(getattr(recipe.optimizer, "weight_decay", 0.0))
        if not (recipe.penalties or noisy or decay):
            return None

        def edit(leaf: Layer) -> list[Layer]:
            return [] if leaf.random else [leaf]

        optimizer = replace(recipe.optimizer, weight_decay=decay / 100) if decay else recipe.optimizer  # type: ignore[call-arg]  # checked by `decay`
        return replace(
            recipe,
            network=rewrite(recipe.network, edit) if noisy else recipe.network,
            optimizer=optimizer,
            penalties=tuple(
                replace(penalty, strength=penalty.strength / 100) for penalty in recipe.penalties
            ),
        )
