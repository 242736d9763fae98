"""Where the shards of a program meet, whatever threads they run in."""

from __future__ import annotations

import ctypes
import sys
from functools import cache

import numpy as np

from koubai.engines.native.kernels.meeting import CALLED_OFF, meeting_words


class Meeting:
    """The memory of a barrier (kernels/meeting.py).

    A shard that waits for long lets other threads go first. OpenMP's barrier does not: beside other work on
    all cores a step with it took several times as long.
    """

    def __init__(self, shards: int) -> None:
        self._memory = np.zeros(meeting_words(shards), np.int64)

    def fields(self) -> dict[str, int]:
        """The fields of a shard with which it goes there."""
        return {"meeting": self._memory.ctypes.data, "rest": _rest()}

    def open(self) -> None:
        """Nobody is here; called before shards run."""
        self._memory[:] = 0

    def call_off(self) -> None:
        """Send away who waits."""
        self._memory[CALLED_OFF] = 1


@cache
def _rest() -> int:
    """Address of the system's function that lets another thread go first."""
    if sys.platform == "win32":
        function = ctypes.windll.kernel32.SwitchToThread
    else:
        function = ctypes.CDLL(None).sched_yield
    return ctypes.cast(function, ctypes.c_void_p).value or 0
