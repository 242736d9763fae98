"""Normal initial values: fixed scale, or a scale from the fans."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from koubai.core.checks import at_least
from koubai.core.params import Array, ParamSpec
from koubai.initializers.initializer import INITIALIZERS, Initializer


@dataclass(frozen=True)
class _NormalFamily(Initializer):
    """w ~ N(0, std^2)."""

    def sample(self, spec: ParamSpec, random: np.random.Generator) -> Array:
        """Standard normal numbers times std."""
        return random.standard_normal(spec.shape) * self.std(spec)


@INITIALIZERS.register
@dataclass(frozen=True)
class Normal(_NormalFamily):
    """w ~ N(0, scale^2): the course's 'gauss' has scale .01."""

    scale: float = 0.01

    def __post_init__(self) -> None:
        at_least(self, 0, scale=self.scale)

    def std(self, spec: ParamSpec) -> float:
        """The scale."""
        return self.scale


@INITIALIZERS.register
@dataclass(frozen=True)
class LeCunNormal(_NormalFamily):
    """Var w = 1 / n_in (LeCun et al. 1998, 'Efficient BackProp', sec. 4.6); the course calls it Xavier."""

    def std(self, spec: ParamSpec) -> float:
        """sqrt(1 / n_in)."""
        return sqrt(1 / spec.fan_in)


@INITIALIZERS.register
@dataclass(frozen=True)
class GlorotNormal(_NormalFamily):
    """Var w = 2 / (n_in + n_out) (Glorot and Bengio 2010, eq. 12)."""

    def std(self, spec: ParamSpec) -> float:
        """sqrt(2 / (n_in + n_out))."""
        return sqrt(2 / (spec.fan_in + spec.fan_out))


@INITIALIZERS.register
@dataclass(frozen=True)
class HeNormal(_NormalFamily):
    """Var w = 2 / n_in, for ReLU (He et al. 2015, eq. 10)."""

    def std(self, spec: ParamSpec) -> float:
        """sqrt(2 / n_in)."""
        return sqrt(2 / spec.fan_in)
