"""Ways to damage a folder, each by its name. All take (random, folder, others like it, a folder outside)."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

Damage = Callable[[random.Random, Path, tuple[Path, ...], Path], str]
KINDS: dict[str, Damage] = {}


def damage(function: Damage) -> Damage:
    """Decorator: a way to damage; returns what it did, "" if there was nothing to do it to."""
    KINDS[function.__name__] = function
    return function


def files(place: Path) -> list[Path]:
    """Return the regular files in a folder and those inside it, locks aside."""
    found = (path for path in place.rglob("*") if path.name != ".lock")
    return sorted(path for path in found if path.is_file() and not path.is_symlink())


def pick(rng: random.Random, place: Path) -> Path:
    """Return one of the files: its kind first, so that many checkpoints do not outweigh the rest."""
    kinds: dict[str, list[Path]] = {}
    for path in files(place):
        kinds.setdefault(path.name.rstrip("0123456789.").partition("-0")[0], []).append(path)
    return rng.choice(kinds[rng.choice(sorted(kinds))])


def _changed(path: Path, data: bytes | bytearray, said: str) -> str:
    path.write_bytes(data)
    return f"{path.name}: {said}"


@damage
def flip(rng: random.Random, place: Path, others: tuple[Path, ...], outside: Path) -> str:
    """One to three flipped bits."""
    path = pick(rng, place)
    data = bytearray(path.read_bytes())
    at = [rng.randrange(8 * len(data)) for _ in range(rng.choice((1, 1, 1, 2, 3)))] if data else []
    for bit in at:
        data[bit // 8] ^= 1 << bit % 8
    return _changed(path, data, f"flipped bits {at}") if at else ""


@damage
def cut(rng: random.Random, place: Path, others: tuple[Path, ...], outside: Path) -> str:
    """A file that ends too early, at any byte or at the end of a line."""
    path = pick(rng, place)
    data = path.read_bytes()
    ends = [i + 1 for i, byte in enumerate(data) if byte == ord("\n")] or [0]
    size = rng.choice([rng.randrange(len(data) + 1), rng.choice(ends), 0])
    return _changed(path, data[:size], f"cut from {len(data)} to {size} bytes")


@damage
def longer(rng: random.Random, place: Path, others: tuple[Path, ...], outside: Path) -> str:
    """More bytes at the end: zeros, noise, or the file once more."""
    path = pick(rng, place)
    data = path.read_bytes()
    more = rng.choice([bytes(rng.randrange(1, 5000)), rng.randbytes(rng.randrange(1, 200)), data])
    return _changed(path, data + more, f"{len(more)} bytes more")


@damage
def zeros(rng: random.Random, place: Path, others: tuple[Path, ...], outside: Path) -> str:
    """A block of zeros in the middle, as a disk leaves it that lost power."""
    path = pick(rng, place)
    data = bytearray(path.read_bytes())
    start = rng.randrange(len(data) + 1)
    size = min(rng.choice([1, 16, 512, 4096]), len(data) - start)
    data[start : start + size] = bytes(size)
    return _changed(path, data, f"{size} zeros from {start}")


@damage
def line(rng: random.Random, place: Path, others: tuple[Path, ...], outside: Path) -> str:
    """A line of a text file that is missing, doubled, or in another's place."""
    path = rng.choice(
        [path for path in files(place) if path.suffix in (".json", ".jsonl", ".toml")] or [None]
    )
    lines = path.read_bytes().splitlines(keepends=True) if path else []
    if not lines:
        return ""
    at, to = rng.randrange(len(lines)), rng.randrange(len(lines))
    how = rng.choice(["missing", "doubled", "exchanged"])
    if how == "missing":
        del lines[at]
    elif how == "doubled":
        lines.insert(at, lines[at])
    else:
        lines[at], lines[to] = lines[to], lines[at]
    return _changed(path, b"".join(lines), f"line {at + 1} {how}")


