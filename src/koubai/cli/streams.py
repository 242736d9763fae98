"""What the process of a command lives with: streams that are closed, full or of few letters, and Ctrl-C.

It imports little, so that Ctrl-C is in good hands before everything else is loaded. The first one ends the
command in good order, keeping what is finished; any further one ends the process at once. What is kept is
written so that it survives being killed at any moment.
"""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
from types import FrameType
from typing import Any

INTERRUPTED = 130


class Enduring(io.FileIO):
    """A stream nobody may be reading: what cannot be written is dropped, and why is kept in `failure`."""

    failure: OSError | None = None

    def write(self, data: Any) -> int:
        """Write, or drop."""
        if self.failure is None:
            try:
                return super().write(data) or 0
            except OSError as error:
                self.failure = error
        return len(data)


def prepare() -> None:
    """Make the standard streams enduring, and hear Ctrl-C; once a process."""
    if isinstance(getattr(getattr(sys.stdout, "buffer", None), "raw", None), Enduring):
        return
    for number in range(3):  # a file opened later must not become a standard stream
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdout, sys.stderr = _enduring(1, sys.stdout), _enduring(2, sys.stderr)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # it is ignored in the background
        signal.signal(signal.SIGINT, _Interrupts())
        sys.unraisablehook = _unraisable


def failure() -> OSError | None:
    """Write out what standard output still holds; return why some of it was lost, unless nobody reads it."""
    sys.stdout.flush()
    lost = getattr(getattr(getattr(sys.stdout, "buffer", None), "raw", None), "failure", None)
    if lost is None or lost.errno == errno.EPIPE:
        return None
    return OSError(lost.errno, lost.strerror, "stdout")


def _enduring(number: int, before: Any) -> Any:
    buffer = io.BufferedWriter(Enduring(number, "w", closefd=False))
    encoding = getattr(before, "encoding", None) or "utf-8"
    direct = number == 2 or getattr(before, "line_buffering", False)
    return io.TextIOWrapper(
        buffer, encoding, "backslashreplace", line_buffering=direct, write_through=number == 2
    )


class _Interrupts:
    """What hears Ctrl-C outside of training, which has ears of its own (koubai.train.interrupt)."""

    raised = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.raised:
            _end_at_once()
        self.raised = True
        raise KeyboardInterrupt


def _end_at_once() -> None:
    """End this process and the workers it started, whatever they are doing."""
    if "multiprocessing" in sys.modules:
        import multiprocessing

        for worker in multiprocessing.active_children():
            worker.kill()
    os._exit(INTERRUPTED)


def _unraisable(found: Any) -> None:
    """Have a Ctrl-C that came where Python drops exceptions, as in a destructor, come again in a moment."""
    if not issubclass(found.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(found)
        return
    import _thread
    import threading

    hearing = signal.getsignal(signal.SIGINT)
    if isinstance(hearing, _Interrupts):
        hearing.raised = False
    again = threading.Timer(0.02, _thread.interrupt_main)
    again.daemon = True
    again.start()
