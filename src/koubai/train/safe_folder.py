"""SafeFolder: a folder whose files are opened by their names inside it; links are never followed.

A run's folder may come from a stranger. A name in it that is a link, a pipe or a device is refused, and so
is a name that leads out of it. Where the system can, every step of a name is opened relative to the folder
above it and without following links, so that nothing can be exchanged between the look and the opening;
elsewhere every step is looked at first.
"""

from __future__ import annotations

import ctypes
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from koubai.core.errors import RunError
from koubai.core.file_names import can_be_a_name
from koubai.train.regular_file import BY_HANDLE, NO_LINK, link_error, make_in, open_in, read_bounded

_FOLDER = getattr(os, "O_DIRECTORY", 0)
_FORBIDDEN = ("\\", ":") if os.name == "nt" else ()


@dataclass(frozen=True)
class SafeFolder:
    """A folder. Names are those of files in it, or of files in folders in it: "result.json", "vectors/a".

    The folder itself may be a link of the user's, but for its last `checked` steps.
    """

    path: Path
    checked: int = 0

    def __post_init__(self) -> None:
        if not can_be_a_name(str(self.path)):
            raise RunError("not_a_file_name", where=repr(str(self.path)))

    def inner(self, name: str) -> SafeFolder:
        """Return a folder inside this one."""
        return SafeFolder(self.path / name, self.checked + 1)

    @property
    def _base(self) -> Path:
        return self.path.parents[self.checked - 1] if self.checked else self.path

    @contextmanager
    def _inside(self, name: str) -> Iterator[tuple[int | None, str]]:
        """Yield the handle of the folder that holds a name, and the name there (else its whole path)."""
        if not can_be_a_name(name):
            raise RunError("not_a_file_name", where=repr(name))
        *folders, last = parts = name.split("/")
        if any(part in ("", ".", "..") or any(c in part for c in _FORBIDDEN) for part in parts):
            raise RunError("name_leads_out_of_its_folder", where=str(self.path), got=repr(name))
        with self._within(folders) as handle:
            yield handle, last if handle is not None else str(self.path.joinpath(*parts))

    @contextmanager
    def _within(self, folders: list[str]) -> Iterator[int | None]:
        """Yield the handle of a folder in the place, or None where the system has none for folders."""
        folders = [*self.path.parts[len(self.path.parts) - self.checked :], *folders]
        if not BY_HANDLE:
            self._look(folders)
            yield None
            return
        handle = os.open(self._base, os.O_RDONLY | _FOLDER)
        try:
            for i, part in enumerate(folders):
                outer = handle
                try:
                    handle = os.open(part, os.O_RDONLY | _FOLDER | NO_LINK, dir_fd=outer)
                except OSError:
                    self._look(folders[: i + 1])
                    raise
                os.close(outer)
            yield handle
        finally:
            os.close(handle)

    def _look(self, parts: list[str]) -> None:
        """Raise RunError if a step of a name is a link."""
        at = self._base
        for part in parts:
            at = at / part
            if at.is_symlink() or getattr(os.path, "isjunction", lambda path: False)(at):
                raise link_error(at)

    def _open(self, name: str, flags: int) -> int:
        """Open a regular file that is there; neither a link nor a pipe nor a device."""
        with self._inside(name) as (folder, last):
            return open_in(self.path / name, last, flags, folder)

    def open(self, name: str) -> IO[bytes]:
        """Open a file for reading."""
        return os.fdopen(self._open(name, os.O_RDONLY), "rb")

    def read(self, name: str, most: int | None = None) -> bytes:
        """Return what a file holds; raise RunError if it is more than `most` bytes."""
        with self.open(name) as file:
            return read_bounded(file, self.path / name, most)

    def write(self, name: str, data: bytes, *, hold: bool = True) -> None:
        """Write a file under another name, have the disk hold it, and rename it: never half a file.

        Without `hold` the disk may hold it later: after a power cut it may be empty.
        """
        own = name.rpartition("/")[2]
        with self._inside(name) as (folder, last):
            rest = f"{last[: -len(own)]}.{own}.part"
            try:
                with os.fdopen(make_in(rest, folder), "wb") as file:
                    file.write(data)
                    if hold:
                        file.flush()
                        os.fsync(file.fileno())
                os.replace(rest, last, src_dir_fd=folder, dst_dir_fd=folder)
            except OSError:
                with suppress(OSError):
                    os.unlink(rest, dir_fd=folder)
                raise
            if folder is not None and hold:
                with suppress(
                    OSError
                ):  # systems that cannot are trusted to hold the list of names themselves
                    os.fsync(folder)

    def put(self, name: str, data: bytes) -> None:
        """Write a file that nobody looks for yet; the disk may not hold it before `hold_all`."""
        with self._inside(name) as (folder, last), os.fdopen(make_in(last, folder), "wb") as file:
            file.write(data)

    def hold_all(self, folders: Iterable[str]) -> None:
        """Have the disk hold all files in some folders of the place; many at the price of one if it can."""
        folders = list(folders)
        if len(folders) > 1 and _sync_all(self.path):
            return
        for folder in folders:
            for name in self.names(folder):
                self.hold(f"{folder}/{name}")

    def append(self, name: str, data: bytes) -> int:
        """Append to a file and return its size; a file that has other names too is copied first."""
        with os.fdopen(self._own(name, os.O_WRONLY | os.O_APPEND), "ab") as file:
            file.write(data)
            file.flush()
            return file.tell()

    def hold(self, name: str) -> None:
        """Have the disk hold what was appended."""
        handle = self._own(name, os.O_WRONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def cut(self, name: str, size: int) -> None:
        """Shorten a file."""
        handle = self._own(name, os.O_WRONLY)
        try:
            os.ftruncate(handle, size)
        finally:
            os.close(handle)

    def touch(self, name: str) -> int:
        """Return the handle of an open file that holds nothing, made if it is not there.

        A link, a pipe or an empty folder of this name says nothing either, and makes way.
        """
        with suppress(RunError, IsADirectoryError):
            return self._touched(name)
        with suppress(OSError):
            self.remove(name)
        with suppress(OSError), self._inside(name) as (folder, last):
            os.rmdir(last, dir_fd=folder)
        return self._touched(name)

    def _touched(self, name: str) -> int:
        for flags in (os.O_RDWR, os.O_RDWR | os.O_CREAT | os.O_EXCL, os.O_RDWR):
            with suppress(FileNotFoundError, FileExistsError), self._inside(name) as (folder, last):
                if not flags & os.O_CREAT:
                    return open_in(self.path / name, last, flags, folder)
                return os.open(last, flags | NO_LINK, 0o666, dir_fd=folder)
        raise FileNotFoundError(2, os.strerror(2), str(self.path / name))

    def _own(self, name: str, flags: int) -> int:
        """Open a file to be changed where it lies; what another name outside may point to is not changed."""
        handle = self._open(name, flags)
        if os.fstat(handle).st_nlink > 1:
            os.close(handle)
            self.write(name, self.read(name))
            handle = self._open(name, flags)
        return handle

    def size(self, name: str) -> int | None:
        """Return a file's size in bytes, None if it is not there."""
        with suppress(FileNotFoundError), self._inside(name) as (folder, last):
            return os.stat(last, dir_fd=folder, follow_symlinks=False).st_size
        return None

    def has(self, name: str) -> bool:
        """Whether there is anything of this name, a link included."""
        with suppress(OSError):
            return self.size(name) is not None
        return False

    def names(self, folder: str = "") -> list[str]:
        """Return the names in the place, or in a folder in it; none if that is not there."""
        with suppress(FileNotFoundError), self._within(folder.split("/") if folder else []) as handle:
            return sorted(os.listdir(self.path / folder if handle is None else handle))  # noqa: PTH208
        return []

    def make(self, folder: str) -> None:
        """Make a folder in the place unless it is there."""
        with self._inside(folder) as (handle, last):
            with suppress(FileExistsError):
                os.mkdir(last, dir_fd=handle)
            if not stat.S_ISDIR(os.stat(last, dir_fd=handle, follow_symlinks=False).st_mode):
                if (self.path / folder).is_symlink():
                    raise link_error(self.path / folder)
                raise NotADirectoryError(20, os.strerror(20), str(self.path / folder))

    def remove(self, name: str) -> None:
        """Remove a file, or a link itself, if it is there."""
        with suppress(FileNotFoundError), self._inside(name) as (folder, last):
            os.unlink(last, dir_fd=folder)

    def move(self, name: str, to: str) -> None:
        """Rename a file inside the place."""
        with self._inside(name) as (from_, old), self._inside(to) as (into, new):
            os.rename(old, new, src_dir_fd=from_, dst_dir_fd=into)


def _sync_all(path: Path) -> bool:
    """Have the disk that holds a folder write all that waits; return whether the system knows how."""
    syncfs = getattr(ctypes.CDLL(None), "syncfs", None) if sys.platform.startswith("linux") else None
    if syncfs is None:
        return False
    handle = os.open(path, os.O_RDONLY)
    try:
        return bool(syncfs(handle) == 0)
    finally:
        os.close(handle)