@damage
def delete(rng: random.Random, place: Path, others: tuple[Path, ...], outside: Path) -> str:
    """A file that is missing, or a whole folder."""
    folders = sorted(path for path in place.rglob("*") if path.is_dir())
    path = rng.choice(folders) if folders and rng.random() < 0.25 else pick(rng, place)
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    return f"{path.relative_to(place)} deleted"


@damage
def swap(rng: random.Random, place: Path, others: tuple[Path, ...], outside: Path) -> str:
    """Two files, or two folders, in each other's place."""
    folders = sorted(path for path in place.rglob("*") if path.is_dir())
    pool = folders if len(folders) > 1 and rng.random() < 0.3 else files(place)
    if len(pool) < 2:
        return ""
    one, two = rng.sample(pool, 2)
    if one in two.parents or two in one.parents:
        return ""
    rest = place / "rest"
    one.rename(rest)
    two.rename(one)
    rest.rename(two)
    return f"{one.relative_to(place)} and {two.relative_to(place)} exchanged"


@damage
def copy(rng: random.Random, place: Path, others: tuple[Path, ...], outside: Path) -> str:
    """A file over another one, or under a name that a later one might have."""
    one, two = pick(rng, place), pick(rng, place)
    if rng.random() < 0.3:
        two = one.with_name(rng.choice(["step-00000099.safetensors", "best-00000007.safetensors", "x.json"]))
    if one == two:
        return ""
    shutil.copy(one, two)
    return f"{one.relative_to(place)} copied to {two.relative_to(place)}"


@damage
def foreign(rng: random.Random, place: Path, others: tuple[Path, ...], outside: Path) -> str:
    """A file as it is in the folder of another run, or as it was in this one before."""
    if not others:
        return ""
    other, path = rng.choice(others), pick(rng, place)
    twin = other / path.relative_to(place)
    if not twin.is_file():
        candidates = [file for file in files(other) if file.parent.name == path.parent.name]
        twin = rng.choice(candidates) if candidates else path
    if twin == path or twin.read_bytes() == path.read_bytes():
        return ""
    shutil.copy(twin, path)
    return f"{path.relative_to(place)} from {twin}"


@damage
def link(rng: random.Random, place: Path, others: tuple[Path, ...], outside: Path) -> str:
    """A link in the place of a file or a folder: outside, to its own content, to nowhere, or a hard one."""
    folders = sorted(path for path in place.rglob("*") if path.is_dir())
    path = rng.choice(folders) if folders and rng.random() < 0.3 else pick(rng, place)
    kept, name = outside / "kept", path.relative_to(place)
    if path.is_dir():
        shutil.copytree(path, kept)
        shutil.rmtree(path)
        path.symlink_to(kept)
        return f"{name}/ is a link outside"
    shutil.copy(path, kept)
    path.unlink()
    how = rng.choice(["own", "notes", "nowhere", "hard", "itself"])
    if how == "hard":
        os.link(kept, path)
    else:
        path.symlink_to({"own": kept, "itself": path.name}.get(how, outside / how))
    return f"{name} is a link: {how}"


@damage
def strange(rng: random.Random, place: Path, others: tuple[Path, ...], outside: Path) -> str:
    """A pipe, an endless device or a folder in the place of a file."""
    path = pick(rng, place)
    path.unlink()
    how = rng.choice(["pipe", "folder", "/dev/zero", "/dev/full"])
    if how == "pipe":
        os.mkfifo(path)
    elif how == "folder":
        path.mkdir()
    else:
        path.symlink_to(how)
    return f"{path.relative_to(place)} is {how}"


@damage
def lock(rng: random.Random, place: Path, others: tuple[Path, ...], outside: Path) -> str:
    """Something else in the place of the file that is locked."""
    path = next(iter(sorted(place.rglob(".lock"))), place / ".lock")
    path.unlink(missing_ok=True)
    how = rng.choice(["pipe", "folder", "link", "missing"])
    if how == "pipe":
        os.mkfifo(path)
    elif how == "folder":
        path.mkdir()
    elif how == "link":
        path.symlink_to(outside / "nothing-yet")
    return f".lock is {how}"
