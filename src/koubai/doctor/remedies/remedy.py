"""Remedy: a change of a recipe that treats a finding. Adding one is adding a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from koubai.core.registry import Registry
from koubai.data.dataset import Dataset
from koubai.doctor.patient.patient import Patient
from koubai.train.recipe import Recipe

REMEDIES = Registry("remedy")


@dataclass(frozen=True)
class Remedy:
    """Base of all remedies.

    A remedy may be listed only if a test shows it curing a sick recipe of each diagnosis it says it treats.
    What to tell the learner (what it does, its side effects) stands in words/remedies.toml under its name.
    """

    registry_name: ClassVar[str] = ""
    treats: ClassVar[tuple[str, ...]] = ()

    def has_room(self, patient: Patient) -> bool:
        """Whether there may be something to change, by what is known of a run of which there is no recipe."""
        return True

    def apply(self, recipe: Recipe, dataset: Dataset) -> Recipe | None:
        """Return the treated recipe, or None where the remedy changes nothing."""
        raise NotImplementedError


@dataclass(frozen=True)
class HiddenRemedy(Remedy):
    """Base of those that change what stands at hidden activations."""

    def has_room(self, patient: Patient) -> bool:
        """Where hidden activations were seen, or the layers are not known."""
        return bool(patient.hidden_activations) or not patient.layers
