"""The line between a worker and the lab: progress one way, 'stop' the other.

A worker process gets both ends when it starts; in a thread they are simply there. Where nobody listens
(a worker of a cluster), a report goes nowhere and nothing stops a run.
"""

from __future__ import annotations

from typing import Any, Protocol

from koubai.lab.outcome import Stopped


class _Queue(Protocol):
    def put(self, item: Any) -> None: ...


class _Event(Protocol):
    def is_set(self) -> bool: ...


_queue: _Queue | None = None
_stop: _Event | None = None


def connect(queue: _Queue | None, stop: _Event | None) -> None:
    """Use these two ends in this process from here on; None disconnects."""
    global _queue, _stop
    _queue, _stop = queue, stop


def connect_worker(queue: _Queue, stop: _Event) -> None:
    """Set up a worker process; a Ctrl-C reaches it too, but is the lab's affair."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    connect(queue, stop)


def report(key: str, step: int, steps: int, loss: float) -> None:
    """Say where the run `key` stands; raise Stopped if the lab wants it to end."""
    if _queue is not None:
        _queue.put((key, step, steps, loss))
    if _stop is not None and _stop.is_set():
        raise Stopped
