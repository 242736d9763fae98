"""Take the schedule away: the learning rate stays as it is written."""

from __future__ import annotations

from dataclasses import replace

from koubai.data.dataset import Dataset
from koubai.doctor.patient.patient import Patient
from koubai.doctor.remedies.remedy import REMEDIES, Remedy
from koubai.schedules.schedule import ConstantRate
from koubai.train.recipe import Recipe


@REMEDIES.register
class KeepLearningRate(Remedy):
    """No schedule. Side effect: the end of the run is less calm."""

    treats = ("learning_rate_too_low",)

    def has_room(self, patient: Patient) -> bool:
        """Where the rate changes."""
        return not patient.constant_rate

    def apply(self, recipe: Recipe, dataset: Dataset) -> Recipe | None:
        """Drop the schedule; None if there is none."""
        if isinstance(recipe.schedule, ConstantRate):
            return None
        return replace(recipe, schedule=ConstantRate())
