"""The worker process: trains what the page asks for, so that the server always answers at once.

| direction | message                                                                          |
|-----------|----------------------------------------------------------------------------------|
| in        | ("job", id, kind of work, ...), ("stop", id)                                      |
| out       | (None, {"kind": "ready"}), (id, event)                                            |

| event    | holds                                                                          |
|----------|--------------------------------------------------------------------------------|
| trace    | the first updates, one by one: `frames`                                        |
| run      | one finished run: arm, seed, `values` at the points of the guess, its curve     |
| progress | `done` of `total` runs, `reused` of them from the store, those under way        |
| end      | `facts` for the sentences; `stopped` where somebody stopped it                  |
| failed   | `text`: why, in every language; None where the process died                     |
"""

from __future__ import annotations

import math
import multiprocessing
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from koubai.core.statistics import mean_interval
from koubai.engines.choose import load_native
from koubai.lab.campaign import run_experiment
from koubai.lab.perform.progress import Progress
from koubai.lab.perform.run_result import RunResult
from koubai.lab.perform.store import Store
from koubai.lab.start import open_workers, usable_cores
from koubai.page.failure import in_every_language
from koubai.page.play.perform import perform as play
from koubai.study.lessons import Lesson, lessons
from koubai.study.lessons.lesson import SEEDS
from koubai.train.recipe import Recipe

Event = dict[str, Any]
Job = tuple[Any, ...]
"""Its id, the kind of work, and what that takes."""
_EVERY = 0.1  # seconds between two events of progress
_SWITCH = 0.001  # seconds a thread that trains may keep one waiting that has something to tell


@dataclass(frozen=True)
class Room:
    """What a kind of work is given besides what was asked: `send` tells events of a run under way."""

    store: Path
    data_dir: Path | None
    stopped: Callable[[], bool]
    send: Callable[[Event], None]


Work = Callable[..., Iterator[Event]]
"""Takes a Room and what was asked; yields the events of the job, the last of kind "end" or "failed"."""


def work(pipe: Connection, store: Path, data_dir: Path | None) -> None:
    """Do one job after another until the pipe closes; the body of the worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.setswitchinterval(_SWITCH)
    desk = _Desk(pipe)
    threading.Thread(target=desk.listen, daemon=True).start()
    known = works()
    load_native()
    desk.send(None, {"kind": "ready"})
    while True:
        task = desk.next()
        if task is not None:
            _do(desk, task, known, Room(store, data_dir, desk.stop.is_set, desk.sender(task[0])))


def works() -> dict[str, Work]:
    """Return every kind of work by its name."""
    known = lessons()
    return {
        "lesson": lambda room, name, turn: perform(
            known[name], turn, room.store, room.data_dir, room.stopped, room.send
        ),
        "play": play,
    }


def _do(desk: _Desk, task: Job, known: dict[str, Work], room: Room) -> None:
    """Do one job; whatever goes wrong in it is told as its last event."""
    job, kind, *asked = task
    try:
        for event in known[kind](room, *asked):
            desk.send(job, event)
    except Exception as error:
        desk.send(job, {"kind": "failed", "text": in_every_language(error)})


def warm_up(data_dir: Path | None) -> None:
    """Make every kind of run once, two steps long; the body of a process of its own, with low priority.

    Kernels are compiled then and lie on the disk, where the worker finds them; it never waits for this.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    with suppress(OSError, AttributeError):  # not every system has it
        os.nice(10)
    load_native()
    with open_workers("auto", 1) as workers:
        for lesson in lessons().values():
            experiment = lesson.experiment((0,))
            for arm in experiment.arms if isinstance(experiment.base, Recipe) else ():
                if parent is not None and not parent.is_alive():
                    return
                short = replace(experiment, base=experiment.base.edit(steps=2), arms=(arm,))
                run_experiment(short, workers, data_dir=data_dir)


class _Desk:
    """The worker's end of the pipe: jobs come in, events go out, and a job can be called off."""

    def __init__(self, pipe: Connection) -> None:
        self.stop = threading.Event()
        self._pipe, self._lock = pipe, threading.Lock()
        self._jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._now: str | None = None
        self._off: set[str] = set()

    def listen(self) -> None:
        """Take in messages; end this process with the server, however it ended."""
        try:
            while True:
                kind, job, *rest = self._pipe.recv()
                if kind == "job":
                    self._jobs.put((job, *rest))
                else:
                    self._off.add(job)
                    if job == self._now:
                        self.stop.set()
        except (EOFError, OSError):
            os._exit(0)

    def next(self) -> Job | None:
        """Wait for the next job; None for one that was called off meanwhile."""
        job = self._jobs.get()
        self.stop.clear()
        self._now = job[0]
        if job[0] in self._off:
            self.send(job[0], {"kind": "end", "stopped": True})
            return None
        return job

    def send(self, job: str | None, event: Event) -> None:
        """Send an event to the server."""
        with self._lock:
            self._pipe.send((job, event))

    def sender(self, job: str) -> Callable[[Event], None]:
        """Return what sends events of one job."""
        return lambda event: self.send(job, event)


def perform(
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
            result = run_experiment(
                lesson.experiment(seeds), workers, store=Store(store), data_dir=data_dir, on_progress=told
            )
    except KeyboardInterrupt:  # the teller's, before the campaign had begun
        yield {"kind": "end", "stopped": True}
        return
    for run in result.runs:
        if run.failure is not None:
            yield {"kind": "failed", "text": in_every_language(run.failure)}
            return
    told.finished(list(result.runs))
    if result.pending:
        yield {"kind": "end", "stopped": True}
        return
    yield trace_event(lesson)
    yield end_of(lesson, list(result.runs))


@cache
def trace_event(lesson: Lesson) -> Event:
    """Return the first updates of a lesson, one by one; they are made once in a process."""
    frames = [{"step": frame.step, "places": list(frame.places.items())} for frame in lesson.trace()]
    return {"kind": "trace", "frames": frames}


def end_of(lesson: Lesson, runs: list[RunResult]) -> Event:
    """Return the last event of a job: what its sentences speak of."""
    return {"kind": "end", "stopped": False, "facts": plain(lesson.facts(runs)), "means": means(lesson, runs)}


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
    }


def means(lesson: Lesson, runs: list[RunResult]) -> list[dict[str, Any]]:
    """Return mean and 95 % interval of each arm at each point of the guess; of logarithms on a log scale."""
    found = []
    log = lesson.guess.log
    for arm in dict.fromkeys(lesson.series(run.arm) for run in runs):
        values = [lesson.values(run) for run in runs if lesson.series(run.arm) == arm]
        for point in dict.fromkeys(point for value in values for point in value):
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

    def __call__(self, progress: Progress) -> None:
        """Tell what is new; raise KeyboardInterrupt, which a campaign hears, once the job is stopped."""
        if self._stopped():
            raise KeyboardInterrupt
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
