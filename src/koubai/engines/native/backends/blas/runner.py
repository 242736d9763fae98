"""Shards in Python's threads, which every platform has; they meet at a barrier of koubai's own."""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor, wait

from koubai.core.blas_threads import blas_threads
from koubai.core.params import Array
from koubai.engines.native.backends.meeting import Meeting
from koubai.engines.native.kernels import loop
from koubai.engines.native.kernels.block import addresses


class ThreadRunner:
    """Runs shard 0 in the calling thread and each other one in a thread that waits for work.

    In every shard BLAS uses the thread that calls it and no other: shards and programs side by side take the
    threads there are, and the bits of a product do not depend on how many of them BLAS would find free.
    """

    def __init__(self, shards: int) -> None:
        self._shards = shards
        self._meeting = Meeting(shards)
        self._pool: ThreadPoolExecutor | None = None
        self._process = 0

    @property
    def _threads(self) -> ThreadPoolExecutor:
        """The threads that wait; a forked process has none of its parent's."""
        if self._pool is None or self._process != os.getpid():
            self._pool = ThreadPoolExecutor(self._shards - 1, thread_name_prefix="koubai-shard")
            self._process = os.getpid()
        return self._pool

    def fields(self) -> dict[str, int]:
        """Where shards meet."""
        return self._meeting.fields()

    def run(self, shards: Array) -> None:
        """Run every shard to its end; an interrupt that comes before all have begun calls the others off."""
        self._meeting.open()
        first, *others = addresses(shards)
        begun: list[Future[None]] = []
        with blas_threads(1):
            try:
                begun.extend(self._threads.submit(_run_shard, at) for at in others)
                loop.call(loop.run_address(), first)
                wait(begun)
            except BaseException:
                self._meeting.call_off()
                wait(begun)
                raise

    def call(self, function: int, data: int) -> None:
        """Call a function that runs a single shard in another way."""
        with blas_threads(1):
            loop.call(function, data)


def _run_shard(at: int) -> None:
    with blas_threads(1):
        loop.call(loop.run_address(), at)
