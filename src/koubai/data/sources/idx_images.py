"""Image sets in four IDX files, as MNIST is published: read from a folder, else downloaded."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np

from koubai.core.errors import DataError
from koubai.core.params import Array
from koubai.data.dataset import DataSource
from koubai.data.download import Download, fetch
from koubai.data.files import cache_folder, data_root, find_file, stamp_of
from koubai.data.idx import read_idx
from koubai.data.prepare import DataFile, Raw
from koubai.data.scale import ScaleName
from koubai.words.phrase import phrase

IMAGE = (28, 28)
CLASSES = 10


@dataclass(frozen=True)
class IdxFile:
    """One of the four files: the SHA-256 of its unpacked bytes, and of the gzip file as published."""

    name: str
    unpacked: str
    packed: str

    @property
    def names(self) -> tuple[str, ...]:
        """The spellings in use: some copies write a dot for the second hyphen."""
        return self.name, self.name.replace("-idx", ".idx")


@dataclass(frozen=True)
class IdxImages(DataSource):
    """Base of MNIST and its kin: 28 x 28 bytes, ten classes; x (n, 1, 28, 28).

    The files, gzipped or not, may lie in the data folder itself or in one of `folders` inside it. Files of
    one's own are taken as they are, and their digests recorded; in koubai's cache they must be the
    published ones.
    """

    scale: ScaleName = field(default="unit", kw_only=True)

    published: ClassVar[
        tuple[IdxFile, IdxFile, IdxFile, IdxFile]
    ]  # train images, labels; test images, labels
    mirrors: ClassVar[tuple[str, ...]]
    folders: ClassVar[tuple[str, ...]]
    names: ClassVar[tuple[str, ...]]

    def stamp(self, folder: Path | None) -> Hashable:
        """The data folder; paths, sizes and times of the files that are there."""
        root = data_root(folder)
        return root, stamp_of(find_file(root, (*self.folders, "."), file.names) for file in self.published)

    def read(self, folder: Path | None) -> Raw:
        """Read, or download and read, the four files."""
        root = data_root(folder)
        x_train, t_train, train_files = self._part(root, *self.published[:2])
        x_test, t_test, test_files = self._part(root, *self.published[2:])
        return Raw(
            x_train,
            t_train,
            x_test,
            t_test,
            classes=CLASSES,
            class_names=self.names,
            top=255,
            files=train_files + test_files,
        )

    def _part(
        self, root: Path, images: IdxFile, labels: IdxFile
    ) -> tuple[Array, Array, tuple[DataFile, DataFile]]:
        x, x_file = self._array(root, images, IMAGE)
        t, t_file = self._array(root, labels, ())
        if len(x) != len(t):
            raise DataError(
                "images_and_labels_differ_in_number",
                count=len(x),
                where=f"{x_file.name}, {t_file.name}",
                got=len(t),
            )
        if t.max(initial=0) >= CLASSES:
            raise DataError(
                "label_is_not_a_class", where=t_file.name, expected=f"0 .. {CLASSES - 1}", got=t.max()
            )
        return x[:, None], t.astype(np.int64), (x_file, t_file)

    def _array(self, root: Path, file: IdxFile, sample: tuple[int, ...]) -> tuple[Array, DataFile]:
        path = find_file(root, (*self.folders, "."), file.names)
        if path is None:
            packed = Download(f"{file.name}.gz", file.packed, self.mirrors)
            needed = tuple(f"{each.name}.gz" for each in self.published)
            path = fetch(packed, root / self.folders[0], self.registry_name, needed)
        array, digest = read_idx(path, sample)
        stranger = _owner(digest)
        if stranger is not None and stranger is not type(self):
            raise DataError(
                "this_file_belongs_to",
                name=stranger.registry_name,
                wanted=self.registry_name,
                folder=root / self.folders[0],
                where=str(path),
            )
        if digest != file.unpacked and path.is_relative_to(cache_folder()):
            raise DataError(
                "not_the_published_file",
                where=str(path),
                expected=phrase("sha_256_of_unpacked_bytes", digest=file.unpacked),
                got=digest,
            )
        return array, DataFile(path.relative_to(root).as_posix(), digest, digest == file.unpacked)


def _owner(digest: str) -> type[IdxImages] | None:
    """Return the data set whose published file has this digest."""
    for source in IdxImages.__subclasses__():
        if any(file.unpacked == digest for file in source.published):
            return source
    return None
