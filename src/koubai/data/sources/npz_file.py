"""NpzFile: arrays in a file of numpy.savez."""

from __future__ import annotations

import zipfile
from collections.abc import Hashable
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from koubai.core.checks import share
from koubai.core.errors import DataError
from koubai.core.memory import require_memory
from koubai.data.dataset import DATA, DataSource
from koubai.data.files import decoding, inside, open_regular, sha256_of, stamp_of
from koubai.data.npz import PackedArray
from koubai.data.prepare import DataFile, Raw
from koubai.data.sources.arrays import raw_of, type_kept
from koubai.words.phrase import phrase

COPIES = 1.5  # of what is kept: as it is read, and a quarter of it moved to its place, or float32 of float64
A_SAMPLE = 64  # bytes: the order of the samples and their labels in 64 bits, both while they are made
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
            there = {kind: PackedArray.of(file, info, path) for kind, info in found.items() if info}
            require_memory({"data": self._bytes(there)}, str(path))
            arrays = {kind: array.read(file, self._kept(kind, array)) for kind, array in there.items()}
        digest = DataFile(self.path, sha256_of(path), published=None)
        raw = raw_of(
            arrays.pop("x"),  # popped: what is brought to another type is held by nobody else
            arrays.pop("t"),
            arrays.pop("x_test", None),
            arrays.pop("t_test", None),
            drawn=(self.test_share, self.split_seed),
            where=str(path),
            own=True,
        )
        return replace(raw, files=(digest,), private=True)

    def _kept(self, kind: str, array: PackedArray) -> np.dtype[Any]:
        """Return as what an array is read: inputs in a type that is kept, or of 32 bits as they are."""
        dtype = array.dtype.newbyteorder("=")
        if kind.startswith("t") or dtype.kind == "U":
            return array.dtype
        if dtype.kind == "b" and self.scale == "raw":
            return np.dtype(np.uint8)
        return dtype if dtype in (np.int32, np.uint32) else type_kept(dtype)

    def _bytes(self, there: dict[str, PackedArray]) -> int:
        """Return what the arrays need at most, on their way from the file to a data set."""
        kept = 0
        for kind, array in there.items():
            size = self._kept(kind, array).itemsize
            bytes_stay = kind.startswith("t") or self.scale in ("raw", "unit", "bytes")
            kept += prod(array.shape) * (size if bytes_stay else max(4, size))
        samples = sum(array.shape[0] for kind, array in there.items() if kind.startswith("t") and array.shape)
        return int(COPIES * kept) + A_SAMPLE * samples


def _first(file: zipfile.ZipFile, names: tuple[str, ...]) -> zipfile.ZipInfo | None:
    """Return the entry of the first of `names` that is in the file."""
    entries = {info.filename: info for info in file.infolist()}
    return next((entries[f"{name}.npy"] for name in names if f"{name}.npy" in entries), None)
