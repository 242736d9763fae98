"""The data files that free play may use: those directly in the folder of --data-dir, listed by the server.

A browser names a file by the name in the list; what is not in the list, exactly as it stands there, is no
file. So no path ever comes from a browser.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from koubai.core.errors import DataError
from koubai.data.files import data_root, find_file, regular
from koubai.data.sources.fashion_mnist import FashionMnist
from koubai.data.sources.idx_images import IdxImages
from koubai.data.sources.mnist import Mnist
from koubai.page.play.bounds import LARGEST_FILE, MOST_FILES

TABLES, ARRAYS = (".csv", ".tsv"), (".npz",)
_HEADER = 64 * 1024
_MOST_COLUMNS = 200


@dataclass(frozen=True)
class Shelf:
    """What lies in the folder of --data-dir; without one, nothing but the data that come with koubai."""

    folder: Path | None

    def files(self) -> list[dict[str, Any]]:
        """Return the files a learner may choose: name, type of source, and for tables their columns."""
        if self.folder is None:
            return []
        found = []
        try:
            there = sorted(self.folder.iterdir(), key=lambda path: path.name)
        except OSError:  # it went away, or may not be read: then there is nothing to choose
            there = []
        for path in there:
            kind = path.suffix.lower()
            if kind in (*TABLES, *ARRAYS) and _fits(path):
                columns = _columns(path) if kind in TABLES else []
                if columns or kind in ARRAYS:
                    source = "table_file" if kind in TABLES else "npz_file"
                    found.append({"name": path.name, "type": source, "columns": columns})
            if len(found) == MOST_FILES:
                break
        return found

    def holds(self, name: str, kind: str) -> bool:
        """Return whether a file is in the list, by exactly this name and of this type of source."""
        return any(one["name"] == name and one["type"] == kind for one in self.files())

    @cached_property
    def images(self) -> tuple[str, ...]:
        """Names of the image sets whose files are all there; nothing is ever downloaded for a browser."""
        sets: tuple[type[IdxImages], ...] = (Mnist, FashionMnist)
        try:
            root = data_root(self.folder)
        except DataError:  # no such folder
            return ()
        return tuple(kind.registry_name for kind in sets if _whole(root, kind))


def _whole(folder: Path, kind: type[IdxImages]) -> bool:
    places = (*kind.folders, ".")
    return all(find_file(folder, places, file.names) is not None for file in kind.published)


def _fits(path: Path) -> bool:
    """Return whether it is a plain file, no link, of a size that can be read while somebody waits."""
    try:
        return (
            not path.is_symlink()
            and path.is_file()
            and path.stat().st_size <= LARGEST_FILE
            and path.name.isprintable()
        )
    except (OSError, ValueError):
        return False


def _columns(path: Path) -> list[str]:
    """Return the names of a table's columns, from the beginning of the file; none where it is no table."""
    try:
        with regular(path) or io.BytesIO() as file:
            head = file.read(_HEADER).decode("utf-8-sig", "replace")
    except OSError:
        return []
    line = head.partition("\n")[0]
    if not line.strip() or len(line) >= _HEADER:
        return []
    try:
        names = next(csv.reader([line], delimiter=max(",;\t", key=line.count)))
    except (csv.Error, StopIteration):
        return []
    return [name.strip() for name in names][:_MOST_COLUMNS] if len(names) > 1 else []
