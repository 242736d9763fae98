"""Uniform initial values: fixed bounds, or bounds from the fans."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from koubai.core.errors import SettingError
from koubai.core.params import Array, ParamSpec
from koubai.initializers.initializer import INITIALIZERS, Initializer


def _minus_one_to_one(spec: ParamSpec, random: np.random.Generator) -> Array:
    return 2 * random.random(spec.shape) - 1


@INITIALIZERS.register
@dataclass(frozen=True)
class Uniform(Initializer):
    """w ~ U(low, high), Var w = (high - low)^2 / 12."""

    low: float = -0.05
    high: float = 0.05

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise SettingError(
                "is_above",
                setting="low",
                other="high",
                where="Uniform",
                expected="low <= high",
                got=(self.low, self.high),
            )

    def sample(self, spec: ParamSpec, random: np.random.Generator) -> Array:
        """The middle plus numbers in [-1, 1) times half of the width."""
        middle, half = (self.low + self.high) / 2, (self.high - self.low) / 2
        return middle + half * _minus_one_to_one(spec, random)

    def std(self, spec: ParamSpec) -> float:
        """(high - low) / sqrt(12)."""
        return (self.high - self.low) / sqrt(12)


@dataclass(frozen=True)
class _UniformFamily(Initializer):
    """w ~ U(-a, a), Var w = a^2 / 3, so a = sqrt(3) std."""

    def sample(self, spec: ParamSpec, random: np.random.Generator) -> Array:
        """Numbers in [-1, 1) times a."""
        return sqrt(3) * self.std(spec) * _minus_one_to_one(spec, random)


@INITIALIZERS.register
@dataclass(frozen=True)
class LeCunUniform(_UniformFamily):
    """Var w = 1 / n_in (LeCun et al. 1998, 'Efficient BackProp', sec. 4.6)."""

    def std(self, spec: ParamSpec) -> float:
        """sqrt(1 / n_in)."""
        return sqrt(1 / spec.fan_in)


@INITIALIZERS.register
@dataclass(frozen=True)
class GlorotUniform(_UniformFamily):
    """Var w = 2 / (n_in + n_out) (Glorot and Bengio 2010, eq. 16)."""

    def std(self, spec: ParamSpec) -> float:
        """sqrt(2 / (n_in + n_out))."""
        return sqrt(2 / (spec.fan_in + spec.fan_out))


@INITIALIZERS.register
@dataclass(frozen=True)
class HeUniform(_UniformFamily):
    """Var w = 2 / n_in, for ReLU (He et al. 2015, eq. 10)."""

    def std(self, spec: ParamSpec) -> float:
        """sqrt(2 / n_in)."""
        return sqrt(2 / spec.fan_in)
