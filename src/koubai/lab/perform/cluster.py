"""The workers of a Dask scheduler: they are heard, stopped, and handed each data set once.

A worker tells how a run stands by events of Dask's, which come to the lab through the scheduler; a stop goes
to all workers at once. A task holds no arrays: these travel as a value of Dask's, which
a worker gets when its first task needs it, and gets again when whoever had it is lost.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import time
import uuid
import warnings
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, fields, is_dataclass, replace
from operator import is_
from threading import Thread
from typing import Any

from koubai.core.cores import usable_cores
from koubai.core.errors import KoubaiError
from koubai.data.sources.arrays import Arrays
from koubai.lab.perform.bundle import perform_all
from koubai.lab.perform.channel import Line
from koubai.lab.perform.executors import Workers
from koubai.lab.perform.outcome import Stopped
from koubai.lab.perform.run_result import RunResult
from koubai.lab.perform.work import Task

_PATIENCE = "20s"  # for a scheduler to answer
_PULSE = 10.0  # seconds between two questions whether a scheduler is there
_SILENCE = 60.0  # seconds without an answer after which it is lost
_GRACE = 5.0  # seconds that runs under way get to end after a stop
_TELLING = 0.5  # seconds between two events of a run: what takes less tells nothing
_LOGS = ("distributed.client", "distributed.utils", "distributed.core", "distributed.comm")


@contextmanager
def dask_workers(address: str) -> Iterator[Workers]:
    """Run tasks on the workers of a Dask scheduler; it repeats elsewhere what a lost worker was doing."""
    try:
        from distributed import Client
    except ImportError:
        raise KoubaiError("cluster_needs_dask", where=address, hint="pip install 'koubai[cluster]'") from None
    try:
        client = Client(address, timeout=_PATIENCE)
    except (OSError, ValueError) as error:
        raise KoubaiError(
            "no_dask_scheduler_answers", why=error, where=address, hint="dask scheduler; dask worker ADDRESS"
        ) from error
    topic = f"koubai-{uuid.uuid4().hex}"
    messages: queue.SimpleQueue[Any] = queue.SimpleQueue()
    stop = _StopEvent(client, topic)
    try:
        client.subscribe_topic(topic, lambda event: messages.put(event[1]))
        with _quiet():
            executor = client.get_executor(retries=3)
            there = client.nthreads()
            yield _DaskWorkers(
                executor,
                max(sum(there.values()), 1),
                messages,
                stop,
                _Far(topic, _at_once(there)),
                elsewhere=True,
                grace=_GRACE,
                client=client,
            )
    finally:
        with _quiet():
            stop.set()
            client.close()  # what is not done now was called off, or is lost: nobody waits for it


@dataclass
class _DaskWorkers(Workers):
    """Workers that get tasks without their data, and the data beside them."""

    client: Any = None
    _data: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._pulse = _Pulse(self.client)
        self.answers = self._answers

    def _answers(self) -> bool:
        answered = self._pulse()
        self.count = max(self.count, self._pulse.seen)  # workers may come later; work waits for lost ones
        return answered

    def submit(self, tasks: Sequence[Task]) -> Future[list[RunResult]]:
        held: dict[str, Arrays] = {}
        light = [_light(task, held) for task in tasks]
        for source in held.values():
            if source.sha256 not in self._data:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", UserWarning)  # Dask would rather have a file read
                    key = f"koubai-data-{source.sha256}"
                    self._data[source.sha256] = self.client.submit(_itself, source, key=key, retries=3)
        data = [self._data[digest] for digest in held]
        return self.executor.submit(_perform_here, light, self.line, data)


# ------------------------------------------------------------------------------------- what workers run


_stopped: set[str] = set()  # the topics of labs that want no more of this process


def _stop_here(topic: str) -> None:
    _stopped.add(topic)


def _itself(source: Arrays) -> Arrays:
    """Return a data set: its arrays are in this process's memory now, known by their digest."""
    return source


def _perform_here(tasks: Sequence[Task], line: Line | None, data: list[Arrays]) -> list[RunResult]:
    """Do tasks; `data` holds the arrays of their sources meanwhile."""
    return perform_all(tasks, line)


