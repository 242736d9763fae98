"""Returns: whether what a program prints of its returns rises or falls."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from koubai.core.params import Array

FEWEST = 6  # that tell anything
_SURELY = 3.0  # standard errors


def returns_fall(paid: Sequence[float], surely: float = _SURELY) -> bool:
    """Whether the last third of what was paid lies below the first by more than `surely` standard errors."""
    if len(paid) < FEWEST or not np.isfinite(paid).all():
        return False
    first, last = first_and_last(paid)
    error = np.sqrt((first.var(ddof=1) + last.var(ddof=1)) / len(first))
    return bool(first.mean() - last.mean() > surely * error)


def returns_rise(paid: Sequence[float]) -> bool | None:
    """Whether the last third of what was paid lies above the first by more than one standard error.

    None where too little was printed.
    """
    return returns_fall([-each for each in paid], 1.0) if len(paid) >= FEWEST else None


def first_and_last(paid: Sequence[float]) -> tuple[Array, Array]:
    """Return the first and the last third."""
    third = len(paid) // 3
    return np.array(paid[:third]), np.array(paid[-third:])
