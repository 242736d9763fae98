"""Bringing a damaged run's folder back to the newest checkpoint that is sound, so that it can be resumed."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count

from koubai.core.errors import RunError
from koubai.train.files import json_bytes, reading, understanding, writing
from koubai.train.folder import RunFolder
from koubai.train.folder_files import name_of, numbered, step_of
from koubai.train.manifest import HISTORY, MANIFEST, FileEntry, Manifest
from koubai.train.packing import unpack
from koubai.train.safe_folder import SafeFolder
from koubai.train.verify import Verified, verify


@dataclass(frozen=True)
class Salvaged:
    """What was done: gone back to which step; which files were moved into which folder in the run's."""

    step: int
    aside: tuple[str, ...]
    folder: str


def salvage(folder: RunFolder) -> Salvaged | None:
    """Go back to the newest sound checkpoint of a damaged run; None if nothing is damaged.

    What is damaged, or made after that checkpoint, is moved into a folder set-aside-N inside; nothing is
    deleted. Call it while no other process writes there. A kill meanwhile leaves a folder that can be
    salvaged again.

    Raises:
        RunError: recipe.toml or run.json is damaged, so that nothing can go on.
    """
    found = verify(folder.path)
    if found.intact:
        return None
    if found.back_to is None:
        raise RunError("run_cannot_go_on", where=str(folder.path))
    with writing(folder.path):
        return _go_back(folder, found, found.back_to)


def _go_back(folder: RunFolder, found: Verified, step: int) -> Salvaged:
    """Copy or move aside what goes, then write the manifest of what stays: whole at every moment."""
    place, kept, aside = folder.place, _kept(found, step), _free_name(folder.place)
    place.make(aside)
    for inner in ("checkpoints", "vectors"):
        if place.has(inner) and ((folder.path / inner).is_symlink() or not (folder.path / inner).is_dir()):
            place.move(inner, f"{aside}/{inner}")
        place.make(inner)
    size = _history_bytes(folder, step)
    for name in (HISTORY, MANIFEST):
        _copy_aside(place, name, aside)
    stays = {HISTORY, MANIFEST, *kept} | ({"environment.json"} if found.has("environment.json") else set())
    moved = [name for name in found.names - stays if place.has(name)]
    for name in moved:
        place.move(name, f"{aside}/{name.replace('/', '-')}")
    if not found.has("environment.json"):
        place.write("environment.json", json_bytes([]))
    beginning = _beginning(place, size)
    files = {name: FileEntry.of(place.read(name)) for name in (*kept, "environment.json")}
    Manifest({**files, HISTORY: FileEntry.of(beginning)}).write(place)
    if place.size(HISTORY) != size or not size:
        place.write(HISTORY, beginning)
    return Salvaged(step, tuple(sorted(moved)), aside)


def _copy_aside(place: SafeFolder, name: str, aside: str) -> None:
    """Copy a file aside; what is none (a link, a pipe, a folder) is moved there."""
    try:
        data = place.read(name)
    except FileNotFoundError:
        return
    except (RunError, OSError):
        place.move(name, f"{aside}/{name}")
        return
    place.write(f"{aside}/{name}", data)


def _kept(found: Verified, step: int) -> list[str]:
    """Return the files that a run at a step needs."""
    kept = ["run.json", "recipe.toml"]
    for inner, kind in (("checkpoints", "step"), ("checkpoints", "best"), ("vectors", "step")):
        names = numbered(found.names, inner, kind)
        kept += [name for name in names if found.has(name) and step_of(name) <= step]
    return kept


def _history_bytes(folder: RunFolder, step: int) -> int:
    """Return how long the history was at a checkpoint."""
    name = name_of("checkpoints", "step", step)
    if not folder.place.has(name):
        return 0
    file = folder.path / name
    with reading(file):
        _, about = unpack(folder.place.read(name), file)
    with understanding(file):
        return int(about["history_bytes"])


def _beginning(place: SafeFolder, size: int) -> bytes:
    if not size:
        return b""
    with place.open(HISTORY) as stream:
        return stream.read(size)


def _free_name(place: SafeFolder) -> str:
    taken = set(place.names())
    return next(name for i in count(1) if (name := f"set-aside-{i}") not in taken)
