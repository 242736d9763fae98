"""Gradient clipping."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from koubai.core.checks import above
from koubai.core.params import Array


@dataclass(frozen=True)
class Clipping:
    """Bound the gradient: by its global norm, and by its elements.

    by norm:   g <- g min(1, c / |g|), |g| over all parameters together (Pascanu et al. 2013)
    by value:  g <- min(max(g, -v), v)
    """

    norm: float | None = None
    value: float | None = None

    def __post_init__(self) -> None:
        for name, bound in (("norm", self.norm), ("value", self.value)):
            if bound is not None:
                above(self, 0, **{name: bound})

    def apply(self, gradients: dict[str, Array]) -> None:
        """Clip in place: by value first, then by norm."""
        if self.value is not None:
            for g in gradients.values():
                np.clip(g, -self.value, self.value, out=g)
        if self.norm is not None:
            total = float(np.sqrt(sum(float((g.astype(np.float64) ** 2).sum()) for g in gradients.values())))
            if total > self.norm:
                for g in gradients.values():
                    np.multiply(g, self.norm / total, out=g)
