"""Ctrl-C once: finish the step and stop in good order. Ctrl-C twice: stop at once."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)  # the second is how a cluster asks
terminated = threading.Event()
"""Whether the latest run was asked to end by SIGTERM, which is meant for the whole process."""


def end_of_script(run: Any) -> None:
    """Raise SystemExit, with the run as its `koubai_run`, if the latest run was asked to end by SIGTERM."""
    if terminated.is_set():
        end = SystemExit(128 + signal.SIGTERM)
        end.koubai_run = run  # type: ignore[attr-defined]  # any exception may carry more
        raise end


class Interrupt:
    """Listens for Ctrl-C while its context lasts; outside the main thread it hears nothing."""

    def __init__(self) -> None:
        self.requested = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            terminated.clear()
            for name in _SIGNALS:
                self._before[name] = signal.signal(name, self._hear)
        return self

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            before = self._before.get(signal.Signals(number))
            if number == signal.SIGINT and callable(before):
                before(number, frame)  # usually raises
            raise KeyboardInterrupt
        self.requested = True
        if number == signal.SIGTERM:
            terminated.set()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name, handler in self._before.items():
            signal.signal(name, handler)
