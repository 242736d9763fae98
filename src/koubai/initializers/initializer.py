"""Initializer: how a parameter gets its first values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from koubai.core.params import Array, ParamSpec
from koubai.core.registry import Registry

INITIALIZERS = Registry(
    "initializer",
    aliases={
        "gauss": "normal",
        "glorot": "glorot_normal",
        "he": "he_normal",
        "kaiming": "he_normal",
        "lecun": "lecun_normal",
        "xavier": "lecun_normal",  # the course's; Glorot and Bengio's own is glorot_normal
    },
)


@dataclass(frozen=True)
class Initializer:
    """Base of all initializers: a distribution whose scale may depend on fan-in and fan-out."""

    registry_name: ClassVar[str] = ""

    def sample(self, spec: ParamSpec, random: np.random.Generator) -> Array:
        """Return initial values of `spec.shape` in float64.

        The generator depends on the seed and the parameter's place, not on the initializer; those of one
        family draw the same numbers and scale them, so that arms that differ in scale start alike.
        """
        raise NotImplementedError

    def std(self, spec: ParamSpec) -> float:
        """Return the standard deviation the formula prescribes for `spec`."""
        raise NotImplementedError
