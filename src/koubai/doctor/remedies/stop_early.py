"""Stop when the validation loss no longer falls."""

from __future__ import annotations

from dataclasses import dataclass, replace

from koubai.data.dataset import Dataset
from koubai.doctor.remedies.remedy import REMEDIES, Remedy
from koubai.train.early_stopping import EarlyStopping
from koubai.train.recipe import Recipe


@REMEDIES.register
@dataclass(frozen=True)
class StopEarly(Remedy):
    """Keep the weights of the lowest validation loss. Side effect: a part of the samples only judges."""

    patience: int = 3
    treats = ("over_fitting", "label_noise")

    def apply(self, recipe: Recipe, dataset: Dataset) -> Recipe | None:
        """Set early stopping, and cut off a sixth for validation where there is none; None if it is set."""
        if recipe.early_stopping is not None:
            return None
        stopped = replace(recipe, early_stopping=EarlyStopping(self.patience))
        if len(dataset.x_val):
            return stopped
        return stopped.edit(data__validation=max(1, len(dataset.x_train) // 6), data__train=None)
