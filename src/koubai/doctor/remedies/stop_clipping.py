"""Clip gradients no more."""

from __future__ import annotations

from dataclasses import replace

from koubai.data.dataset import Dataset
from koubai.doctor.patient.patient import Patient
from koubai.doctor.remedies.remedy import REMEDIES, Remedy
from koubai.train.recipe import Recipe


@REMEDIES.register
class StopClipping(Remedy):
    """Gradients keep their length. Side effect: one that explodes does so."""

    treats = ("learning_rate_too_low",)

    def has_room(self, patient: Patient) -> bool:
        """Where gradients are clipped."""
        return patient.clips

    def apply(self, recipe: Recipe, dataset: Dataset) -> Recipe | None:
        """Take the clipping away; None if there is none."""
        return None if recipe.clipping is None else replace(recipe, clipping=None)
