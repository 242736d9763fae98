"""Arrays of an .npz file, each known by its header before memory is taken for it."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from koubai.core.errors import DataError
from koubai.core.params import Array, Shape
from koubai.data.files import MAX_RATIO, fill
from koubai.words.phrase import phrase

MAX_HEADER = 4096
_AT_ONCE = 1 << 17  # numbers that are brought to another type
_READERS: dict[tuple[int, int], Any] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


@dataclass(frozen=True)
class PackedArray:
    """What the header of an array says; believed only where it agrees with the size of its entry."""

    info: zipfile.ZipInfo
    where: str
    header: int  # bytes
    shape: Shape
    by_columns: bool
    dtype: np.dtype[Any]

    @classmethod
    def of(cls, file: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> PackedArray:
        """Read the header of one entry.

        Raises:
            DataError: no numbers or strings, or more than can be in this file.
            ValueError, EOFError: no header (see `koubai.data.files.decoding`).
        """
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
            if version not in _READERS:
                raise DataError(
                    "unknown_version_of_npy_format", where=where, expected=[*_READERS], got=version
                )
            shape, by_columns, dtype = _READERS[version](stream, max_header_size=MAX_HEADER)
            header = stream.tell()
        if dtype.kind not in "biufU":
            raise DataError("not_array_of_numbers_or_strings", where=where, got=dtype)
        if any(size < 0 for size in shape):
            raise ValueError(shape)
        declared, there = prod(shape) * dtype.itemsize, info.file_size - header
        if declared != there:
            raise DataError("size_does_not_match_shape", where=where, expected=declared, got=there)
        return cls(info, where, header, shape, by_columns, dtype)

    def read(self, file: zipfile.ZipFile, dtype: Any = None) -> Array:
        """Return the array, of `dtype` if one is given; it comes piece by piece, none is there twice."""
        array = np.empty(self.shape, self.dtype if dtype is None else dtype, "F" if self.by_columns else "C")
        flat = array.reshape(-1, order="A")
        with file.open(self.info) as stream:
            stream.read(self.header)
            if array.dtype == self.dtype:
                fill(flat.view(np.uint8).data, stream, self.where)
                return array
            for at in range(0, flat.size, _AT_ONCE):
                some = np.empty(min(_AT_ONCE, flat.size - at), self.dtype)
                fill(some.view(np.uint8).data, stream, self.where)
                with np.errstate(over="ignore"):
                    flat[at : at + len(some)] = some
        return array
