"""Lanes in Python's threads, which every platform has; they meet at a barrier of koubai's own."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cached_property

from koubai.core.params import Array
from koubai.engines.native.backends.blas.library import one_thread
from koubai.engines.native.backends.meeting import Meeting
from koubai.engines.native.kernels import loop


class ThreadRunner:
    """Runs lane 0 in the calling thread and each other one in a thread that waits for work."""

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
        with one_thread:
            try:
                begun.extend(
                    self._threads.submit(loop.call, loop.run.address, row.ctypes.data)
                    for row in lane_words[1:]
                )
                loop.call(loop.run.address, lane_words.ctypes.data)
                wait(begun)
            except BaseException:
                self._meeting.call_off()
                wait(begun)
                raise
