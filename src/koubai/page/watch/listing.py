"""Which runs there are below the folders that were named, and under which ids the browser may ask for them.

An id is a keyed digest of a place: it tells nothing of the path and cannot be made up. Links are not
followed; depth, folders and runs are bounded.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from koubai.core.visible import visible
from koubai.doctor.answer.diary import ABOUT
from koubai.train.safe_folder import SafeFolder

KOUBAI, WATCHED = "koubai", "watched"
_MARKS = {"run.json": KOUBAI, "manifest.json": KOUBAI, ABOUT: WATCHED}
_DEEPEST = 6
_MOST_FOLDERS, MOST_RUNS = 20_000, 500
_LONGEST_NAME = 200


@dataclass(frozen=True)
class RunPlace:
    """Where one run lies: its id, its name as it is shown, its kind, and its folder."""

    id: str
    name: str
    kind: str
    folder: SafeFolder


class Listing:
    """The runs below some folders, as of the latest look."""

    def __init__(self, roots: tuple[Path, ...]) -> None:
        self.roots = roots
        self.places: dict[str, RunPlace] = {}
        self.full = False  # whether there are more than are listed
        self._key = secrets.token_bytes(32)

    def look(self) -> dict[str, RunPlace]:
        """Look again, and return what is there now; also for another thread."""
        found: dict[str, RunPlace] = {}
        full = False
        for number, root in enumerate(self.roots):
            left = _MOST_FOLDERS
            waiting = [(root, 0)]
            while waiting:
                folder, depth = waiting.pop()
                left -= 1
                if left < 0 or len(found) >= MOST_RUNS:
                    full = True
                    break
                names, inner = _inside(folder)
                kind = next((kind for mark, kind in _MARKS.items() if mark in names), None)
                if kind is not None:
                    place = self._place(number, root, folder, depth, kind)
                    found[place.id] = place
                elif depth < _DEEPEST:
                    waiting += [(folder / name, depth + 1) for name in sorted(inner, reverse=True)]
        self.places, self.full = found, full
        return found

    def _place(self, number: int, root: Path, folder: Path, depth: int, kind: str) -> RunPlace:
        inside = os.fsencode(folder.relative_to(root))
        digest = hmac.new(self._key, b"%d/%b" % (number, inside), hashlib.sha256).hexdigest()[:32]
        name = root.name if not depth else str(folder.relative_to(root))
        if depth and len(self.roots) > 1:
            name = f"{root.name}/{name}"
        return RunPlace(digest, visible(name)[-_LONGEST_NAME:], kind, SafeFolder(folder, depth))


def _inside(folder: Path) -> tuple[set[str], list[str]]:
    """Return the names in a folder, and those of folders in it that are no links."""
    names: set[str] = set()
    inner: list[str] = []
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if len(names) >= _MOST_FOLDERS:
                break
            names.add(entry.name)
            with suppress(OSError):
                if entry.is_dir(follow_symlinks=False):
                    inner.append(entry.name)
    return names, inner
