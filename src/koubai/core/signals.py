"""Ctrl-C is the affair of the process a person started; those it starts itself do not hear it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multiprocessing.context import SpawnContext


@contextmanager
def unheard() -> Iterator[None]:
    """Let a Ctrl-C wait: a process that is started meanwhile never hears it, not even while it is loading."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def quietly() -> None:
    """Be the least important process, and deaf to Ctrl-C: that is for the one which started this."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(OSError, AttributeError):  # not every system has it
        os.nice(10)


def spawning() -> SpawnContext:
    """Return multiprocessing's way to start processes again; they may then be started `unheard`.

    The first process that is started so brings multiprocessing's own helper with it, and that lets Ctrl-C
    through again before the process itself begins (CPython's resource_tracker.py). So the helper is started
    here.
    """
    import multiprocessing

    if os.name == "posix":
        from multiprocessing import resource_tracker

        resource_tracker.ensure_running()
    return multiprocessing.get_context("spawn")
