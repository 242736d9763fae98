"""Keeping runs beside the work: what finished while the disk was busy is put away together, at one price."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

from koubai.lab.perform.run_result import RunResult
from koubai.lab.perform.store import Store

_MOST = 256  # runs put away together


class StoreKeeper:
    """A thread that puts finished runs into a store."""

    def __init__(self, store: Store) -> None:
        self._store, self._waiting = store, queue.SimpleQueue[RunResult | None]()
        self._error: Exception | None = None
        self._thread = Thread(target=self._work, name="keeper")
        self._thread.start()

    def keep(self, run: RunResult) -> None:
        """Have a run kept soon; raise what went wrong with an earlier one."""
        self._told()
        self._waiting.put(run)

    def close(self) -> None:
        """Return when all is kept; raise what went wrong."""
        self._waiting.put(None)
        self._thread.join()
        self._told()

    def _told(self) -> None:
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def _work(self) -> None:
        last = False
        while not last:
            runs = [self._waiting.get()]
            while len(runs) < _MOST and not self._waiting.empty():
                runs.append(self._waiting.get())
            last = None in runs
            try:
                self._store.save(*(run for run in runs if run is not None))
            except Exception as error:  # told where somebody listens
                self._error = self._error or error


@contextmanager
def keeping(store: Store | None) -> Iterator[StoreKeeper | None]:
    """Yield a keeper for a store that others may write to, too; all that it was given is kept at the end."""
    if store is None:
        yield None
        return
    with store.held():
        keeper = StoreKeeper(store)
        try:
            yield keeper
        finally:
            keeper.close()
