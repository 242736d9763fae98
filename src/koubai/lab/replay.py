"""The course: every number that others measured, measured again and put beside it; and checks of our own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from koubai.core.statistics import FEWEST_FOR_BOOTSTRAP, holm
from koubai.lab.catalog import catalog_experiment
from koubai.lab.conclude.result import ArmSummary, ExperimentResult
from koubai.lab.conclude.summarize import summarize
from koubai.lab.course.golden import golden_path
from koubai.lab.declare.experiment import Arm, Experiment, Observations, Published
from koubai.lab.perform.progress import CampaignProgress
from koubai.lab.start import run

EXPERIMENTS = (
    "first-net",
    "vanishing-gradient",
    "batch-normalization",
    "optimizers",
    "over-fitting",
    "simple-convnet",
    "double-convnet",
    "deep-convnet",
)
ON_THE_WAY = {
    ("vanishing-gradient", "ReLU + normal .01"): {200: Published(0.1135), 1000: Published(0.777)},
}
"""What the course measured before the end: arm -> update -> test accuracy."""

SIMULATED = {("batch-normalization", "trained"): "simulated"}
"""What nobody else measured: our own simulation of what the course describes."""

EXPLAINED = ("optimizers", "AdaGrad .1")
"""The row that does not fit and has an explanation: the course's own form of AdaGrad (D6)."""

_LEVEL = 0.05
_EXACT = 1e-9  # how far a float64 path of 30 steps may be from the exact one


@dataclass(frozen=True)
class CourseRow:
    """One line of the course's table; the fields are those of its JSON.

    `inside` is None where nobody published a number: the right arm beside one with a defect. `by_mean` and
    `by_interval` are its two halves, `p` that of a t test of equal means (Welch), None where the published
    deviation or count is not known. `seconds`
    is the time of all its runs together. `kind` says what `published_mean` is: "quoted" (other people
    measured it), "simulated" (our own simulation of what the course describes), "check" (an exact path that
    ours must lie on), or "beside" (no number: the right arm next to one with a defect).
    """

    experiment: str
    arm: str
    published_mean: float | None
    published_sd: float | None
    published_n: int | None
    mean: float
    low: float | None
    high: float | None
    seeds: int
    inside: bool | None
    seconds: float
    defect: str | None = None
    train_accuracy: float | None = None
    collapsed: int = 0
    kind: str = "quoted"
    by_mean: bool | None = None
    by_interval: bool | None = None
    p: float | None = None


OnExperiment = Callable[[Experiment], Callable[[CampaignProgress], None] | None]


def course_rows(
    *,
    data_dir: Path | None = None,
    seeds: int = 5,
    out: Path | None = None,
    engine: str = "auto",
    threads: int | None = None,
    device: str = "auto",
    on_experiment: OnExperiment = lambda experiment: None,
) -> Iterator[CourseRow]:
    """Yield the rows as they come in, in the order of the course."""
    for name in EXPERIMENTS:
        experiment = needed(name, seeds)
        result = run(
            experiment,
            out=out / experiment.name if out is not None else None,
            engine=engine,
            threads=threads,
            device=device,
            data_dir=data_dir,
            on_progress=on_experiment(experiment),
        )
        if result.pending:
            raise KeyboardInterrupt
        yield from rows_of(name, result)
    yield from valley_rows()


