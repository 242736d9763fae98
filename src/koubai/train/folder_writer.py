"""Writing a run's folder, so that a process killed at any moment leaves a run that can be resumed.

All files go through `RunWriter.commit` (see koubai.train.manifest for the order of its steps), but for
history.jsonl, which grows by whole lines (koubai.train.history_file).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from koubai.core.errors import RunError
from koubai.probes.history import History
from koubai.train.environment import environment
from koubai.train.files import json_bytes, writing
from koubai.train.folder import RunFolder
from koubai.train.folder_files import FORMAT, name_of, numbered, step_of
from koubai.train.history_file import Lines
from koubai.train.lock import LOCK, lock
from koubai.train.manifest import HISTORY, MANIFEST, FileEntry, Manifest, sealed
from koubai.train.model_file import about_weights
from koubai.train.packing import pack
from koubai.train.session import Score, Session
from koubai.train.tensors import pack_state, pack_weights

_WHOLE = ("recipe.toml", "environment.json", HISTORY, "model.safetensors", "result.json")
_KEPT = 2  # checkpoints: should the latest be damaged, the one before it can be gone back to


class RunWriter(RunFolder):
    """One run's folder, to be written; knows what of the session it holds already."""

    def __init__(self, path: str | Path) -> None:
        super().__init__(path)
        self._files: dict[str, FileEntry] = {}  # all that count
        self._lines = Lines()  # of the history on disk
        self._vectors_written: set[tuple[int, str, str]] = set()
        self._best: int | None = None  # step of the best weights on disk

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other processes from writing here while the context lasts."""
        with writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            handle = self.place.touch(LOCK)
        try:
            if lock(handle) is False:
                raise RunError("another_process_writes_this_run", where=str(self.path))
            yield
        finally:
            os.close(handle)

    # ------------------------------------------------------------------------------------ files

    def commit(
        self, new: Mapping[str, bytes], drop: Iterable[str] = (), *, seconds: float | None = None
    ) -> None:
        """Put files into the folder and others out of it; the history counts as far as it is written."""
        drop = set(drop)
        with writing(self.path):
            if (both := Manifest(self._files).replacing(new)) is not None:
                both.write(self.place)
            for name, data in new.items():
                self.place.write(name, data)
            files = {name: entry for name, entry in self._files.items() if name not in drop}
            files |= {name: FileEntry.of(data, seconds) for name, data in new.items()}
            files[HISTORY] = FileEntry(self._lines.size, self._lines.sha256)
            Manifest(files).write(self.place)
            for name in drop:
                self.place.remove(name)
        self._files = files

    def begin(self, session: Session) -> None:
        """Write what decides the run and what it goes on with."""
        if self.exists:
            raise RunError("run_is_here_already", folder=self.path, where=str(self.path))
        settings = {
            "format": FORMAT,
            "recipe": session.recipe.hash,
            "engine": session.program.engine,
            "threads": session.threads,
            "device": session.device,
            "data": {"name": session.dataset.name, "sha256": session.dataset.sha256},
            "data_dir": None if session.data_dir is None else str(session.data_dir.absolute()),
            "observation": asdict(session.observation),
        }
        run = json_bytes(sealed(settings))
        with writing(self.path):
            for name in ("checkpoints", "vectors"):
                self.place.make(name)
            self.place.write(HISTORY, b"")
            self._files["run.json"] = FileEntry.of(run)
            self.commit(
                {
                    "recipe.toml": session.recipe.to_toml(full=True).encode(),
                    "environment.json": self._described(session, []),
                }
            )
            self.place.write("run.json", run)  # last: with it the run exists

    def clear(self) -> None:
        """Remove the run that is here, damaged or not; what else lies in the folder stays."""
        with writing(self.path):
            for folder in ("checkpoints", "vectors"):
                for name in self.place.names(folder):
                    self.place.remove(f"{folder}/{name}")
            for name in (*_WHOLE, MANIFEST, "run.json"):
                if self.place.has(name):
                    self.place.remove(name)

    def resume(self, session: Session) -> float:
        """Bring a fresh session to the latest checkpoint, remove what lies after; return its seconds."""
        checkpoint = self.restore(session)
        manifest, environments = self.manifest, self.environments
        self._lines = checkpoint.lines
        self._lines.rows = {name: len(column) for name, column in session.history.columns.items()}
        self._vectors_written = set(session.history.vectors)
        self._best = None if session.best is None else session.best.step
        self._files = dict(manifest.files) if manifest is not None else self._adopted()
        later = {name for name in self._files if "/" in name and step_of(name) > session.step}
        self.commit({"environment.json": self._described(session, environments)}, later)
        with writing(self.path):
            self.place.cut(HISTORY, self._lines.size)
            self._sweep()
        return checkpoint.seconds

    def _adopted(self) -> dict[str, FileEntry]:
        """Return the entries of a run's files that had no manifest, as they are now."""
        names = ["recipe.toml", "run.json", "environment.json"]
        for folder, kind in (("vectors", "step"), ("checkpoints", "step"), ("checkpoints", "best")):
            names += self.names(folder, kind)
        return {name: FileEntry.of(self.place.read(name)) for name in names}

    def _sweep(self) -> None:
        """Remove what killed processes left: half files, and whole ones that do not count."""
        for folder in ("", "checkpoints", "vectors"):
            for name in self.place.names(folder):
                at = f"{folder}/{name}" if folder else name
                part = name.startswith(".") and name.endswith(".part")
                stray = bool(folder) and name.endswith(".safetensors") and at not in self._files
                if part or stray:
                    self.place.remove(at)

    def _described(self, session: Session, earlier: list[Any]) -> bytes:
        made_with = environment(
            engine=session.program.engine,
            threads=session.threads,
            dataset=session.dataset,
            device=session.computed_on,
        )
        return json_bytes([*earlier, {"from_step": session.step, **made_with}])

    # ------------------------------------------------------------------------------------ going on

    def record(self, history: History) -> None:
        """Append what the history has gained since the last time."""
        before = self._lines.size
        if lines := self._lines.gained(history):
            with writing(self.path):
                try:
                    self.place.append(HISTORY, lines)
                except OSError:
                    with suppress(OSError):
                        self.place.cut(HISTORY, before)
                    raise

    def checkpoint(self, session: Session, seconds: float) -> None:
        """Write all that the run needs to go on from here."""
        self.record(session.history)
        with writing(self.path):
            self.place.hold(HISTORY)
        step, best = name_of("checkpoints", "step", session.step), session.best
        new = self._new_vectors(session)
        if best is not None and best.step != self._best:
            name = name_of("checkpoints", "best", best.step)
            new[name] = pack_state(best, {"recipe": session.recipe.hash})
        about = {
            "recipe": session.recipe.hash,
            "history_bytes": str(self._lines.size),
            "history_sha256": self._lines.sha256,
            "vectors": str(len(session.history.vectors)),
            "best_step": "" if best is None else str(best.step),
            "stopped_by": "" if session.stopped_by in (None, "interrupted") else session.stopped_by,
        }
        new[step] = pack_state(session.state(), about)
        self.commit(new, self._old({*self._files, *new}), seconds=round(seconds, 3))
        self._vectors_written = set(session.history.vectors)
        self._best = None if best is None else best.step

    def _new_vectors(self, session: Session) -> dict[str, bytes]:
        new = {n: values for n, values in session.history.vectors.items() if n not in self._vectors_written}
        if not new:
            return {}
        tensors = {f"{step}|{path}|{quantity}": v for (step, path, quantity), v in new.items()}
        return {name_of("vectors", "step", session.step): pack(tensors, {"recipe": session.recipe.hash})}

    def _old(self, names: set[str]) -> list[str]:
        """Return the files that newer ones have replaced; a checkpoint refers to at most one `best`."""
        old = []
        for kind in ("step", "best"):
            old += numbered(names, "checkpoints", kind)[:-_KEPT]
        return old

    def finish(
        self, session: Session, scores: dict[str, Score], seconds: float, startup: float = 0.0
    ) -> None:
        """Write the trained weights and the result; from here on the run is finished."""
        about = about_weights(session.recipe, session.network.in_shape, session.dataset.preparation)
        result = {
            "step": session.step,
            "stopped_by": session.stopped_by,
            "seconds": round(seconds, 3),
            "startup": round(startup, 3),
            "scores": {part: asdict(score) for part, score in scores.items()},
        }
        self.commit(
            {
                "model.safetensors": pack_weights(session.state().weights, about),
                "result.json": json_bytes(sealed(result)),
            }
        )
