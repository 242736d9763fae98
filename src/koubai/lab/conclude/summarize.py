"""From runs to a result: statistics of every arm, comparisons with the baseline, verdicts, sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite

from koubai.core import statistics
from koubai.lab.conclude.result import ArmSummary, Comparison, Verdict
from koubai.lab.declare.experiment import Experiment
from koubai.lab.declare.measures import interval_of, is_exact
from koubai.lab.perform.run_result import RunResult


def summarize(arm: str, measure: str, runs: Sequence[RunResult]) -> ArmSummary | None:
    """Return the statistics of one measure of one arm; None if no run gave a number."""
    values = {
        run.seed: run.scores[measure]
        for run in sorted(runs, key=lambda run: run.seed)
        if isfinite(run.scores.get(measure, float("nan")))
    }
    if not values:
        return None
    numbers = list(values.values())
    return ArmSummary(
        arm=arm,
        measure=measure,
        values=values,
        mean=statistics.mean(numbers),
        sd=statistics.sd(numbers),
        iqm=statistics.interquartile_mean(numbers),
        interval=interval_of(measure, numbers),
        collapsed=sum(run.collapsed for run in runs if run.seed in values),
        lost=len(runs) - len(values),
        seconds=statistics.mean([run.seconds for run in runs]),
    )


def compare(
    experiment: Experiment,
    summaries: Mapping[tuple[str, str], ArmSummary],
    verdicts: Sequence[Verdict] = (),
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
    return tuple(
        Comparison(
            arm,
            baseline,
            measure,
            len(differences),
            statistics.mean(differences),
            interval_of(measure, differences, differences=True),
            claim.p if claim else plain[arm],
            claim.p_holm if claim else adjusted[arm],
            "claims" if claim else "others",
        )
        for arm, differences, claim in rows
    )


def paired(summary: ArmSummary, other: ArmSummary) -> list[float]:
    """Return the differences of two arms for the seeds that both have."""
    return [value - other.values[seed] for seed, value in summary.values.items() if seed in other.values]
