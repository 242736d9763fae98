"""A run's folder: everything that is known about one run, in plain files that can be copied.

    RUN/
      recipe.toml                            what decides the run
      run.json                               engine, threads, device, data and watching, with which it goes on
      environment.json                       what it was made with, one entry for each start
      history.jsonl                          numbers over steps, appended; a torn last line is dropped
      vectors/step-00000200.safetensors      rows for each unit, since the checkpoint before
      checkpoints/step-00000200.safetensors  weights, optimizer and step; the latest two
      checkpoints/best-00000100.safetensors  the best weights so far, under early stopping
      model.safetensors                      the trained weights, written at the end
      result.json                            scores; with it the run is finished
      manifest.json                          size and SHA-256 of every file above (koubai.train.manifest)

Every file but history.jsonl is whole or absent, and counts from the moment the manifest names it. Whatever is
read is checked against the manifest first. A checkpoint knows how long history.jsonl was when it was written:
to resume is to cut the history there and to go on, bit for bit as if nothing had happened.

Folders of format 1 have no manifest: they are read and resumed, with a note that nothing vouches for them;
once resumed they have one.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from koubai.core.errors import ConfigError, RunError
from koubai.core.params import Array
from koubai.engines.engine import Observation, TrainingState
from koubai.probes.history import History
from koubai.train.environment import as_environment
from koubai.train.files import reading, understanding
from koubai.train.folder_files import FORMAT, TRIES, UNVOUCHED, FolderFiles, name_of, step_of
from koubai.train.history_file import Lines, Read, read_lines, require_digest
from koubai.train.manifest import HISTORY, FileEntry, Manifest, unsealed
from koubai.train.recipe import Recipe
from koubai.train.session import Score, Session
from koubai.train.tensors import largest, tensors_of, unpack_state
from koubai.words import say
from koubai.words.phrase import phrase


@dataclass(frozen=True)
class Checkpoint:
    """What a session goes on with besides its state: the history written so far, seconds spent."""

    lines: Lines
    seconds: float = 0.0


class RunFolder(FolderFiles):
    """One run's folder, to be read; also while another process writes it."""

    @property
    def finished(self) -> bool:
        """Whether the run came to its end."""
        manifest = self.manifest
        return self.place.has("result.json") if manifest is None else "result.json" in manifest.files

    @property
    def recipe(self) -> Recipe:
        """The recipe, checked against the name it had when the run began."""
        file, name = self.path / "recipe.toml", self.settings["recipe"]
        text = self._text("recipe.toml")
        try:
            recipe = Recipe.from_toml(text + "\n")  # with a line's end it is no path
        except ConfigError as error:
            raise RunError(
                "its_recipe_cannot_be_read", why=error.message, where=str(file), hint=self._rest()
            ) from None
        if recipe.hash != name:
            raise RunError(
                "recipe_is_not_the_one_of_this_run",
                where=str(file),
                expected=name,
                got=recipe.hash,
                hint=phrase("undo_or_begin_another_run"),
            )
        return recipe

    @property
    def settings(self) -> dict[str, Any]:
        """run.json: format, recipe (its hash), engine, threads, device, data, data_dir, observation."""
        file = self.path / "run.json"
        settings = self._json("run.json")
        with understanding(file):
            form = settings["format"]
            if form not in (UNVOUCHED, FORMAT):
                raise RunError("run_has_another_format", where=str(file), expected=FORMAT, got=form)
            settings = settings if form == UNVOUCHED else unsealed(settings, file)
            return {**settings, "observation": Observation(**settings["observation"])}

    @property
    def environments(self) -> list[dict[str, Any]]:
        """What environment.json holds: one entry for each start of the run."""
        with understanding(self.path / "environment.json"):
            return [as_environment(entry) for entry in self._json("environment.json")]

    @property
    def result(self) -> dict[str, Any]:
        """What result.json holds: step, stopped_by, seconds and those of them of start-up, scores by part.

        A loss that JSON cannot hold was written as null and is NaN.
        """
        file = self.path / "result.json"
        result = self._json("result.json")
        with understanding(file):
            result = unsealed(result, file) if "sha256" in result else result
            scores = {
                part: Score(
                    float("nan") if row["loss"] is None else row["loss"],
                    row["accuracy"],
                    row["count"],
                    {name: _number(value) for name, value in row.get("measures", {}).items()},
                )
                for part, row in result["scores"].items()
            }
            return {**result, "scores": scores}

    def history(self) -> History:
        """Return the history as far as it is written."""
        for _ in range(TRIES):
            manifest = self.manifest
            with suppress(_MovedOn):
                return self._history(manifest)
        raise RunError("another_process_writes_this_run", where=str(self.path))

    def _vectors(self, name: str) -> dict[tuple[int, str, str], Array]:
        found, (tensors, _) = {}, self.tensors(name)
        with understanding(self.path / name):
            for at, values in tensors.items():
                step, path, quantity = at.split("|")
                found[int(step), path, quantity] = values
        return found

    def _history(self, manifest: Manifest | None) -> History:
        """Return the whole history; raise _MovedOn if another process changed it while it was read."""
        entry = None if manifest is None else manifest.files.get(HISTORY)
        sure = FileEntry(0, "") if entry is None else entry
        seen: list[str] = []

        def at(lines: Lines) -> None:
            if lines.size == sure.size:
                seen.append(lines.sha256)

        try:
            read = self._read_lines(None, at)
            self._require(read, sure.size, None)
            if sure.size and seen[-1:] != [sure.sha256]:
                raise RunError("history_is_another", where=str(self.path / HISTORY), hint=self._rest())
            if (
                manifest is not None
                and "result.json" in manifest.files
                and read.lines.size + read.torn != sure.size
            ):
                raise RunError(
                    "history_goes_on_after_the_end",
                    where=str(self.path / HISTORY),
                    expected=phrase("bytes_counted", count=sure.size),
                    got=read.lines.size + read.torn,
                    hint=self._rest(),
                )
            if read.torn:
                warnings.warn(say("train.torn", file=self.path / HISTORY, bytes=read.torn), stacklevel=3)
            for name in self.names("vectors", "step"):
                read.history.vectors.update(self._vectors(name))
        except RunError:
            if self.manifest != manifest:
                raise _MovedOn from None
            raise
        return read.history

    def _read_lines(self, length: int | None, seen: Callable[[Lines], None] = lambda lines: None) -> Read:
        file = self.path / HISTORY
        unchecked = self.format == UNVOUCHED
        with self._with_rest(), reading(file), self.place.open(HISTORY) as stream:
            return read_lines(stream, length, unchecked=unchecked, seen=seen)

    def _require(self, read: Read, size: int, sha256: str | None) -> None:
        with self._with_rest():
            require_digest(read, size, sha256, str(self.path / HISTORY))

    # ------------------------------------------------------------------------------------ going on

    def restore(self, session: Session, step: int | None = None) -> Checkpoint:
        """Bring a fresh session of this recipe to a checkpoint (None: the latest), with the history up to it.

        Without any checkpoint the session stays at its start.
        """
        self._check_data(session)
        names = [name for name in self.names("checkpoints", "step") if step in (None, step_of(name))]
        if not names:
            if self.finished:
                raise RunError("no_checkpoint_is_left", where=str(self.path), hint=self._rest())
            return Checkpoint(Lines())
        return self._restore(session, names[-1])

    def _restore(self, session: Session, name: str) -> Checkpoint:
        state, about = self._state(name, session.state(), session.recipe.hash)
        with understanding(self.path / name):
            size, sha256, best = int(about["history_bytes"]), about.get("history_sha256"), about["best_step"]
            stopped_by = about["stopped_by"] or None
            seconds = float(about.get("seconds") or self._seconds(name))
            vectors = int(about["vectors"]) if "vectors" in about else None
            if best:
                best_name = name_of("checkpoints", "best", int(best))
                session.best, _ = self._state(best_name, state, session.recipe.hash)
        session.restore(state)
        session.stopped_by = stopped_by
        read = self._read_lines(size)
        self._require(read, size, sha256)
        session.history = read.history
        for file in self.names("vectors", "step"):
            if step_of(file) <= state.step:
                session.history.vectors.update(self._vectors(file))
        if vectors is not None and len(session.history.vectors) != vectors:
            raise RunError(
                "rows_of_units_are_missing",
                where=str(self.path / "vectors"),
                expected=vectors,
                got=len(session.history.vectors),
                hint=self._rest(),
            )
        return Checkpoint(read.lines, seconds)

    def _state(self, name: str, like: TrainingState, recipe: str) -> tuple[TrainingState, dict[str, str]]:
        data = self.bytes_of(name, largest(tensors_of(like)))
        state, about = unpack_state(data, self.path / name, like)
        if about.get("recipe") != recipe:
            raise RunError("checkpoint_of_another_recipe", where=str(self.path / name))
        return state, about

    def _seconds(self, name: str) -> float:
        entry = self.manifest.files.get(name) if self.manifest is not None else None
        return (entry.seconds if entry is not None else None) or 0.0

    def _check_data(self, session: Session) -> None:
        with understanding(self.path / "run.json"):
            first = self.settings.get("data") or self.environments[0]["data"]
            if first["sha256"] != session.dataset.sha256:
                raise RunError(
                    "data_are_not_those_of_this_run",
                    where=str(self.path),
                    expected=phrase("name_with_digest", name=first["name"], digest=first["sha256"][:16]),
                    got=phrase(
                        "name_with_digest", name=session.dataset.name, digest=session.dataset.sha256[:16]
                    ),
                )


def _number(value: Any) -> Any:
    """Return a measure as it was before JSON, which has no NaN."""
    if isinstance(value, list):
        return [_number(each) for each in value]
    return float("nan") if value is None else float(value)


class _MovedOn(Exception):
    """Another process has changed the folder since the manifest was read."""
