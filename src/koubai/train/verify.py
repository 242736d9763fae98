"""What of a run's folder is as it was written, and what can still be had of a damaged one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from koubai.core.errors import ConfigError, RunError
from koubai.core.few import few
from koubai.train.files import LARGEST_TEXT, parse_json, reading, understanding
from koubai.train.folder_files import name_of, numbered, read_manifest, step_of
from koubai.train.history_file import Lines, read_lines
from koubai.train.manifest import HISTORY, MANIFEST, FileEntry, Manifest, check_bytes, unsealed
from koubai.train.packing import unpack
from koubai.train.recipe import Recipe
from koubai.train.safe_folder import SafeFolder
from koubai.words.phrase import phrase

WHOLE, DAMAGED, MISSING, UNVOUCHED = "whole", "damaged", "missing", "unvouched"
_SHOWN = 6  # names of whole files in an error


@dataclass(frozen=True)
class Found:
    """One file: its name, its state (a constant of this module) and, where that is not whole, why."""

    name: str
    state: str
    why: str = ""


@dataclass(frozen=True)
class Verified:
    """What was found in a folder.

    `back_to` is the step of the newest checkpoint that a run can go on from, 0 for its start, None where
    nothing can go on.
    """

    path: Path
    files: tuple[Found, ...]
    back_to: int | None = None

    @property
    def sound(self) -> bool:
        """Whether every file is as it was written."""
        return all(found.state == WHOLE for found in self.files)

    @property
    def intact(self) -> bool:
        """Whether nothing is known against any file; those of an early version have no digests."""
        return all(found.state in (WHOLE, UNVOUCHED) for found in self.files)

    @property
    def names(self) -> set[str]:
        """The names of all files, also of those that are gone."""
        return {found.name for found in self.files}

    def has(self, name: str) -> bool:
        """Whether a file is whole, or at least nothing is known against it."""
        return any(found.name == name and found.state in (WHOLE, UNVOUCHED) for found in self.files)

    @property
    def whole(self) -> list[str]:
        """The names of the files that are whole."""
        return [found.name for found in self.files if found.state == WHOLE]


def rest_of(path: Path) -> str:
    """Return what can still be had of a damaged run, as the hint of an error."""
    found = verify(path)
    rest = [name for name in found.whole if name not in (MANIFEST, "environment.json")]
    names = few(rest, _SHOWN)
    if found.back_to is None:
        return phrase("what_is_whole", names=names or "-", folder=path)
    return phrase("what_is_whole_and_step_to_go_back_to", names=names, step=found.back_to, folder=path)


def verify(path: str | Path) -> Verified:
    """Return what is whole, damaged or missing in a run's folder; raise RunError if it is none."""
    place = SafeFolder(Path(path))
    if not place.has(MANIFEST) and not place.has("run.json"):
        raise RunError("no_run_here", where=str(path))
    return _Look(place).verified()


def look_at(place: SafeFolder) -> Verified:
    """Return what is whole of the files that a folder's manifest names, none of which grows."""
    look = _Look(place, Manifest.read)
    entries = {} if look.manifest is None else look.manifest.files
    found = [look.file(name, entry) for name, entry in entries.items()]
    return Verified(place.path, (*look.found.values(), *found))


