"""Calibration: of findings with confidence p, is about the share p right?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from koubai.core.statistics import mean
from koubai_benchmarks.doctor.share import Share

EDGES = (0.0, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Bins of confidence; each has its lower edge, the last one both."""


@dataclass(frozen=True)
class Bin:
    """Findings whose confidence lies in [low, high): how sure they were, and how many were right."""

    low: float
    high: float
    confidence: float
    right: Share

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {**self.__dict__, "right": self.right.to_dict()}


def calibration(judged: Iterable[tuple[float, bool]]) -> list[Bin]:
    """Return the bins that have findings, of (confidence, whether the name was right).

    >>> bins = calibration([(0.5, True), (1.0, True), (1.0, False)])
    >>> [(b.low, b.confidence, b.right.hits, b.right.n) for b in bins]
    [(0.0, 0.5, 1, 1), (0.9, 1.0, 1, 2)]
    """
    judged = list(judged)
    bins = []
    for low, high in pairwise(EDGES):
        inside = [(c, right) for c, right in judged if low <= c and (c < high or high == EDGES[-1])]
        if inside:
            share = Share(sum(right for _, right in inside), len(inside))
            bins.append(Bin(low, high, mean([c for c, _ in inside]), share))
    return bins
