"""Normalize before every hidden activation."""

from __future__ import annotations

from dataclasses import replace

from koubai.core.layer import Layer
from koubai.data.dataset import Dataset
from koubai.doctor.remedies.remedy import REMEDIES, HiddenRemedy
from koubai.doctor.remedies.trees import hidden_activations, is_activation, leaves, rewrite_hidden
from koubai.layers.batch_norm import BatchNorm
from koubai.train.recipe import Recipe


@REMEDIES.register
class AddBatchNorm(HiddenRemedy):
    """Batch norm before every hidden activation. Side effects: slower steps, noise from small batches."""

    treats = ("vanishing_gradient", "dead_units", "init_too_small", "exploding_gradient")

    def apply(self, recipe: Recipe, dataset: Dataset) -> Recipe | None:
        """Insert; None where there is a norm already, no hidden activation, or a batch of one."""
        normalized = any(leaf.normalizes for leaf in leaves(recipe.network))
        if normalized or not hidden_activations(recipe.network) or recipe.batch_size < 2:
            return None

        def edit(leaf: Layer) -> list[Layer]:
            return [BatchNorm(), leaf] if is_activation(leaf) else [leaf]

        return replace(recipe, network=rewrite_hidden(recipe.network, edit))
