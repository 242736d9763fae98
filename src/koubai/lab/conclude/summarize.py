"""From runs to a result: statistics of every arm, comparisons with the baseline, verdicts, sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite, nan

import numpy as np

from koubai.core import statistics
from koubai.core.statistics import Interval
from koubai.lab.conclude.result import ArmSummary, ClaimVerdict, Comparison
from koubai.lab.declare.experiment import Experiment
from koubai.lab.declare.measures import intervals_of, is_exact
from koubai.lab.perform.run_result import RunResult


class Summaries(Mapping[tuple[str, str], ArmSummary]):
    """Statistics of every measure of every arm, by (arm, measure), for those that have a number.

    A measure is worked out, for all arms at once, when it is first asked for: a verdict needs one or two of
    twenty.
    """

    def __init__(self, runs: Mapping[str, Sequence[RunResult]]) -> None:
        self._runs = {arm: sorted(own, key=lambda run: run.seed) for arm, own in runs.items()}
        self._measures = list(
            dict.fromkeys(name for own in runs.values() for run in own for name in run.scores)
        )
        self._found: dict[str, dict[str, ArmSummary]] = {}

    def __getitem__(self, name: tuple[str, str]) -> ArmSummary:
        arm, measure = name
        if measure not in self._found and measure in self._measures:
            self._found[measure] = {found.arm: found for found in _summaries(measure, self._runs)}
        try:
            return self._found[measure][arm]
        except KeyError:
            raise KeyError(name) from None

    def __iter__(self) -> Iterator[tuple[str, str]]:
        for arm, own in self._runs.items():
            for measure in self._measures:
                if any(isfinite(run.scores.get(measure, nan)) for run in own):
                    yield arm, measure

    def __len__(self) -> int:
        return sum(1 for _ in self)


def summarize(arm: str, measure: str, runs: Sequence[RunResult]) -> ArmSummary | None:
    """Return the statistics of one measure of one arm; None if no run gave a number."""
    return Summaries({arm: runs}).get((arm, measure))


def _summaries(measure: str, runs: Mapping[str, Sequence[RunResult]]) -> Iterator[ArmSummary]:
    """Yield the statistics of a measure, arms with equally many numbers together."""
    values = {
        arm: {run.seed: run.scores[measure] for run in own if isfinite(run.scores.get(measure, nan))}
        for arm, own in runs.items()
    }
    for n in {len(found) for found in values.values()} - {0}:
        arms = [arm for arm, found in values.items() if len(found) == n]
        rows = np.array([list(values[arm].values()) for arm in arms], float)
        means, sds, iqms = (
            of(rows).tolist() for of in (statistics.means, statistics.sds, statistics.interquartile_means)
        )
        for i, (arm, interval) in enumerate(zip(arms, intervals_of(measure, rows), strict=True)):
            own = runs[arm]
            yield ArmSummary(
                arm=arm,
                measure=measure,
                values=values[arm],
                mean=means[i],
                sd=sds[i],
                iqm=iqms[i],
                interval=interval,
                collapsed=sum(run.collapsed for run in own if run.seed in values[arm]),
                lost=len(own) - n,
                seconds=statistics.mean([run.seconds for run in own]),
            )


def compare(
    experiment: Experiment,
    summaries: Mapping[tuple[str, str], ArmSummary],
    verdicts: Sequence[ClaimVerdict] = (),
) -> tuple[Comparison, ...]:
    """Return every other arm against the baseline, paired by seed.

    A pair of which something is claimed keeps the p of its claim; the others are a family of their own.
    """
    measure, baseline = experiment.measure, experiment.reference.name
    reference = summaries.get((baseline, measure))
    if reference is None:
        return ()
    claimed = {
        frozenset((verdict.claim.arm, verdict.claim.over)): verdict.comparison
        for verdict in verdicts
        if verdict.claim.measure == measure and not is_exact(measure)
    }
    rows = []
    for arm in experiment.arms:
        summary = summaries.get((arm.name, measure))
        differences = paired(summary, reference) if summary and arm.name != baseline else []
        if differences:
            rows.append((arm.name, differences, claimed.get(frozenset((arm.name, baseline)))))
    others = [(arm, statistics.sign_flip_p(differences)) for arm, differences, claim in rows if claim is None]
    adjusted = dict(zip((arm for arm, _ in others), statistics.holm([p for _, p in others]), strict=True))
    plain = dict(others)
    intervals = _intervals(measure, [differences for _, differences, _ in rows])
    return tuple(
        Comparison(
            arm,
            baseline,
            measure,
            len(differences),
            statistics.mean(differences),
            interval,
            claim.p if claim else plain[arm],
            claim.p_holm if claim else adjusted[arm],
            "claims" if claim else "others",
        )
        for (arm, differences, claim), interval in zip(rows, intervals, strict=True)
    )


def _intervals(measure: str, rows: Sequence[Sequence[float]]) -> list[Interval | None]:
    """Return the intervals of the means of differences, rows of the same length together."""
    found: list[Interval | None] = [None] * len(rows)
    for n in {len(row) for row in rows}:
        same = [i for i, row in enumerate(rows) if len(row) == n]
        made = intervals_of(measure, np.array([rows[i] for i in same], float), differences=True)
        for i, interval in zip(same, made, strict=True):
            found[i] = interval
    return found


def paired(summary: ArmSummary, other: ArmSummary) -> list[float]:
    """Return the differences of two arms for the seeds that both have."""
    return [value - other.values[seed] for seed, value in summary.values.items() if seed in other.values]
