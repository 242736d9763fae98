"""From runs to a result: statistics of every arm, comparisons with the baseline, verdicts, sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from koubai.core import statistics
from koubai.lab.catalog import closing_sentences
from koubai.lab.experiment import Experiment
from koubai.lab.measures import interval_of, is_exact
from koubai.lab.result import ArmSummary, Comparison, ExperimentResult, RunResult, Verdict
from koubai.lab.verdicts import verdicts_of


def conclude(
    experiment: Experiment,
    runs: tuple[RunResult, ...],
    *,
    environment: Mapping[str, Any] | None = None,
    seconds: float = 0.0,
    pending: int = 0,
    reused: int = 0,
    stopped_by: str | None = None,
) -> ExperimentResult:
    """Return the result of an experiment with all that can be said of its runs."""
    by_arm = {arm.name: [run for run in runs if run.arm == arm.name] for arm in experiment.arms}
    measures = list(dict.fromkeys(name for run in runs for name in run.scores))
    summaries = {
        (arm, measure): summary
        for arm, made in by_arm.items()
        for measure in measures
        if (summary := summarize(arm, measure, made)) is not None
    }
    verdicts = verdicts_of(experiment, summaries)
    result = ExperimentResult(
        experiment=experiment,
        runs=runs,
        summaries=summaries,
        comparisons=compare(experiment, summaries, verdicts),
        verdicts=verdicts,
        sentences=(),
        environment=environment or {},
        seconds=seconds,
        pending=pending,
        reused=reused,
        stopped_by=stopped_by,
    )
    return closing_sentences(result)


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
