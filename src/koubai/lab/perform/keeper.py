"""Keeping runs beside the work: what finished while the disk was busy is put away together, at one price.

What is kept need not be in memory, too. A `Desk` has room for a thousand small runs, so that most experiments
are whole in memory; of the runs after them series and arrays stay on the disk until they are asked for.
"""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

from koubai.lab.perform.run_result import RunResult
from koubai.lab.perform.store import Store

_MOST = 256  # runs put away together
_ROOM = 4_000_000  # numbers: 16 to 64 MB


class Desk:
    """Room for the series and arrays of kept runs; those of runs beyond it are let go."""

    def __init__(self, store: Store) -> None:
        self._store, self._room = store, _ROOM

    def load(self, key: str, arm: str, seed: int) -> RunResult | None:
        """Return a run that the store has, None if it has none."""
        run = self._store.load(key, arm, seed)
        if run is not None:
            self.put(run)
        return run

    def put(self, run: RunResult) -> None:
        """Take in a run that the store has."""
        arrays = (array for exhibit in run.exhibits for array in exhibit.arrays.values())
        self._room -= len(run.history) + sum(array.size for array in arrays)
        if self._room < 0:
            self._store.let_go(run)


class StoreKeeper:
    """A thread that puts finished runs into a store; `desk` has those that it was given, and that it had."""

    def __init__(self, store: Store) -> None:
        self.desk = Desk(store)
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
            got = [self._waiting.get()]
            while len(got) < _MOST and not self._waiting.empty():
                got.append(self._waiting.get())
            last, runs = None in got, [run for run in got if run is not None]
            try:
                self._store.save(*runs)
                for run in runs:
                    self.desk.put(run)
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
