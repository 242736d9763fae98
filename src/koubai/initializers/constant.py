"""Constant initial values; zeros for biases, and to show the symmetry problem for weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from koubai.core.params import Array, ParamSpec
from koubai.initializers.initializer import INITIALIZERS, Initializer


@INITIALIZERS.register
@dataclass(frozen=True)
class Constant(Initializer):
    """Every value is `value`."""

    value: float = 0.0

    def sample(self, spec: ParamSpec, random: np.random.Generator) -> Array:
        """The constant."""
        return np.full(spec.shape, self.value)

    def std(self, spec: ParamSpec) -> float:
        """0."""
        return 0.0


@INITIALIZERS.register
@dataclass(frozen=True)
class Zeros(Initializer):
    """Every value is 0."""

    def sample(self, spec: ParamSpec, random: np.random.Generator) -> Array:
        """Zeros."""
        return np.zeros(spec.shape)

    def std(self, spec: ParamSpec) -> float:
        """0."""
        return 0.0
