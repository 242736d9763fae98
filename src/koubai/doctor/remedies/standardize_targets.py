"""Bring the targets to mean 0 and standard deviation 1, alone or with the inputs."""

from __future__ import annotations

from koubai.data.dataset import Dataset
from koubai.doctor.patient.facts import loss_facts
from koubai.doctor.remedies.remedy import REMEDIES, Remedy
from koubai.doctor.remedies.standardize_inputs import StandardizeInputs
from koubai.doctor.remedies.trees import output_activations
from koubai.train.recipe import Recipe


@REMEDIES.register
class StandardizeTargets(Remedy):
    """t <- (t - mean) / std, per output, by the training part. Side effect: predictions must be undone."""

    treats = ("targets_not_scaled",)

    def apply(self, recipe: Recipe, dataset: Dataset) -> Recipe | None:
        """Set the targets' scale; None where it is so, or the output cannot follow.

        That is so for classes, for a loss on logits or probabilities, and for an activation at the output.
        """
        values = dataset.classes is None and loss_facts(recipe.loss).takes == "values"
        if not values or output_activations(recipe.network) or recipe.data.target_scale == "standard":
            return None
        return recipe.edit(data__target_scale="standard")


@REMEDIES.register
class StandardizeInputsAndTargets(Remedy):
    """Both at once, as for a table of raw numbers: where both are unsuitable, neither alone is a cure."""

    treats = ("targets_not_scaled",)

    def apply(self, recipe: Recipe, dataset: Dataset) -> Recipe | None:
        """Set both scales; None where one of them is set or cannot be."""
        inputs = StandardizeInputs().apply(recipe, dataset)
        return None if inputs is None else StandardizeTargets().apply(inputs, dataset)
