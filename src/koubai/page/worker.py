"""The worker process: trains what the page asks for, so that the server always answers at once.

| direction | message                                                                          |
|-----------|----------------------------------------------------------------------------------|
| in        | ("job", id, kind of work, ...), ("stop", id)                                      |
| out       | (None, {"kind": "ready"}), (id, event)                                            |

What the events of a lesson hold says koubai.page.lesson_job, those of free play koubai.page.play.perform.
The last one is of kind "end" or "failed".
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from koubai.core.signals import quietly
from koubai.engines.choose import load_native
from koubai.lab.campaign import run_experiment
from koubai.lab.start import open_workers
from koubai.page.event import Event
from koubai.page.failure import in_every_language
from koubai.page.lesson_job import perform_lesson
from koubai.page.play.perform import perform_play
from koubai.study.lessons import lessons
from koubai.train.recipe import Recipe

JobMessage = tuple[Any, ...]
"""Its id, the kind of work, and what that takes."""
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
        "lesson": lambda room, name, turn: perform_lesson(
            known[name], turn, room.store, room.data_dir, room.stopped, room.send
        ),
        "play": perform_play,
    }


def _do(desk: _Desk, task: JobMessage, known: dict[str, Work], room: Room) -> None:
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
    quietly()
    parent = multiprocessing.parent_process()
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
        self._jobs: queue.SimpleQueue[JobMessage] = queue.SimpleQueue()
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

    def next(self) -> JobMessage | None:
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
