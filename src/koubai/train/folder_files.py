"""The files of a run's folder: their names, and what they hold, checked against the manifest."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from koubai.core.errors import RunError
from koubai.core.params import Array
from koubai.train.files import LARGEST_TEXT, parse_json, reading, understanding
from koubai.train.manifest import HISTORY, MANIFEST, Manifest, check_bytes
from koubai.train.packing import unpack
from koubai.train.safe_folder import SafeFolder
from koubai.words import say
from koubai.words.phrase import phrase

FORMAT = 2
UNVOUCHED = 1  # the format without a manifest
TRIES = 5  # to read what another process changes meanwhile


class FolderFiles:
    """A run's folder as files that are as they were written, or an error says what is left of it."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.place = SafeFolder(self.path)

    @property
    def exists(self) -> bool:
        """Whether a run was begun here; also one that has lost its run.json."""
        if self.place.has("run.json"):
            return True
        if not self.place.has(MANIFEST):
            return False
        try:
            files = Manifest.read(self.place).files
        except RunError:
            return True
        return HISTORY in files and (files[HISTORY].size > 0 or any("/" in name for name in files))

    @property
    def manifest(self) -> Manifest | None:
        """The manifest; None for a run of format 1 that has none."""
        if self.place.has(MANIFEST):
            with self._with_rest():
                return read_manifest(self.place)
        if not self.exists:
            raise RunError("no_run_here", where=str(self.path))
        if self.format != UNVOUCHED:
            raise RunError("manifest_is_missing", where=str(self.path), hint=self._rest())
        return None

    @property
    def format(self) -> object:
        """The format that run.json names, whether or not it is as it was written."""
        file = self.path / "run.json"
        with self._with_rest():
            with reading(file):
                plain = parse_json(self.place.read("run.json", LARGEST_TEXT), file)
            with understanding(file):
                return plain["format"]

    def files(self, folder: str, kind: str) -> list[Path]:
        """Return the files such as checkpoints/step-*.safetensors in order of their steps."""
        return [self.path / name for name in self.names(folder, kind)]

    def names(self, folder: str, kind: str) -> list[str]:
        """Return the names of such files in order of their steps: those that count."""
        manifest = self.manifest
        known = (
            [f"{folder}/{name}" for name in self.place.names(folder)] if manifest is None else manifest.files
        )
        return numbered(known, folder, kind)

    def file(self, folder: str, kind: str, step: int) -> Path:
        """Return the path of such a file."""
        return self.path / name_of(folder, kind, step)

    def bytes_of(self, name: str, most: int | None = None) -> bytes:
        """Return what a file holds; raise RunError unless it is as it was written.

        Where another process writes meanwhile, what counts is the manifest after that.
        """
        manifest = self.manifest
        for _ in range(TRIES):
            try:
                return self._checked(name, manifest, most)
            except RunError:
                last, manifest = manifest, self.manifest
                if manifest == last:
                    raise
        return self._checked(name, manifest, most)

    def _checked(self, name: str, manifest: Manifest | None, most: int | None = None) -> bytes:
        file = self.path / name
        if manifest is None:
            warnings.warn(say("train.unvouched", folder=self.path), stacklevel=2)
            with reading(file):
                return self.place.read(name, most)
        entry = manifest.files.get(name)
        with self._with_rest():
            if entry is None:
                raise RunError("manifest_names_no_such_file", where=str(file))
            if not self.place.has(name):
                raise RunError("file_is_missing", where=str(file))
            with reading(file):
                data = self.place.read(name, entry.largest() if most is None else min(most, entry.largest()))
            check_bytes(entry, data, file)
        return data

    def _text(self, name: str) -> str:
        data = self.bytes_of(name, LARGEST_TEXT)
        with understanding(self.path / name):
            return data.decode()

    def _json(self, name: str) -> Any:
        return parse_json(self.bytes_of(name, LARGEST_TEXT), self.path / name)

    @contextmanager
    def _with_rest(self) -> Iterator[None]:
        """Have an error say what of the folder can still be had, but where it knows better."""
        try:
            yield
        except RunError as error:
            if not error.hint or error.hint == phrase("remove_or_replace_it"):
                error.hint = self._rest()
            raise

    def _rest(self) -> str | None:
        """Return what can still be had of a damaged folder, as an error's hint."""
        from koubai.train.verify import rest_of

        return rest_of(self.path)

    def tensors(self, name: str) -> tuple[dict[str, Array], dict[str, str]]:
        """Return the arrays of a file and what it says about them."""
        return unpack(self.bytes_of(name), self.path / name)


def read_manifest(place: SafeFolder) -> Manifest:
    """Return the manifest of a run; raise RunError if it is missing, damaged, or older than the run.

    A kill leaves at most one file of rows that the manifest does not name yet.
    """
    there = [f"vectors/{name}" for name in place.names("vectors")] if _is_folder(place, "vectors") else []
    manifest = Manifest.read(place)
    if len(set(numbered(there, "vectors", "step")) - manifest.files.keys()) > 1:
        raise RunError("manifest_is_older", where=str(place.path / MANIFEST))
    return manifest


def _is_folder(place: SafeFolder, name: str) -> bool:
    path = place.path / name
    return path.is_dir() and not path.is_symlink()


def name_of(folder: str, kind: str, step: int) -> str:
    """Return the name of a file such as checkpoints/step-00000200.safetensors."""
    return f"{folder}/{kind}-{step:08d}.safetensors"


def numbered(names: Iterable[str], folder: str, kind: str) -> list[str]:
    """Return those of some names that are such, in order of their steps."""
    form = re.compile(rf"{folder}/{kind}-\d{{8,15}}\.safetensors", re.ASCII)
    return sorted((name for name in names if form.fullmatch(name)), key=step_of)


def step_of(file: str | Path) -> int:
    """Return the step in a name such as step-00000200.safetensors."""
    return int(Path(file).stem.partition("-")[2])
