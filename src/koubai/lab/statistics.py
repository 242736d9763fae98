"""Statistics of a handful of seeds: intervals, exact paired tests, adjustment, and what more would tell.

Every interval is two-sided at `level`. SciPy is imported where it is used.
"""

from __future__ import annotations

from dataclasses import dataclass

LEVEL = 0.95
_RESAMPLES = 4000
_EXACT_PAIRS = 16  # 2**16 sign flips take milliseconds; beyond, flips are sampled


@dataclass(frozen=True)
class Interval:
    """An interval and how it was made: 'bca', 't', 'point', 'clopper-pearson'."""

    low: float
    high: float
    method: str
    level: float = LEVEL

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    @property
    def width(self) -> float:
        """High minus low."""
        return self.high - self.low
