"""The line between a worker and the lab: progress one way, 'stop' the other.

A thread is handed its line with its task. A worker process gets one when it starts, as queues and events
cannot travel with a task. Where there is none (a cluster), a report goes nowhere and nothing stops a run.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from typing import Any, Protocol

from koubai.lab.perform.outcome import Stopped


class _Queue(Protocol):
    def put(self, item: Any) -> None: ...


class _Event(Protocol):
    def is_set(self) -> bool: ...


class Line(Protocol):
    """A worker's end."""

    def stopped(self) -> bool:
        """Return whether the lab wants all runs to end."""

    def report(self, key: str, step: int, steps: int, loss: float) -> None:
        """Say where the run `key` stands; raise Stopped if the lab wants it to end."""

    def threads(self, asked: int) -> int:
        """Return how many threads a run has here."""


@dataclass(frozen=True)
class Near:
    """The end of a line within this machine."""

    queue: _Queue | None = None
    stop: _Event | None = None

    def report(self, key: str, step: int, steps: int, loss: float) -> None:
        """Say where the run `key` stands; raise Stopped if the lab wants it to end."""
        if self.queue is not None:
            self.queue.put((key, step, steps, loss))
        if self.stopped():
            raise Stopped

    def stopped(self) -> bool:
        """Return whether the lab wants all runs to end."""
        return self.stop is not None and self.stop.is_set()

    def threads(self, asked: int) -> int:
        """Return how many threads a run has here: those that were asked for."""
        return asked


_of_this_process = Near()


def of_this_process() -> Near:
    """Return the line that this process was started with."""
    return _of_this_process


def connect_worker(queue: _Queue, stop: _Event) -> None:
    """Set up a worker process; a Ctrl-C reaches it too, but is the lab's affair."""
    import signal

    global _of_this_process  # noqa: PLW0603 - a pool can hand things to its workers only by their globals
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _of_this_process = Near(queue, stop)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this worker when the lab is gone, however it ended: nobody is left to take what it makes."""
    import multiprocessing

    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