class _Look:
    """One look over a folder; what was read is kept for the questions after it."""

    def __init__(self, place: SafeFolder, read: Callable[[SafeFolder], Manifest] = read_manifest) -> None:
        self.place, self.read_manifest = place, read
        self.found: dict[str, Found] = {}
        self.data: dict[str, bytes] = {}  # of the small files that are whole
        self.manifest = self._manifest()

    def verified(self) -> Verified:
        manifest = self.manifest
        names = list(manifest.files) if manifest is not None else self._present()
        for name in names:
            entry = None if manifest is None else manifest.files[name]
            self.found[name] = self._history(entry) if name == HISTORY else self.file(name, entry)
        return Verified(self.place.path, tuple(self.found.values()), self._back_to())

    @property
    def unchecked(self) -> bool:
        """Whether this is a run of format 1, whose files had no digests."""
        with suppress(RunError, OSError, ValueError, KeyError, TypeError):
            file = self.place.path / "run.json"
            return bool(parse_json(self.place.read("run.json", LARGEST_TEXT), file)["format"] == 1)
        return False

    def _manifest(self) -> Manifest | None:
        try:
            manifest = self.read_manifest(self.place)
        except RunError as error:
            if self.place.has(MANIFEST):
                self.found[MANIFEST] = Found(MANIFEST, DAMAGED, error.message)
            elif not self.unchecked:
                self.found[MANIFEST] = Found(MANIFEST, MISSING, "")
            return None
        self.found[MANIFEST] = Found(MANIFEST, WHOLE)
        return manifest

    def _present(self) -> list[str]:
        """Return the files of a run that nothing names any more."""
        names = [name for name in _SINGLE if self.place.has(name)]
        for folder, kind in (("vectors", "step"), ("checkpoints", "step"), ("checkpoints", "best")):
            with suppress(OSError, RunError):
                names += numbered((f"{folder}/{n}" for n in self.place.names(folder)), folder, kind)
        return names

    def file(self, name: str, entry: FileEntry | None) -> Found:
        """Look at a file by the manifest, without one by what the file says of itself."""
        file = self.place.path / name
        try:
            if not self.place.has(name):
                return Found(name, MISSING)
            with reading(file):
                data = self.place.read(name, None if entry is None else entry.largest())
            if entry is not None:
                check_bytes(entry, data, file)
            elif not self._vouches_for_itself(name, data, file):
                return Found(name, UNVOUCHED)
        except RunError as error:
            return Found(name, DAMAGED, error.message)
        if "/" not in name:
            self.data[name] = data
        return Found(name, WHOLE)

    def _vouches_for_itself(self, name: str, data: bytes, file: Path) -> bool:
        """Whether a file carries its own digest; raise RunError if that is wrong."""
        if name.endswith(".safetensors"):
            unpack(data, file)
            return b'"sha256"' in data[: 2**16]
        if name in ("run.json", "result.json") and not self.unchecked:
            unsealed(parse_json(data, file), file)
            return True
        self.data[name] = data
        if name == "recipe.toml" and "run.json" in self.data:
            if not self._recipe_fits():
                raise RunError("recipe_is_not_the_one_of_this_run", where=str(file))
            return not self.unchecked
        return False

    def _history(self, entry: FileEntry | None) -> Found:
        """Look at the history: up to what the manifest names all must be there; after it whole lines."""
        if not self.place.has(HISTORY):
            return Found(HISTORY, MISSING)
        size, digests = 0 if entry is None else entry.size, {0: Lines().sha256}

        def seen(lines: Lines) -> None:
            if lines.size == size:
                digests[size] = lines.sha256

        try:
            with reading(self.place.path / HISTORY), self.place.open(HISTORY) as stream:
                read = read_lines(stream, unchecked=self.unchecked, seen=seen)
        except RunError as error:
            return Found(HISTORY, DAMAGED, error.message)
        if read.broken is not None:
            return Found(HISTORY, DAMAGED, phrase("history_is_damaged_in_line", line=read.broken))
        if entry is not None and (read.lines.size < size or digests.get(size) != entry.sha256):
            return Found(HISTORY, DAMAGED, phrase("history_is_another"))
        ended = self.manifest is not None and "result.json" in self.manifest.files
        if ended and read.lines.size + read.torn != size:
            return Found(HISTORY, DAMAGED, phrase("history_goes_on_after_the_end"))
        return Found(HISTORY, UNVOUCHED if self.unchecked and entry is None else WHOLE)

    # ------------------------------------------------------------------------------------ going back

    def _recipe_fits(self) -> bool:
        try:
            plain = parse_json(self.data["run.json"], self.place.path / "run.json")
            recipe = Recipe.from_toml(self.data["recipe.toml"].decode() + "\n")
            return bool(recipe.hash == plain["recipe"])
        except (ConfigError, RunError, ValueError, KeyError, TypeError):
            return False

    def _usable(self, name: str) -> bool:
        return name in self.found and self.found[name].state in (WHOLE, UNVOUCHED)

    def _back_to(self) -> int | None:
        """Return the newest step from which the run can go on; see Verified."""
        if not (self._usable("run.json") and self._usable("recipe.toml") and self._recipe_fits()):
            return None
        for name in reversed(numbered(self.found, "checkpoints", "step")):
            if self._usable(name) and self._goes_on(name):
                return step_of(name)
        return 0

    def _goes_on(self, name: str) -> bool:
        """Whether all is there that a checkpoint needs."""
        file = self.place.path / name
        try:
            _, about = unpack(self.place.read(name), file)
            with understanding(file):
                recipe = parse_json(self.data["run.json"], file)["recipe"]
                best, size = about["best_step"], int(about["history_bytes"])
            if about["recipe"] != recipe:
                return False
            if best and not self._usable(name_of("checkpoints", "best", int(best))):
                return False
            with self.place.open(HISTORY) as stream:
                read = read_lines(stream, size, unchecked=self.unchecked)
        except (RunError, OSError):
            return False
        right = about.get("history_sha256") in (None, read.lines.sha256)
        return read.broken is None and read.lines.size == size and right and self._rows(about, step_of(name))

    def _rows(self, about: Mapping[str, Any], step: int) -> bool:
        """Whether the rows of units up to a checkpoint are all there."""
        names = [n for n in numbered(self.found, "vectors", "step") if step_of(n) <= step]
        if not all(self._usable(name) for name in names):
            return False
        count = 0
        for name in names:
            tensors, facts = unpack(self.place.read(name), self.place.path / name)
            if facts.get("recipe", about["recipe"]) != about["recipe"]:
                return False
            count += len(tensors)
        return "vectors" not in about or int(about["vectors"]) == count


_SINGLE = ("run.json", "recipe.toml", "environment.json", HISTORY, "model.safetensors", "result.json")
