"""Penalties by the p-th power of the p-norm: L1 and L2 written out, and any p >= 1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from koubai.core.checks import at_least
from koubai.core.params import Array
from koubai.penalties.penalty import PENALTIES, Penalty


@PENALTIES.register
@dataclass(frozen=True)
class L1(Penalty):
    """Lambda sum |w|, gradient lambda sign(w), 0 at w = 0 (Tibshirani 1996).

    The pull toward 0 does not weaken near 0, so weights without use end there: the diamond.
    """

    def value(self, w: Array) -> float:
        """Lambda sum |w|."""
        return float(self.strength * np.abs(w).sum(dtype=np.float64))

    def gradient(self, w: Array) -> Array:
        """Lambda sign(w)."""
        return self.strength * np.sign(w)


@PENALTIES.register
@dataclass(frozen=True)
class L2(Penalty):
    """(lambda / 2) sum w^2, gradient lambda w (Hoerl and Kennard 1970).

    Under SGD alone it decays every weight by (1 - alpha lambda) a step.
    """

    def value(self, w: Array) -> float:
        """(lambda / 2) sum w^2."""
        return float(0.5 * self.strength * np.square(w, dtype=np.float64).sum())

    def gradient(self, w: Array) -> Array:
        """Lambda w."""
        return self.strength * w


@PENALTIES.register
@dataclass(frozen=True)
class PNorm(Penalty):
    """(lambda / p) sum |w|^p, gradient lambda |w|^(p - 1) sign(w), for p >= 1.

    p = 1 is L1, p = 2 is L2. It is the p-th power of the norm that gives this gradient; the norm itself
    would not. Source: Frank and Friedman 1993, sec. 5 (bridge regression).
    """

    p: float = 2.0

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, 1, p=self.p)

    def value(self, w: Array) -> float:
        """(lambda / p) sum |w|^p."""
        return float(self.strength / self.p * (np.abs(w).astype(np.float64) ** self.p).sum())

    def gradient(self, w: Array) -> Array:
        """Lambda |w|^(p - 1) sign(w)."""
        return self.strength * np.abs(w) ** (self.p - 1) * np.sign(w)
