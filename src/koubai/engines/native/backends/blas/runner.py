"""Lanes in Python's threads, which every platform has; they meet at a barrier of koubai's own."""

from __future__ import annotations

import ctypes
import sys
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cache, cached_property

import numpy as np

from koubai.core.params import Array
from koubai.engines.native.backends.blas.library import one_thread
from koubai.engines.native.kernels import loop
from koubai.engines.native.kernels.meeting import CALLED_OFF, MEETING_WORDS


class ThreadRunner:
    """Runs lane 0 in the calling thread and each other one in a thread that waits for work."""

    def __init__(self, lanes: int) -> None:
        self._lanes = lanes
        self._meeting = np.zeros(MEETING_WORDS, np.int64)

    @cached_property
    def _threads(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self._lanes - 1, thread_name_prefix="koubai-lane")

    def words(self) -> dict[str, int]:
        """Where lanes meet."""
        return {"meeting": self._meeting.ctypes.data, "rest": _rest()}

    def run(self, lane_words: Array) -> None:
        """Run every lane to its end; an interrupt that comes before all have begun calls the others off."""
        self._meeting[:] = 0
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
                self._meeting[CALLED_OFF] = 1
                wait(begun)
                raise


@cache
def _rest() -> int:
    """Address of the system's function that lets another thread go first."""
    if sys.platform == "win32":
        function = ctypes.windll.kernel32.SwitchToThread
    else:
        function = ctypes.CDLL(None).sched_yield
    return ctypes.cast(function, ctypes.c_void_p).value or 0
