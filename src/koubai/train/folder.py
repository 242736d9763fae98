"""A run's folder: everything that is known about one run, in plain files that can be copied.

    RUN/
      recipe.toml                            what decides the run
      run.json                               engine, threads and watching, with which it goes on
      environment.json                       what it was made with, one entry for each start
      history.jsonl                          numbers over steps, appended; a torn last line is dropped
      vectors/step-00000200.safetensors      rows for each unit, since the checkpoint before
      checkpoints/step-00000200.safetensors  weights, optimizer and step; the latest two
      checkpoints/best-00000100.safetensors  the best weights so far, under early stopping
      model.safetensors                      the trained weights, written at the end
      result.json                            scores; its presence means that the run is finished

Every file but history.jsonl is whole or absent. A checkpoint knows how long history.jsonl was when it was
written: to resume is to cut the history there and to go on, bit for bit as if nothing had happened.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from koubai.core.errors import ConfigError, RunError
from koubai.core.params import Array
from koubai.engines.engine import TrainingState
from koubai.probes.history import History
from koubai.train.files import read_json, understanding
from koubai.train.recipe import Recipe
from koubai.train.session import Observation, Score, Session
from koubai.train.tensors import read_about, read_state, read_tensors
from koubai.words.system import reason

FORMAT = 1


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint says besides its tensors: bytes of history.jsonl before it, seconds spent."""

    history_bytes: int = 0
    seconds: float = 0.0


class RunFolder:
    """One run's folder, to be read; also while another process writes it."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    @property
    def exists(self) -> bool:
        """Whether a run was begun here."""
        return (self.path / "run.json").exists()

    @property
    def finished(self) -> bool:
        """Whether the run came to its end."""
        return (self.path / "result.json").exists()

    @property
    def recipe(self) -> Recipe:
        """The recipe, checked against the name it had when the run began."""
        file, name = self.path / "recipe.toml", self.settings["recipe"]
        try:
            recipe = Recipe.from_toml(file)
        except ConfigError as error:
            raise RunError(f"its recipe cannot be read: {error.message}", where=str(file)) from None
        if recipe.hash != name:
            raise RunError(
                "the recipe is not the one the run began with",
                where=str(file),
                expected=name,
                got=recipe.hash,
                hint="undo the change, or begin another run with it",
            )
        return recipe

    @property
    def settings(self) -> dict[str, Any]:
        """What run.json holds: recipe (its hash), engine, threads, data_dir, observation."""
        if not self.exists:
            raise RunError("there is no run here", where=str(self.path), expected="a folder with run.json")
        file = self.path / "run.json"
        settings = read_json(file)
        with understanding(file):
            if settings["format"] != FORMAT:
                raise RunError(
                    "a run of another format", where=str(file), expected=FORMAT, got=settings["format"]
                )
            return {**settings, "observation": Observation(**settings["observation"])}

    @property
    def environments(self) -> list[dict[str, Any]]:
        """What environment.json holds: one entry for each start of the run."""
        return list(read_json(self.path / "environment.json"))

    @property
    def result(self) -> dict[str, Any]:
        """What result.json holds: step, stopped_by, seconds, and scores by part.

        A loss that JSON cannot hold was written as null and is NaN.
        """
        file = self.path / "result.json"
        result = read_json(file)
        with understanding(file):
            scores = {
                part: Score(
                    float("nan") if row["loss"] is None else row["loss"], row["accuracy"], row["count"]
                )
                for part, row in result["scores"].items()
            }
            return {**result, "scores": scores}

    def history(self) -> History:
        """Return the history as far as it is written."""
        history, _ = self._lines(None)
        for file in self.files("vectors", "step"):
            history.vectors.update(_read_vectors(file))
        return history

    def files(self, folder: str, kind: str) -> list[Path]:
        """Return the files such as checkpoints/step-*.safetensors in order of their steps."""
        found = (self.path / folder).glob(f"{kind}-*.safetensors")
        return sorted((file for file in found if _digits(file).isdecimal()), key=step_of)

    def file(self, folder: str, kind: str, step: int) -> Path:
        """Return the path of such a file."""
        return self.path / folder / f"{kind}-{step:08d}.safetensors"

    # ------------------------------------------------------------------------------------ going on

    def restore(self, session: Session) -> Checkpoint:
        """Bring a fresh session of this recipe to the latest checkpoint, with the history up to it.

        Without any checkpoint the session stays at its start.
        """
        self._check_data(session)
        found = self._latest(session)
        if found is None:
            return Checkpoint()
        file, state = found
        about = read_about(file)
        with understanding(file):
            checkpoint = Checkpoint(int(about["history_bytes"]), float(about["seconds"]))
            stopped_by, best = about["stopped_by"] or None, about["best_step"]
            if best:
                session.best = read_state(self.file("checkpoints", "best", int(best)), state)
        session.restore(state)
        session.stopped_by = stopped_by
        session.history, _ = self._lines(checkpoint.history_bytes)
        for vectors in self.files("vectors", "step"):
            if step_of(vectors) <= state.step:
                session.history.vectors.update(_read_vectors(vectors))
        return checkpoint

    def _check_data(self, session: Session) -> None:
        with understanding(self.path / "environment.json"):
            first = self.environments[0]["data"]
            if first["sha256"] != session.dataset.sha256:
                raise RunError(
                    "the data are not those the run began with",
                    where=str(self.path),
                    expected=f"{first['name']} with digest {first['sha256'][:16]}...",
                    got=f"{session.dataset.name} with digest {session.dataset.sha256[:16]}...",
                )

    def _latest(self, session: Session) -> tuple[Path, TrainingState] | None:
        """Return the latest checkpoint that can be read; None if there never was one."""
        like, failed = session.state(), None
        for file in reversed(self.files("checkpoints", "step")):
            try:
                state = read_state(file, like)
            except RunError as error:  # half a file cannot be, but a disk may forget what it said it holds
                failed = failed or error
                continue
            if read_about(file).get("recipe") != session.recipe.hash:
                raise RunError("a checkpoint of another recipe", where=str(file), hint="remove it")
            return file, state
        if failed is not None:
            raise failed
        return None

    def _lines(self, length: int | None) -> tuple[History, int]:
        """Return the whole lines among the first `length` bytes (None = all), and how many bytes they are."""
        history, read, file = History(), 0, self.path / "history.jsonl"
        try:
            data = file.read_bytes()[:length]
        except OSError as error:
            raise RunError(f"its history cannot be read: {reason(error)}", where=str(file)) from None
        for line in data.splitlines(keepends=True):
            try:
                if not line.endswith(b"\n"):
                    break
                history.add_json(line.decode())
            except ValueError:  # a torn line; nothing after it was written knowing it
                break
            read += len(line)
        if length is not None and read < length:
            raise RunError(
                "its history is shorter than its checkpoint says",
                where=str(file),
                expected=f"{length} bytes of whole lines",
                got=read,
            )
        return history, read


def step_of(file: Path) -> int:
    """Return the step in a name such as step-00000200.safetensors."""
    return int(_digits(file))


def _digits(file: Path) -> str:
    return file.stem.partition("-")[2]


def _read_vectors(file: Path) -> dict[tuple[int, str, str], Array]:
    found, tensors = {}, read_tensors(file)
    with understanding(file):
        for name, values in tensors.items():
            step, path, quantity = name.split("|")
            found[int(step), path, quantity] = values
    return found
