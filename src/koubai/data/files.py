"""Where data files lie, and how they are read: nothing is believed unchecked, memory is bounded."""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from collections.abc import Hashable, Iterable
from pathlib import Path

from koubai.core.errors import DataError

_CHUNK = 1 << 20
_GZIP_MAGIC = b"\x1f\x8b"


def cache_folder() -> Path:
    """Return the folder where downloads are kept, by the customs of the system."""
    import pooch

    return Path(pooch.os_cache("koubai"))


def data_root(folder: Path | None) -> Path:
    """Return the data folder: the one given, else the one KOUBAI_DATA names, else the cache folder."""
    named = [("data folder", folder), ("KOUBAI_DATA", os.environ.get("KOUBAI_DATA"))]
    for where, place in named:
        if place:
            root = Path(place).expanduser()
            if not root.is_dir():
                raise DataError("no such folder", where=where, got=root, hint="create it, or mend the path")
            return root.resolve()
    return cache_folder()


def find(root: Path, folders: tuple[str, ...], names: tuple[str, ...]) -> Path | None:
    """Return the first file there is of `names` (plain or .gz) in `folders` of root."""
    for folder in folders:
        for name in names:
            for candidate in (root / folder / name, root / folder / f"{name}.gz"):
                if candidate.is_file():
                    return candidate
    return None


def stamp_of(paths: Iterable[Path | None]) -> Hashable:
    """Return what changes when one of these files is written anew, moved or removed."""
    return tuple(
        (str(path), status.st_size, status.st_mtime_ns)
        for path in paths
        if path is not None and (status := path.stat())
    )


class Unpacked:
    """The bytes of a file, unpacked if it is gzipped (whatever its name says), taken piece by piece.

    Memory grows with the bytes that really come, never with what a header promises; `packed_size` is the
    size on disk. Every fault of packing is a DataError. `sha256` covers all that was taken.
    """

    # Deflate cannot pack more tightly than 1032 : 1 (zlib's technical notes).
    MAX_RATIO = 1032

    def __init__(self, path: Path) -> None:
        self.path = path
        self._digest = hashlib.sha256()

    def __enter__(self) -> Unpacked:
        try:
            self._file = self.path.open("rb")
            self.gzipped = self._file.read(2) == _GZIP_MAGIC
            self.packed_size = self._file.seek(0, os.SEEK_END)
            self._file.seek(0)
        except OSError as error:
            raise DataError("cannot be read", where=str(self.path), got=error) from error
        self._stream = gzip.GzipFile(fileobj=self._file) if self.gzipped else self._file
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def most(self) -> int:
        """The most bytes this file can hold."""
        return self.packed_size * (self.MAX_RATIO if self.gzipped else 1)

    def take(self, count: int) -> bytearray:
        """Return the next `count` bytes, fewer at the end of the file."""
        taken = bytearray()
        try:
            while len(taken) < count and (piece := self._stream.read(min(_CHUNK, count - len(taken)))):
                taken += piece
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(
                "damaged gzip file", where=str(self.path), got=error, hint="fetch or copy the file again"
            ) from error
        self._digest.update(taken)
        return taken

    @property
    def sha256(self) -> str:
        """Digest of the unpacked bytes taken so far."""
        return self._digest.hexdigest()
