"""A lesson's runs as a job: what the page hears while they are made, and what they say of the guess.

| event    | holds                                                                          |
|----------|--------------------------------------------------------------------------------|
| run      | one finished run: arm, seed, `values` at the points of the guess, its curve     |
| progress | `done` of `total` runs, `reused` of them from the store, those under way        |
| trace    | the first updates, one by one: `frames`                                        |
| facts    | `facts` for the sentences, `means` for the chart: the guess is answered         |
| pictures | what is to be looked at update by update, in lessons that have that              |
| slid     | what the runs of a lesson's slider gave, at each of its values                  |
| end      | `stopped` where somebody stopped it                                            |
| failed   | `text`: why, in every language                                                 |
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from koubai.core.cores import usable_cores
from koubai.core.statistics import mean_interval
from koubai.lab.campaign import OnCampaignProgress, run_experiment
from koubai.lab.conclude.result import ExperimentResult
from koubai.lab.declare.experiment import Experiment
from koubai.lab.perform.progress import CampaignProgress
from koubai.lab.perform.run_result import RunResult
from koubai.lab.perform.store import Store
from koubai.lab.start import open_workers
from koubai.page.event import Event
from koubai.page.failure import in_every_language
from koubai.study.lessons import Lesson
from koubai.study.lessons.lesson import SEEDS, slid

_EVERY = 0.1  # seconds between two events of progress


def perform_lesson(
    lesson: Lesson,
    turn: int,
    store: Path,
    data_dir: Path | None,
    stopped: Callable[[], bool],
    send: Callable[[Event], None],
) -> Iterator[Event]:
    """Train a lesson's runs and yield its events; those of runs under way go to `send` as they come."""
    seeds = range(SEEDS * turn, SEEDS * (turn + 1))
    told = _Teller(lesson, stopped, send)
    try:
        with open_workers("auto", usable_cores()) as workers:

            def run(experiment: Experiment, on_progress: OnCampaignProgress) -> ExperimentResult:
                return run_experiment(
                    experiment, workers, store=Store(store), data_dir=data_dir, on_progress=on_progress
                )

            result = run(lesson.experiment(seeds), told)
            yield from _answered(lesson, result, told)
            beside = lesson.beside(seeds)
            if beside is not None and not _over(result):
                result = run(beside, told.listen)
                if not _over(result):
                    yield {"kind": "slid", "slid": slid(result.runs, lesson)}
    except KeyboardInterrupt:  # the teller's, before the campaign had begun
        yield {"kind": "end", "stopped": True}
        return
    failures = [run.failure for run in result.runs if run.failure is not None]
    if failures:
        yield {"kind": "failed", "text": in_every_language(failures[0])}
        return
    yield {"kind": "end", "stopped": bool(result.pending)}


def _over(result: ExperimentResult) -> bool:
    """Return whether nothing can be said of an experiment: a run failed, or it was stopped."""
    return bool(result.pending) or any(run.failure is not None for run in result.runs)


def _answered(lesson: Lesson, result: ExperimentResult, told: _Teller) -> Iterator[Event]:
    """Yield what the runs of the guess say, if all of them are there."""
    if any(run.failure is not None for run in result.runs):
        return
    told.finished(list(result.runs))
    if not result.pending:
        yield trace_event(lesson)
        yield guess_facts(lesson, list(result.runs))
        yield from more_of(lesson)


@cache
def trace_event(lesson: Lesson) -> Event:
    """Return the first updates of a lesson, one by one; they are made once in a process."""
    frames = [{"step": frame.step, "places": list(frame.places.items())} for frame in lesson.trace()]
    return {"kind": "trace", "frames": frames}


def more_of(lesson: Lesson) -> list[Event]:
    """Return the event of what is to be looked at update by update, where a lesson has that."""
    pictures = lesson.pictures()
    return [] if pictures is None else [{"kind": "pictures", "pictures": pictures}]


def guess_facts(lesson: Lesson, runs: list[RunResult]) -> Event:
    """Return the event that answers a guess: what its sentences speak of."""
    return {"kind": "facts", "facts": plain(lesson.facts(runs)), "means": means(lesson, runs)}


def run_event(lesson: Lesson, run: RunResult) -> Event:
    """Return one finished run as plain values."""
    steps, losses = lesson.curve(run)
    return {
        "kind": "run",
        "arm": lesson.series(run.arm),
        "run": f"{run.arm} {run.seed}",
        "seed": run.seed,
        "values": plain(lesson.values(run)),
        "steps": steps,
        "losses": [_finite(loss) for loss in losses],
        "path": lesson.path(run),
    }


def means(lesson: Lesson, runs: list[RunResult]) -> list[dict[str, Any]]:
    """Return mean and 95 % interval of each arm at each point of the guess; of logarithms on a log scale."""
    found = []
    for arm in dict.fromkeys(lesson.series(run.arm) for run in runs):
        values = [lesson.values(run) for run in runs if lesson.series(run.arm) == arm]
        for point in dict.fromkeys(point for value in values for point in value):
            log = lesson.guess.at(point).log
            sizes = [value[point] for value in values if point in value]
            scaled = [math.log10(max(size, 1e-300)) if log else size for size in sizes]
            interval = mean_interval(scaled)
            ends = (scaled[0], scaled[0]) if interval is None else (interval.low, interval.high)
            mean, low, high = (10**x if log else x for x in (sum(scaled) / len(scaled), *ends))
            found.append(
                {"arm": arm, "point": point, "mean": mean, "low": low, "high": high, "n": len(sizes)}
            )
    return found


class _Teller:
    """Hears a campaign's progress: sends every finished run once, and ten times a second how others stand."""

    def __init__(self, lesson: Lesson, stopped: Callable[[], bool], send: Callable[[Event], None]) -> None:
        self._lesson, self._stopped, self._send = lesson, stopped, send
        self._told: set[tuple[str, int]] = set()
        self._last, self._seen = -math.inf, False

    def listen(self, progress: CampaignProgress) -> None:
        """Raise KeyboardInterrupt, which a campaign hears, once the job is stopped."""
        if self._stopped():
            raise KeyboardInterrupt

    def __call__(self, progress: CampaignProgress) -> None:
        """Tell what is new; raise KeyboardInterrupt, too."""
        self.listen(progress)
        self.finished(progress.runs)
        first = bool(progress.running) and not self._seen  # the first point does not wait for its turn
        whole = progress.done + progress.reused == progress.total
        if time.monotonic() - self._last >= _EVERY or first or whole:
            self._last, self._seen = time.monotonic(), self._seen or first
            running = [
                {
                    "arm": self._lesson.series(one.task.arm),
                    "run": f"{one.task.arm} {one.task.seed}",
                    "share": one.share,
                    "loss": _finite(one.loss),
                }
                for one in list(progress.running.values())
            ]
            self._send(
                {
                    "kind": "progress",
                    "done": progress.done + progress.reused,
                    "reused": progress.reused,
                    "total": progress.total,
                    "running": running,
                }
            )

    def finished(self, runs: list[RunResult]) -> None:
        """Send the runs that were not sent yet."""
        for run in runs:
            if run.failure is None and (run.arm, run.seed) not in self._told:
                self._told.add((run.arm, run.seed))
                self._send(run_event(self._lesson, run))


def plain(values: dict[str, float]) -> dict[str, float | None]:
    """Return numbers as JSON has them: what is not finite becomes null."""
    return {name: _finite(value) for name, value in values.items()}


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
