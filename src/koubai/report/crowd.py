"""More arms than anybody reads: the best, the worst, and how all are spread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import inf, isfinite

from koubai.lab.conclude.result import ExperimentResult
from koubai.lab.declare.measures import lower_is_better
from koubai.words import say

MOST = 60  # arms that are listed one by one
ENDS = 15  # of more, as many of the best and of the worst are


@dataclass(frozen=True)
class BestAndWorst:
    """The names of the best and of the worst of `total` arms, each in order of rank."""

    best: tuple[str, ...]
    worst: tuple[str, ...]
    total: int

    @property
    def between(self) -> int:
        """How many arms are neither."""
        return self.total - len(self.best) - len(self.worst)


def best_first(means: Mapping[str, float], measure: str) -> list[str]:
    """Return arms by their mean, the best first; those without a number, NaN, are last."""
    sign = 1 if lower_is_better(measure) else -1
    return sorted(means, key=lambda arm: sign * means[arm] if isfinite(means[arm]) else inf)


def ends_of(
    means: Mapping[str, float], measure: str, most: int = MOST, ends: int = ENDS
) -> BestAndWorst | None:
    """Return the ends of more than `most` arms; None where each of them can be listed."""
    if len(means) <= most:
        return None
    order = best_first(means, measure)
    return BestAndWorst(tuple(order[:ends]), tuple(order[-ends:]), len(order))


def means_of(result: ExperimentResult) -> dict[str, float]:
    """Return every arm's mean in the experiment's measure, NaN without one."""
    found = ((name, result.summary(name)) for name in result.arms)
    return {name: summary.mean if summary else float("nan") for name, summary in found}


def folded(result: ExperimentResult) -> ExperimentResult:
    """Return a result whose arms can be listed: of a crowd the baseline and both ends, by rank."""
    ends = ends_of(means_of(result), result.experiment.measure)
    if ends is None:
        return result
    names = dict.fromkeys((result.experiment.reference.name, *ends.best, *ends.worst))
    rows = {row.arm: row for row in result.comparisons}
    return replace(
        result,
        experiment=replace(
            result.experiment,
            arms=tuple(result.arms[name] for name in names),
            baseline=result.experiment.reference.name,
            claims=(),
        ),
        runs=tuple(run for name in names for run in result.of(name)),
        comparisons=tuple(rows[name] for name in names if name in rows),
    )


def fold_note(result: ExperimentResult) -> str:
    """Say which arms are listed, where not all are."""
    ends = ends_of(means_of(result), result.experiment.measure)
    if ends is None:
        return ""
    return say("report.crowd.note", best=len(ends.best), worst=len(ends.worst), total=ends.total)
