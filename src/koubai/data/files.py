"""Where data files lie, and how they are read: nothing is believed unchecked, memory is bounded."""

from __future__ import annotations

import errno
import gzip
import hashlib
import io
import os
import stat
import zlib
from collections.abc import Hashable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from koubai.core.errors import DataError, KoubaiError
from koubai.core.file_names import can_be_a_name
from koubai.words.phrase import Phrase, phrase, term

# Deflate cannot pack more tightly than 1032 : 1 (zlib's technical notes).
MAX_RATIO = 1032
_CHUNK = 1 << 20
_LEAST_PACKED = 1 << 16
_WITH_HEADER = 16 + zlib.MAX_WBITS  # gzip's
_GZIP_MAGIC = b"\x1f\x8b"


class Readable(Protocol):
    """What can be read piece by piece."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, none at the end."""
        ...


def cache_folder() -> Path:
    """Return the folder where downloads are kept, by the customs of the system."""
    import pooch

    return Path(pooch.os_cache("koubai"))


def data_root(folder: Path | None) -> Path:
    """Return the data folder: the one given, else the one KOUBAI_DATA names, else the cache folder."""
    named = [(term("place", "data folder"), folder), ("KOUBAI_DATA", os.environ.get("KOUBAI_DATA"))]
    for where, place in named:
        if place:
            root = Path(place).expanduser()
            if not root.is_dir():
                raise DataError("no_such_folder", where=where, got=root)
            return real(root)
    return cache_folder()


def find_file(root: Path, folders: tuple[str, ...], names: tuple[str, ...]) -> Path | None:
    """Return the first file there is of `names` (plain or .gz) in `folders` of root."""
    for folder in folders:
        for name in names:
            for candidate in (root / folder / name, root / folder / f"{name}.gz"):
                if candidate.is_file():
                    return candidate
    return None


def stamp_of(paths: Iterable[Path | None]) -> Hashable:
    """Return what changes when one of these files is written again, moved or removed."""
    return tuple(
        (str(path), status.st_size, status.st_mtime_ns)
        for path in paths
        if path is not None and (status := path.stat())
    )


def real(path: Path) -> Path:
    """Return where a path leads through all links; unlike for Path.resolve, a loop is no error."""
    return Path(os.path.realpath(path))


def inside(folder: Path | None, path: str) -> Path:
    """Return the place a source's `path` names: absolute, or relative to the data folder and inside it."""
    if not can_be_a_name(path):
        raise DataError("not_a_file_name", where=repr(path))
    try:
        place = Path(path).expanduser()
    except RuntimeError:  # ~ of nobody
        raise DataError("not_a_file_name", where=repr(path)) from None
    if not place.is_absolute():
        root = real(data_root(folder))
        place = root / path
        if not real(place).is_relative_to(root):
            raise DataError("leads_out_of_data_folder", folder=root, where=path, got=real(place))
    if not place.exists():
        raise DataError("is_not_there", where=str(place))
    return place


@contextmanager
def decoding(path: Path) -> Iterator[None]:
    """Turn whatever a decoder raises while it reads `path` into a DataError.

    Decoders promise nothing about what they raise on damaged or hostile bytes: OSError and ValueError, but
    also zlib.error, struct.error, SyntaxError, IndexError, MemoryError. All of them are the file's fault.
    """
    try:
        yield
    except KoubaiError:
        raise
    except Exception as error:
        ours = error.args[0] if error.args and isinstance(error.args[0], Phrase) else None
        raise DataError(
            "damaged_or_not_what_its_name_says",
            where=str(path),
            got=phrase("at", where=type(error).__name__, problem=error if ours is None else ours),
            hint=phrase("fetch_or_copy_again"),
        ) from error


def open_regular(path: Path) -> io.BufferedReader:
    """Open a file for reading; refuse a pipe, which may never answer, and a device, which may never end."""
    file = regular(path)
    if file is None:
        raise DataError("not_a_regular_file", where=str(path), hint=phrase("name_a_file_of_data"))
    return file


def regular(path: Path) -> io.BufferedReader | None:
    """Open a file for reading; None where it is a pipe, a device or a socket."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        handle = os.open(path, flags)
    except OSError:
        if path.exists() and not path.is_file() and not path.is_dir():  # a socket cannot be opened
            return None
        raise
    mode = os.fstat(handle).st_mode
    if stat.S_ISREG(mode):
        return io.BufferedReader(io.FileIO(handle))
    os.close(handle)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    return None


def take_bytes(stream: Readable, count: int) -> bytearray:
    """Return the next `count` bytes, fewer at the end; memory grows with the bytes that really come."""
    taken = bytearray()
    while len(taken) < count and (piece := stream.read(min(_CHUNK, count - len(taken)))):
        taken += piece
    return taken


def fill(memory: memoryview, stream: Readable, where: str) -> None:
    """Fill memory with the next bytes of a stream, piece by piece; raise DataError where it ends before."""
    at = 0
    while at < len(memory):
        piece = stream.read(min(_CHUNK, len(memory) - at))
        if not piece:
            raise DataError("file_ends_early", where=where, expected=len(memory), got=at)
        memory[at : at + len(piece)] = piece
        at += len(piece)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as it lies on the disk."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Gunzip:
    """Unpacks gzip in large pieces, a call of zlib each, while which other threads run.

    The gzip module reads 8 kB at a time, and behind each it may have to wait for a thread that computes.
    """

    def __init__(self, file: Readable) -> None:
        self._file = file
        self._packed = b""
        self._member = zlib.decompressobj(_WITH_HEADER)

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, none at the end."""
        while not self._member.eof or self._next_member():
            packed = self._packed or self._file.read(max(_LEAST_PACKED, size // 4))
            try:
                piece = self._member.decompress(packed, size)
            except zlib.error as error:
                raise gzip.BadGzipFile(phrase("not_gzip_or_its_crc_is_wrong", why=error)) from None
            self._packed = self._member.unused_data or self._member.unconsumed_tail
            if piece:
                return piece
            if not packed:
                raise EOFError(phrase("file_ends_before_its_gzip_stream"))
        return b""

    def _next_member(self) -> bool:
        """Begin with the stream behind the one that ended; False where only padding is left."""
        while not (packed := self._packed.lstrip(b"\0")):
            self._packed = self._file.read(_LEAST_PACKED)
            if not self._packed:
                return False
        self._packed, self._member = packed, zlib.decompressobj(_WITH_HEADER)
        return True


class Unpacked:
    """The bytes of a file, unpacked if it is gzipped (whatever its name says), taken piece by piece.

    `most` is the most bytes the file can hold, `sha256` the digest of all that was taken. Every fault of
    packing is a DataError.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._digest = hashlib.sha256()

    def __enter__(self) -> Unpacked:
        with decoding(self.path):
            self._file = open_regular(self.path)
            gzipped = self._file.read(2) == _GZIP_MAGIC
            self.most = self._file.seek(0, os.SEEK_END) * (MAX_RATIO if gzipped else 1)
            self._file.seek(0)
        self._stream: Readable = _Gunzip(self._file) if gzipped else self._file
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def take(self, count: int) -> bytearray:
        """Return the next `count` bytes, fewer at the end of the file."""
        with decoding(self.path):
            taken = take_bytes(self._stream, count)
        self._digest.update(taken)
        return taken

    @property
    def sha256(self) -> str:
        """Digest of the unpacked bytes taken so far."""
        return self._digest.hexdigest()
