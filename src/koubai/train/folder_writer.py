"""Writing a run's folder, so that a process killed at any moment leaves a run that can be resumed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from koubai.core.errors import RunError
from koubai.probes.history import History
from koubai.train.environment import environment
from koubai.train.files import write_atomic, write_json, writing
from koubai.train.folder import FORMAT, RunFolder, step_of
from koubai.train.model_file import about_weights
from koubai.train.session import Score, Session
from koubai.train.tensors import write_state, write_tensors, write_weights

_KEPT = 2  # checkpoints: should the latest be damaged, the one before it serves


class RunWriter(RunFolder):
    """One run's folder, to be written; knows what of the session it holds already."""

    def __init__(self, path: str | Path) -> None:
        super().__init__(path)
        self._rows: dict[tuple[str, str], int] = {}  # of each column of the history
        self._vectors: set[tuple[int, str, str]] = set()
        self._best: int | None = None  # step of the best weights on disk

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other processes from writing here while the context lasts."""
        with writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            lock = (self.path / ".lock").open("a")
        with lock:
            if not _lock(lock.fileno()):
                raise RunError("another process is writing this run", where=str(self.path))
            yield

    def begin(self, session: Session) -> None:
        """Write what decides the run and what it goes on with."""
        if self.exists:
            hint = f"continue it with: koubai resume {self.path}; or name another folder"
            raise RunError("there is a run here already", where=str(self.path), hint=hint)
        settings = {
            "format": FORMAT,
            "recipe": session.recipe.hash,
            "engine": session.program.engine,
            "threads": session.threads,
            "data_dir": None if session.data_dir is None else str(session.data_dir.absolute()),
            "observation": asdict(session.observation),
        }
        with writing(self.path):
            for name in ("checkpoints", "vectors"):
                (self.path / name).mkdir(exist_ok=True)
            write_atomic(self.path / "recipe.toml", session.recipe.to_toml(full=True))
            write_atomic(self.path / "history.jsonl", b"")
            self._describe(session, [])
            write_json(self.path / "run.json", settings)  # last: with it the run exists

    def resume(self, session: Session) -> float:
        """Bring a fresh session to the latest checkpoint, remove what lies after; return its seconds."""
        checkpoint = self.restore(session)
        with writing(self.path):
            os.truncate(self.path / "history.jsonl", checkpoint.history_bytes)
            for part in self.path.rglob(".*.part"):
                part.unlink()
            for folder, kind in (("vectors", "step"), ("checkpoints", "step"), ("checkpoints", "best")):
                for file in self.files(folder, kind):
                    if step_of(file) > session.step:
                        file.unlink()
            self._describe(session, self.environments)
        self._rows = {name: len(column) for name, column in session.history.columns.items()}
        self._vectors = set(session.history.vectors)
        self._best = None if session.best is None else session.best.step
        return checkpoint.seconds

    def _describe(self, session: Session, earlier: list[Any]) -> None:
        made_with = environment(
            engine=session.program.engine, threads=session.threads, dataset=session.dataset
        )
        write_json(self.path / "environment.json", [*earlier, {"from_step": session.step, **made_with}])

    def record(self, history: History) -> None:
        """Append what the history has gained since the last time."""
        lines = []
        for name, column in history.columns.items():
            start = self._rows.get(name, 0)
            if len(column) > start:
                lines.append(column.to_json(*name, start) + "\n")
                self._rows[name] = len(column)
        if lines:
            with writing(self.path), (self.path / "history.jsonl").open("ab") as file:
                file.write("".join(lines).encode())

    def checkpoint(self, session: Session, seconds: float) -> None:
        """Write all that the run needs to go on from here."""
        self.record(session.history)
        self._write_vectors(session)
        self._write_best(session)
        with writing(self.path), (self.path / "history.jsonl").open("ab") as file:
            os.fsync(file.fileno())
            length = file.tell()
        about = {
            "recipe": session.recipe.hash,
            "history_bytes": str(length),
            "best_step": "" if session.best is None else str(session.best.step),
            "stopped_by": "" if session.stopped_by in (None, "interrupted") else session.stopped_by,
            "seconds": f"{seconds:.3f}",
        }
        write_state(self.file("checkpoints", "step", session.step), session.state(), about)
        self._drop_old()

    def _write_vectors(self, session: Session) -> None:
        new = {n: values for n, values in session.history.vectors.items() if n not in self._vectors}
        if new:
            tensors = {f"{step}|{path}|{quantity}": v for (step, path, quantity), v in new.items()}
            write_tensors(self.file("vectors", "step", session.step), tensors, {})
            self._vectors.update(new)

    def _write_best(self, session: Session) -> None:
        if session.best is not None and session.best.step != self._best:
            file = self.file("checkpoints", "best", session.best.step)
            write_state(file, session.best, {"recipe": session.recipe.hash})
            self._best = session.best.step

    def _drop_old(self) -> None:
        """Remove what newer files have replaced; a checkpoint refers to at most one file of best weights."""
        with writing(self.path):
            for kind in ("step", "best"):
                for file in self.files("checkpoints", kind)[:-_KEPT]:
                    file.unlink()

    def finish(self, session: Session, scores: dict[str, Score], seconds: float) -> None:
        """Write the trained weights and the result; from here on the run is finished."""
        about = about_weights(session.recipe, session.network.in_shape)
        write_weights(self.path / "model.safetensors", session.state().weights, about)
        result = {
            "step": session.step,
            "stopped_by": session.stopped_by,
            "seconds": round(seconds, 3),
            "scores": {part: asdict(score) for part, score in scores.items()},
        }
        with writing(self.path):
            write_json(self.path / "result.json", result)


def _lock(handle: int) -> bool:
    """Lock an open file; the system lets go when the process ends, however it ends."""
    try:
        import fcntl
    except ImportError:  # Windows: no lock, and a second writer is the user's care
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a shared folder that knows no locks
        return True
    return True
