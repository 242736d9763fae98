"""Where tasks run: threads or processes of this machine within one budget.

A cluster's workers are such an executor, too; they differ in how they are opened, heard and stopped.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from koubai.core.signals import spawning, unheard
from koubai.engines.choose import load_native
from koubai.lab.perform import channel
from koubai.lab.perform.bundle import perform_all
from koubai.lab.perform.channel import Line, Near
from koubai.lab.perform.run_result import RunResult
from koubai.lab.perform.work import Task

_RESTARTS = 3  # broken pools replaced before the lab gives up


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
    | grace     | seconds that runs under way get to end after a stop; None: as long as they take |
    """

    executor: Executor
    count: int
    messages: Any = None
    stop: Any = field(default_factory=threading.Event)
    line: Line | None = None
    restart: Callable[[], bool] | None = None
    answers: Callable[[], bool] = lambda: True
    elsewhere: bool = False
    grace: float | None = None

    def submit(self, tasks: Sequence[Task]) -> Future[list[RunResult]]:
        """Hand over tasks that one worker does, one after another."""
        with unheard():
            return self.executor.submit(perform_all, tasks, self.line)

    @property
    def shares_memory(self) -> bool:
        """Whether workers are threads of this process: those of an engine that leaves Python's lock alone."""
        return isinstance(self.executor, ThreadPoolExecutor)

    def warm_up(self) -> None:
        """Let a thread load the native engine, while the caller reads data; processes load their own."""
        if self.shares_memory:
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
            yield Workers(pool, count, messages, stop, Near(messages, stop))
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