def needed(name: str, seeds: int) -> Experiment:
    """Return a catalog experiment on MNIST with the arms that the course has, and their right twins."""
    experiment = catalog_experiment(name, "mnist")
    arms = experiment.arms
    beside = {before.name for before, arm in itertools.pairwise(arms) if arm.defect}
    kept = tuple(arm for arm in arms if arm.published or arm.name in beside)
    steps = [step for (entry, _), marks in ON_THE_WAY.items() if entry == name for step in marks]
    observations = Observations(taps=0, evaluations=experiment.base.steps // min(steps) if steps else 0)
    return replace(
        experiment, arms=kept, seeds=tuple(range(seeds)), baseline=None, claims=(), observations=observations
    )


def rows_of(name: str, result: ExperimentResult) -> Iterator[CourseRow]:
    """Yield a row for every arm, and for what the course measured on the way."""
    for arm in result.experiment.arms:
        summary = result.summary(arm.name, "test_accuracy")
        if summary is None:
            continue
        train = result.summary(arm.name, "train_accuracy")
        row = _row(name, arm, summary, arm.published)
        yield replace(row, train_accuracy=train.mean if train else None)
        for step, published in ON_THE_WAY.get((name, arm.name), {}).items():
            early = _at(result, arm, step)
            if early is not None:
                yield replace(
                    _row(name, arm, early, published), arm=f"{arm.name}, update {step}", collapsed=0
                )


def _row(name: str, arm: Arm, summary: ArmSummary, published: Published | None) -> CourseRow:
    interval = summary.interval
    return CourseRow(
        experiment=name,
        arm=arm.name,
        published_mean=published.mean if published else None,
        published_sd=published.sd if published else None,
        published_n=published.n if published else None,
        mean=summary.mean,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        seeds=summary.n,
        inside=all(inside(summary, published)) if published else None,
        by_mean=inside(summary, published)[0] if published else None,
        by_interval=inside(summary, published)[1] if published else None,
        p=equal_means(summary, published) if published else None,
        kind="beside" if published is None else SIMULATED.get((name, arm.name), "quoted"),
        seconds=summary.seconds * summary.n,
        defect=arm.defect,
        collapsed=summary.collapsed,
    )


def inside(summary: ArmSummary, published: Published) -> tuple[bool, bool]:
    """Return whether our mean lies, and whether our interval reaches, within two published deviations.

    At least .005; where no deviation was published, ours takes its place. With fewer than five seeds the mean
    stands for the interval.
    """
    if published.sd is None:
        published = replace(published, sd=summary.sd)
    low = high = summary.mean
    if summary.n >= FEWEST_FOR_BOOTSTRAP and summary.interval is not None:
        low, high = summary.interval.low, summary.interval.high
    reach = published.spread + 1e-12
    by_interval = low <= published.mean + reach and high >= published.mean - reach
    return abs(summary.mean - published.mean) <= reach, by_interval


def equal_means(summary: ArmSummary, published: Published) -> float | None:
    """Return p of Welch's t test, two-sided; None with fewer than two runs on a side or no spread at all."""
    if published.sd is None or published.n is None or min(published.n, summary.n) < 2:
        return None
    if published.sd == summary.sd == 0:
        return None
    from scipy.stats import ttest_ind_from_stats

    ours, theirs = (summary.mean, summary.sd, summary.n), (published.mean, published.sd, published.n)
    return float(ttest_ind_from_stats(*ours, *theirs, equal_var=False).pvalue)


def misfits(rows: Sequence[CourseRow]) -> list[CourseRow]:
    """Return the quoted rows whose mean is another than the published one (p below .05, Holm over all)."""
    tested = [row for row in rows if row.kind == "quoted" and row.p is not None]
    adjusted = holm([row.p for row in tested if row.p is not None])
    return [row for row, p in zip(tested, adjusted, strict=True) if p <= _LEVEL]


def _at(result: ExperimentResult, arm: Arm, step: int) -> ArmSummary | None:
    """Return the test accuracy of an arm after `step` updates."""
    early = []
    for made in result.of(arm.name):
        steps, values = made.history.series("test_accuracy")
        if step in steps:
            early.append(replace(made, scores={"test_accuracy": float(values[steps == step][0])}))
    return summarize(arm.name, "test_accuracy", early) if early else None


def valley_rows() -> Iterator[CourseRow]:
    """Yield the largest distance between our path through the valley and the exact one; published is 0."""
    result = run("valley", threads=1)
    for arm in result.experiment.arms:
        optimizer = arm.edits["optimizer"]
        exact = np.array(golden_path(optimizer.registry_name, str(optimizer.learning_rate)))
        for made in result.of(arm.name):
            ours = next(e.arrays["points"] for e in made.exhibits if e.kind == "path")
            error = float(np.abs(ours - exact).max())
            near = error <= _EXACT
            yield CourseRow(
                *("valley", arm.name, 0.0, 0.0, None, error, error, error, 1, near, made.seconds),
                kind="check",
            )
