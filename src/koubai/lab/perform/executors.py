"""Where tasks run: threads or processes of this machine within one budget, or a Dask cluster.

All are `concurrent.futures.Executor`s; what differs is how they are opened, heard and stopped.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from koubai.core.errors import KoubaiError
from koubai.core.signals import spawning, unheard
from koubai.engines.choose import load_native
from koubai.lab.perform import channel
from koubai.lab.perform.channel import Line
from koubai.lab.perform.run_result import RunResult
from koubai.lab.perform.work import Task, perform

_RESTARTS = 3  # broken pools replaced before the lab gives up
_PATIENCE = "20s"  # for a scheduler to answer
_PULSE = 10.0  # seconds between two questions whether a scheduler is there
_SILENCE = 60.0  # seconds without an answer after which it is lost
_LOGS = ("distributed.client", "distributed.utils", "distributed.core", "distributed.comm")


@dataclass
class Workers:
    """An executor with the lab's ends of the line.

    | field     | meaning                                                                         |
    |-----------|---------------------------------------------------------------------------------|
    | messages  | queue of (key, step, steps, loss); None where workers cannot be heard           |
    | stop      | event that asks all runs to end                                                 |
    | line      | the workers' end, handed over with every task; None where it cannot travel      |
    | restart   | puts a new executor in place of one that broke; False when it gives up          |
    | answers   | whether whoever gives work to the workers is still there                        |
    | elsewhere | whether they have machines, and memory, of their own                            |
    """

    executor: Executor
    count: int
    messages: Any = None
    stop: Any = field(default_factory=threading.Event)
    line: Line | None = None
    restart: Callable[[], bool] | None = None
    answers: Callable[[], bool] = lambda: True
    elsewhere: bool = False

    def submit(self, task: Task) -> Future[RunResult]:
        """Hand over one task."""
        with unheard():
            return self.executor.submit(perform, task, self.line)

    def warm_up(self) -> None:
        """Let a thread load the native engine, while the caller reads data; processes load their own."""
        if isinstance(self.executor, ThreadPoolExecutor):
            self.executor.submit(load_native)

    def heard(self) -> list[tuple[str, int, int, float]]:
        """Return the messages that came since the last call."""
        found = []
        while self.messages is not None:
            try:
                found.append(self.messages.get_nowait())
            except queue.Empty:
                break
        return found


@contextmanager
def thread_workers(count: int) -> Iterator[Workers]:
    """Run tasks in threads: right for an engine whose training loop releases the interpreter's lock."""
    messages: queue.SimpleQueue[Any] = queue.SimpleQueue()
    stop = threading.Event()
    with ThreadPoolExecutor(count, thread_name_prefix="arm") as pool:
        try:
            yield Workers(pool, count, messages, stop, Line(messages, stop))
        finally:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def process_workers(count: int) -> Iterator[Workers]:
    """Run tasks in freshly started processes: right for engines that run in Python."""
    context = spawning()
    messages, stop = context.Queue(), context.Event()

    def pool() -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            count, mp_context=context, initializer=channel.connect_worker, initargs=(messages, stop)
        )

    workers = Workers(pool(), count, messages, stop)
    left = [_RESTARTS]

    def restart() -> bool:
        workers.executor.shutdown(wait=False, cancel_futures=True)
        left[0] -= 1
        if left[0] < 0:
            return False
        workers.executor = pool()
        return True

    workers.restart = restart
    try:
        yield workers
    finally:
        stop.set()
        workers.executor.shutdown(wait=True, cancel_futures=True)
        messages.close()


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
    try:
        count = sum(client.nthreads().values())
        with _quiet(), client.get_executor(retries=3) as executor:
            yield Workers(executor, max(count, 1), answers=_Pulse(client), elsewhere=True)
            executor.shutdown(wait=False)  # what is not done now was called off, or is lost
    finally:
        with _quiet():
            client.close()


class _Pulse:
    """Asks a scheduler now and then whether it is there; one that is frozen, or cut off, closes nothing."""

    def __init__(self, client: Any) -> None:
        self._client, self._asked = client, time.monotonic()
        self._answer: Any = None

    def __call__(self) -> bool:
        """Return whether it answered, or may still do so."""
        waited = time.monotonic() - self._asked
        if self._answer is not None and not self._answer.done():
            return waited < _SILENCE
        if waited > _PULSE:
            ask, self._asked = self._client.scheduler.identity, time.monotonic()
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
