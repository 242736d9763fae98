"""NpzFile: arrays in a file of numpy.savez."""

from __future__ import annotations

import zipfile
from collections.abc import Hashable
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path

import numpy as np

from koubai.core.errors import DataError
from koubai.core.memory import require
from koubai.core.params import Array
from koubai.core.settings import share
from koubai.data.dataset import DATA, DataSource
from koubai.data.files import MAX_RATIO, decoding, fill, inside, open_regular, sha256_of, stamp_of
from koubai.data.prepare import DataFile, Raw
from koubai.data.sources.arrays import raw_of
from koubai.words.phrase import phrase

COPIES = 3  # of what is declared: as read, in random order, as float32
MAX_HEADER = 4096
NAMES = {
    "x": ("x_train", "x"),
    "t": ("t_train", "y_train", "t", "y"),
    "x_test": ("x_test",),
    "t_test": ("t_test", "y_test"),
}


@DATA.register
@dataclass(frozen=True)
class NpzFile(DataSource):
    """The arrays x_train, t_train, x_test, t_test of an .npz file (or y_ for t_; or just x and t).

    What arrays may hold is written at `koubai.data.arrays`. `path` is relative to the data folder, or
    absolute. Nothing in the file is ever executed: arrays of Python objects are refused.
    """

    path: str
    test_share: float = 0.3
    split_seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        share(self, test_share=self.test_share)

    def stamp(self, folder: Path | None) -> Hashable:
        """Size and time of the file."""
        return stamp_of([inside(folder, self.path)])

    def read(self, folder: Path | None) -> Raw:
        """Read the arrays, each checked before memory is taken for it."""
        path = inside(folder, self.path)
        with decoding(path), open_regular(path) as opened, zipfile.ZipFile(opened) as file:
            found = {kind: _first(file, names) for kind, names in NAMES.items()}
            missing = [f"{NAMES[kind][0]}.npy" for kind in ("x", "t") if found[kind] is None]
            if missing:
                raise DataError(
                    "arrays_are_missing",
                    where=str(path),
                    expected=", ".join(missing),
                    got=", ".join(file.namelist()[:8]) or phrase("an_empty_file"),
                )
            there = [info for info in found.values() if info]
            require({"data": COPIES * sum(info.file_size for info in there)}, str(path))
            arrays = {kind: array_in(file, info, path) for kind, info in found.items() if info}
        digest = DataFile(self.path, sha256_of(path), published=None)
        drawn = (self.test_share, self.split_seed)
        x_test, t_test = arrays.get("x_test"), arrays.get("t_test")
        raw = raw_of(arrays["x"], arrays["t"], x_test, t_test, drawn=drawn, where=str(path), own=True)
        return replace(raw, files=(digest,), private=True)


def _first(file: zipfile.ZipFile, names: tuple[str, ...]) -> zipfile.ZipInfo | None:
    """Return the entry of the first of `names` that is in the file."""
    entries = {info.filename: info for info in file.infolist()}
    return next((entries[f"{name}.npy"] for name in names if f"{name}.npy" in entries), None)


def array_in(file: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> Array:
    """Return one array; its header is believed only where it agrees with the size of its entry."""
    where = f"{path}: {info.filename}"
    most = MAX_RATIO * path.stat().st_size
    if info.file_size > most or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DataError(
            "array_cannot_be_in_this_file",
            size=phrase("at_most_bytes", count=most),
            where=where,
            got=phrase("bytes_counted", count=info.file_size),
        )
    with file.open(info) as stream:
        version = np.lib.format.read_magic(stream)
        readers = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }
        if version not in readers:
            raise DataError("unknown_version_of_npy_format", where=where, expected=[*readers], got=version)
        shape, by_columns, dtype = readers[version](stream, max_header_size=MAX_HEADER)
        if dtype.kind not in "biufU":
            raise DataError("not_array_of_numbers_or_strings", where=where, got=dtype)
        declared, there = prod(shape) * dtype.itemsize, info.file_size - stream.tell()
        if declared != there:
            raise DataError("size_does_not_match_shape", where=where, expected=declared, got=there)
        array = np.empty(shape, dtype, "F" if by_columns else "C")
        fill(array.reshape(-1, order="A").view(np.uint8).data, stream, where)
    return array
