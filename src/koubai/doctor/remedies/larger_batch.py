"""Average the gradient over more samples."""

from __future__ import annotations

from dataclasses import dataclass, replace

from koubai.data.dataset import Dataset
from koubai.doctor.remedies.remedy import REMEDIES, Remedy
from koubai.train.recipe import Recipe


@REMEDIES.register
@dataclass(frozen=True)
class LargerBatch(Remedy):
    """Batches `by` times as large, at most the whole data. Side effect: each step costs more."""

    by: int = 4
    treats = ("oscillation", "batch_norm_misuse")

    def apply(self, recipe: Recipe, dataset: Dataset) -> Recipe | None:
        """Multiply; None if the batch is the whole data already."""
        size = min(recipe.batch_size * self.by, max(len(dataset.x_train), recipe.batch_size))
        return None if size == recipe.batch_size else replace(recipe, batch_size=size)
