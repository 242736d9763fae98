"""Regular files: how one is opened, made and read where a link, a pipe or a device may have its name."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import IO

from koubai.core.errors import RunError
from koubai.data.files import regular
from koubai.words.phrase import phrase

NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
BY_HANDLE = (
    hasattr(os, "O_NOFOLLOW")
    and {os.open, os.mkdir, os.unlink, os.rename, os.stat} <= os.supports_dir_fd
    and os.listdir in os.supports_fd
)
"""Whether the system opens names relative to the handle of a folder."""


def read_bounded(file: IO[bytes], path: Path, most: int | None) -> bytes:
    """Return what an open file holds, at most `most` bytes; what does not fit into memory is an error too."""
    size = os.fstat(file.fileno()).st_size
    if most is not None and size > most:
        raise RunError("file_is_too_large_for_a_run", count=most, where=str(path), got=size)
    try:
        return file.read(size if most is None else most)
    except (MemoryError, OverflowError):
        raise RunError("file_does_not_fit_into_memory", where=str(path), got=size) from None


def open_regular(path: Path) -> IO[bytes]:
    """Open a file that a user named: links are the user's, pipes and devices are refused."""
    file = regular(path)
    if file is None:
        raise _strange(path)
    return file


def open_in(path: Path, name: str, flags: int, folder: int | None) -> int:
    """Open a regular file of a path by its name in a folder, whose handle is given where there are such."""
    if not BY_HANDLE and path.is_symlink():
        raise link_error(path)
    try:
        handle = os.open(name, flags | NO_LINK, dir_fd=folder)
    except OSError:
        if path.is_symlink():
            raise link_error(path) from None
        if path.exists() and not path.is_file() and not path.is_dir():
            raise _strange(path) from None
        raise
    kind = os.fstat(handle).st_mode
    if not stat.S_ISREG(kind):
        os.close(handle)
        if stat.S_ISDIR(kind):
            raise IsADirectoryError(21, os.strerror(21), str(path))
        raise _strange(path)
    return handle


def make_in(name: str, folder: int | None) -> int:
    """Make a file that was not there; what a killed process, or a stranger, left under its name goes."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | NO_LINK
    try:
        return os.open(name, flags, 0o666, dir_fd=folder)
    except FileExistsError:
        os.unlink(name, dir_fd=folder)
        return os.open(name, flags, 0o666, dir_fd=folder)


def link_error(path: Path) -> RunError:
    """Return the error that a link is."""
    return RunError("links_are_not_followed", where=str(path))


def _strange(path: Path) -> RunError:
    return RunError("not_a_regular_file", where=str(path), hint=phrase("remove_or_replace_it"))
