"""A process that does one task and is gone: the doctor's look at a run, or a trial on a copy.

It tells what it finds as events. One that takes too long, or that nobody wants any more, is killed; the
server and the training that is watched never wait for it.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from koubai.core.signals import unheard
from koubai.page.event import Event


class Helper:
    """One task in a process of its own. `hear` gets its events in the server's loop; the last is `over`."""

    def __init__(
        self, body: Callable[..., None], args: tuple[Any, ...], hear: Callable[[Event], None], seconds: float
    ) -> None:
        """Start it; `body(pipe, *args)` sends events through the pipe."""
        self._hear, self._over = hear, False
        self._loop = asyncio.get_running_loop()
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe(duplex=False)
        self._process: Any = context.Process(target=body, args=(theirs, *args), daemon=True)
        with unheard():
            self._process.start()
        theirs.close()
        threading.Thread(target=self._listen, args=(ours,), daemon=True).start()
        self._limit = self._loop.call_later(seconds, self.kill)

    def _listen(self, pipe: Connection) -> None:
        with suppress(RuntimeError):  # the loop has ended meanwhile
            try:
                while True:
                    self._loop.call_soon_threadsafe(self._pass_on, pipe.recv())
            except (EOFError, OSError):
                self._loop.call_soon_threadsafe(self._pass_on, {"kind": "over"})

    def _pass_on(self, event: Event) -> None:
        if self._over:
            return
        if event["kind"] == "over":
            self._over = True
            self._limit.cancel()
        self._hear(event)

    def kill(self) -> None:
        """End it; its last event comes all the same."""
        self._process.kill()
