"""Where finished runs lie: one folder a run, named by its key; copied, moved, merged with plain tools.

    STORE/
      runs/KEY/result.json         arm, seed, scores, seconds, what the environment was
      runs/KEY/history.safetensors columns of the same steps in one table (see koubai.probes.packed)
      runs/KEY/exhibits.safetensors
      runs/KEY/manifest.json       size and SHA-256 of each; checked when a run is read
      runs/.lock                   held by who writes here

A run's folder is written under another name and renamed when it is complete, so a process killed at any
moment leaves whole runs and perhaps a nameless rest, never half a run. Rests are swept by whoever finds
that nobody else writes here. A run is found by its key alone: an arm of the same recipe in another
experiment, or under another name, is not trained again.
"""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from koubai.core.errors import RunError
from koubai.lab.perform.run_files import RESULT, let_go, read_run, understanding, verified, write_run
from koubai.lab.perform.run_result import RunResult
from koubai.train.lock import LOCK, lock, lock_shared
from koubai.train.manifest import MANIFEST
from koubai.train.safe_folder import SafeFolder
from koubai.train.verify import Verified
from koubai.words.system import reason

_REST = re.compile(r"\.[A-Za-z0-9_-]+\.[0-9a-f]{8}", re.ASCII)


@dataclass(frozen=True)
class Store:
    """A folder of finished runs."""

    folder: Path

    @property
    def runs(self) -> Path:
        """The folder that holds one folder a run."""
        return self.folder / "runs"

    @property
    def empty(self) -> bool:
        """Whether no run is kept here."""
        return all(name.startswith(".") for name in self._place.names())

    @property
    def _place(self) -> SafeFolder:
        return SafeFolder(self.folder).inner("runs")

    def has(self, key: str) -> bool:
        """Whether a run is kept under this key, sound or not."""
        place = self._place.inner(key)
        return place.has(RESULT) or place.has(MANIFEST)

    def load(self, key: str, arm: str, seed: int) -> RunResult | None:
        """Return a finished run under the name it has in this experiment, or None if there is none."""
        place = self._place.inner(key)
        with understanding(place):
            return replace(read_run(place, key), arm=arm, seed=seed) if self.has(key) else None

    def let_go(self, run: RunResult) -> None:
        """Leave the series and arrays of a kept run on the disk until somebody asks for them."""
        let_go(self._place.inner(run.key), run)

    def verify(self) -> list[Verified]:
        """Return what is whole and what is damaged of each run that is kept here."""
        keys = [name for name in self._place.names() if not name.startswith(".")]
        return [verified(self._place.inner(key)) for key in keys if (self.runs / key).is_dir()]

    def save(self, *runs: RunResult) -> None:
        """Keep finished runs; a run that is already there stays as it is.

        All are written under other names, then the disk is asked once to hold them, then they are renamed.
        """
        place, rests = self._place, dict[str, str]()
        try:
            self.runs.mkdir(parents=True, exist_ok=True)
            for run in runs:
                if not any(place.inner(run.key).has(name) for name in (RESULT, MANIFEST)):
                    rests[run.key] = rest = f".{run.key}.{uuid.uuid4().hex[:8]}"
                    place.make(rest)
                    write_run(place.inner(rest), run)
            place.hold_all(rests.values())
            for key, rest in rests.items():
                self._rename(rest, key)
        except OSError as error:
            for rest in rests.values():
                shutil.rmtree(self.runs / rest, ignore_errors=True)
            raise RunError("cannot_keep_finished_run", why=reason(error), where=str(self.runs)) from error

    def _rename(self, rest: str, key: str) -> None:
        try:
            self._place.move(rest, key)
        except OSError:
            if not self._place.has(key):
                raise
            shutil.rmtree(self.runs / rest, ignore_errors=True)  # another process was quicker

    def check(self) -> None:
        """Raise RunError now if nothing can be written here, before hours of training."""
        try:
            self.runs.mkdir(parents=True, exist_ok=True)
            probe = f".probe.{uuid.uuid4().hex[:8]}"
            os.close(self._place.touch(probe))
            self._place.remove(probe)
        except OSError as error:
            raise RunError("cannot_write_here", why=reason(error), where=str(self.runs)) from error

    @contextmanager
    def held(self) -> Iterator[None]:
        """Tell other processes that somebody writes here; if nobody else does, sweep what kills left."""
        try:
            handle = self._place.touch(LOCK)
        except OSError:  # a disk that takes no more files: told when a run is kept
            yield
            return
        try:
            if lock(handle):
                self.sweep()
            lock_shared(handle)
            yield
        finally:
            os.close(handle)

    def sweep(self) -> None:
        """Remove what killed processes left half written; call it when no other process writes here."""
        for rest in self._place.names():
            if _REST.fullmatch(rest):
                shutil.rmtree(self.runs / rest, ignore_errors=True)  # follows no link
                with suppress(OSError):
                    self._place.remove(rest)