@dataclass
class _Far:
    """A worker's end of the line on a cluster.

    | field   | meaning                                                              |
    |---------|----------------------------------------------------------------------|
    | topic   | of this lab's events                                                 |
    | at_once | tasks that all workers of a machine do at once, by the machine       |
    """

    topic: str
    at_once: dict[str, int]
    _told: dict[str, float] = field(default_factory=dict)

    def report(self, key: str, step: int, steps: int, loss: float) -> None:
        """Say where the run `key` stands, now and then; raise Stopped if the lab wants it to end."""
        from distributed import get_worker

        if self.stopped():
            raise Stopped
        now = time.monotonic()
        if now - self._told.setdefault(key, now) >= _TELLING:
            self._told[key] = now
            get_worker().log_event(self.topic, [key, step, steps, float(loss)])

    def stopped(self) -> bool:
        """Return whether the lab wants all runs to end."""
        return self.topic in _stopped

    def threads(self, asked: int) -> int:
        """Return how many threads a run has here: those asked for, else its share of this machine's cores."""
        from distributed import get_worker
        from distributed.comm import get_address_host

        worker = get_worker()
        beside = self.at_once.get(get_address_host(worker.address), worker.state.nthreads)
        return asked or max(1, usable_cores() // max(beside, 1))


# ---------------------------------------------------------------------------------------- what the lab does


def _light(value: Any, held: dict[str, Arrays]) -> Any:
    """Return a frozen value with sources in place of their arrays; what they hold is added to `held`."""
    if isinstance(value, Arrays):
        held[value.sha256] = value
        return value.light()
    if type(value) is tuple:
        items = tuple(_light(item, held) for item in value)
        return value if all(map(is_, items, value)) else items
    if not is_dataclass(value) or isinstance(value, type):
        return value
    now = {part.name: getattr(value, part.name) for part in fields(value) if part.init}
    new = {name: _light(part, held) for name, part in now.items()}
    changed = {name: part for name, part in new.items() if part is not now[name]}
    return replace(value, **changed) if changed else value


def _at_once(threads: Mapping[str, int]) -> dict[str, int]:
    """Return how many tasks the workers of each machine do at once, of their threads by their addresses."""
    from distributed.comm import get_address_host

    found: dict[str, int] = {}
    for address, count in threads.items():
        host = get_address_host(address)
        found[host] = found.get(host, 0) + count
    return found


class _StopEvent:
    """An event that reaches the workers of a cluster."""

    def __init__(self, client: Any, topic: str) -> None:
        self._client, self._topic, self._set = client, topic, False

    def set(self) -> None:
        """Tell all workers, without waiting for one that does not answer."""
        if not self._set:
            self._set = True
            told = Thread(target=self._tell, daemon=True)
            told.start()
            told.join(_TELLING)

    def _tell(self) -> None:
        with suppress(Exception):  # whoever is gone needs no telling
            self._client.run(_stop_here, self._topic, on_error="ignore")

    def is_set(self) -> bool:
        """Return whether the workers were told."""
        return self._set


class _Pulse:
    """Asks a scheduler now and then whether it is there; one that is frozen, or cut off, closes nothing.

    `seen` is how many tasks its workers could do at once when it answered last; 0 before.
    """

    def __init__(self, client: Any) -> None:
        self._client, self._asked = client, time.monotonic()
        self._answer: Any = None
        self.seen = 0

    def __call__(self) -> bool:
        """Return whether it answered, or may still do so."""
        waited = time.monotonic() - self._asked
        if self._answer is not None and not self._answer.done():
            return waited < _SILENCE
        if waited > _PULSE:
            if self._answer is not None and not self._answer.exception():
                self.seen = sum(self._answer.result().values())
            ask, self._asked = self._client.scheduler.ncores, time.monotonic()
            self._answer = asyncio.run_coroutine_threadsafe(ask(), self._client.loop.asyncio_loop)
        return True


@contextmanager
def _quiet() -> Iterator[None]:
    """Leave it to the lab to say, once, that a scheduler is gone; Dask logs tracebacks of it."""
    loggers = [logging.getLogger(name) for name in _LOGS]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
