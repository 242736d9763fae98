"""Lanes in Python's threads, which every platform has; they meet at a barrier of koubai's own."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cached_property

from koubai.core.blas_threads import blas_threads
from koubai.core.params import Array
from koubai.engines.native.backends.meeting import Meeting
from koubai.engines.native.kernels import loop


class ThreadRunner:
    """Runs lane 0 in the calling thread and each other one in a thread that waits for work.

    In every lane BLAS uses the thread that calls it and no other: lanes and programs side by side take the
    threads there are, and the bits of a product do not depend on how many of them BLAS would find free.
    """

    def __init__(self, lanes: int) -> None:
        self._lanes = lanes
        self._meeting = Meeting()

    @cached_property
    def _threads(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self._lanes - 1, thread_name_prefix="koubai-lane")

    def words(self) -> dict[str, int]:
        """Where lanes meet."""
        return self._meeting.words()

    def run(self, lane_words: Array) -> None:
        """Run every lane to its end; an interrupt that comes before all have begun calls the others off."""
        self._meeting.open()
        begun: list[Future[None]] = []
        with blas_threads(1):
            try:
                begun.extend(self._threads.submit(_run_lane, row) for row in lane_words[1:])
                loop.call(loop.run.address, lane_words.ctypes.data)
                wait(begun)
            except BaseException:
                self._meeting.call_off()
                wait(begun)
                raise


def _run_lane(words: Array) -> None:
    with blas_threads(1):
        loop.call(loop.run.address, words.ctypes.data)
