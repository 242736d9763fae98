"""ImageFolder: pictures of one's own, a folder for every class."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from math import prod
from pathlib import Path

import numpy as np

from koubai.core import random
from koubai.core.checks import share, whole
from koubai.core.errors import DataError
from koubai.core.memory import require_memory
from koubai.core.params import Array
from koubai.data.dataset import DATA, DataSource
from koubai.data.files import decoding, inside, real, stamp_of
from koubai.data.order import Split, mixed
from koubai.data.prepare import Raw
from koubai.data.scale import ScaleName
from koubai.words.phrase import phrase

FORMATS = ("PNG", "JPEG", "BMP", "PPM")  # few decoders: each is open to what a stranger puts into a file
SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".pgm"))
OTHER_PICTURES = frozenset((".gif", ".heic", ".jp2", ".tif", ".tiff", ".webp"))
MAX_PIXELS = 50_000_000  # of one picture, before it is made small
MAX_FILE = 256 << 20

LabeledFiles = list[tuple[Path, int]]


@DATA.register
@dataclass(frozen=True)
class ImageFolder(DataSource):
    """The pictures of `path/<class>/`, or of `path/train/<class>/` and `path/test/<class>/`.

    PNG, JPEG, BMP and PPM with 8 bits per channel; other files are passed over, links must stay inside.
    Classes are numbered by the order of their names. A picture is cut to the middle in the shape of `size`
    and brought to it (bilinear). The order of the pictures is random, fixed by `split_seed`.
    x (n, channels, height, width).

    | field      | meaning                                                                    |
    |------------|----------------------------------------------------------------------------|
    | path       | the folder: absolute, or relative to the data folder                       |
    | size       | height and width                                                           |
    | color      | three channels (red, green, blue), or one (gray)                           |
    | test_share | without a folder `test`: so much of every class, drawn by `split_seed`     |
    """

    path: str
    size: tuple[int, int] = (32, 32)
    color: bool = True
    test_share: float = 0.2
    split_seed: int = 0
    scale: ScaleName = field(default="unit", kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "size", tuple(self.size))
        whole(self, 1, size=self.size)
        share(self, test_share=self.test_share)

    def stamp(self, folder: Path | None) -> Hashable:
        """Paths, sizes and times of all pictures."""
        _, train, test = self._listing(inside(folder, self.path))
        return stamp_of(path for path, _ in (*train, *test))

    def read(self, folder: Path | None) -> Raw:
        """List, check and read all pictures."""
        names, train, test = self._listing(inside(folder, self.path))
        x_train, t_train = self._pictures(train)
        x_test, t_test = self._pictures(test)
        parts = (x_train, t_train, x_test, t_test)
        parted: Split = "" if (inside(folder, self.path) / "test").is_dir() else "stratified"
        return Raw(*parts, classes=len(names), class_names=names, top=255, parted=parted)

    def _listing(self, root: Path) -> tuple[tuple[str, ...], LabeledFiles, LabeledFiles]:
        """Return the names of the classes, and the pictures of both parts with their classes."""
        if not root.is_dir():
            raise DataError("not_a_folder", where=str(root))
        parted = (root / "train").is_dir() and (root / "test").is_dir()
        home = root / "train" if parted else root
        names = _folders(home)
        if not names:
            raise DataError("no_folders_of_classes", where=str(home))
        train: LabeledFiles = []
        test: LabeledFiles = []
        for label, name in enumerate(names):
            pictures = _pictures_in(home / name, root)
            if parted:
                there = (root / "test" / name).is_dir()
                test += [
                    (path, label) for path in (_pictures_in(root / "test" / name, root) if there else ())
                ]
            else:
                order = random.permutation(random.key(self.split_seed, "image folder", name), len(pictures))
                pictures = [pictures[i] for i in order]
                at = len(pictures) - round(len(pictures) * self.test_share)
                test += [(path, label) for path in pictures[at:]]
                pictures = pictures[:at]
            train += [(path, label) for path in pictures]
        if parted and (strangers := sorted(set(_folders(root / "test")) - set(names))):
            raise DataError(
                "classes_lack_in_training",
                where=str(root / "test"),
                expected=", ".join(names),
                got=", ".join(strangers),
            )
        return names, self._mixed(train, "train"), self._mixed(test, "test")

    def _mixed(self, listing: LabeledFiles, part: str) -> LabeledFiles:
        """Return the pictures in random order, the classes evenly: what is cut off holds their shares."""
        labels = np.array([label for _, label in listing], np.int64)
        order, _ = mixed(random.key(self.split_seed, "image order", part), labels, len(listing))
        return [listing[i] for i in order]

    def _pictures(self, listing: LabeledFiles) -> tuple[Array, Array]:
        """Read pictures to bytes (n, channels, height, width)."""
        shape = (len(listing), 3 if self.color else 1, *self.size)
        require_memory({"data": prod(shape)}, self.path)
        x = np.empty(shape, np.uint8)
        for i, (path, _) in enumerate(listing):
            x[i] = read_picture(path, self.size, self.color)
        return x, np.array([label for _, label in listing], np.int64)


def read_picture(path: Path, size: tuple[int, int], color: bool) -> Array:
    """Return one picture as bytes (channels, height, width), cut to the middle and brought to `size`."""
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise DataError(
            "pictures_need_pillow", where=str(path), hint="pip install 'koubai[images]'"
        ) from error
    with decoding(path), Image.open(path, formats=FORMATS) as picture:
        if picture.width * picture.height > MAX_PIXELS:
            raise DataError(
                "picture_has_too_many_pixels",
                where=str(path),
                expected=f"<= {MAX_PIXELS:,}",
                got=f"{picture.width} x {picture.height}",
            )
        if picture.mode.startswith(("I", "F")):
            raise DataError("picture_has_not_8_bits", mode=picture.mode, where=str(path))
        upright = ImageOps.exif_transpose(picture).convert("RGB" if color else "L")
        middle = upright.crop(_middle(upright.size, size))
        pixels = np.asarray(middle.resize(size[::-1], Image.Resampling.BILINEAR))
    return pixels.transpose(2, 0, 1) if color else pixels[None]


def _middle(there: tuple[int, int], size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the largest box (left, top, right, bottom) of the shape of `size` in the middle of a picture."""
    (width, height), (wanted_height, wanted_width) = there, size
    scale = min(width / wanted_width, height / wanted_height)
    inner_width, inner_height = (max(round(side * scale), 1) for side in (wanted_width, wanted_height))
    left, top = (width - inner_width) // 2, (height - inner_height) // 2
    return left, top, left + inner_width, top + inner_height


def _folders(home: Path) -> tuple[str, ...]:
    return tuple(sorted(p.name for p in home.iterdir() if p.is_dir() and not p.name.startswith(".")))


def _pictures_in(home: Path, root: Path) -> list[Path]:
    """Return the pictures that lie directly in a class's folder, by name, each known to be a file in root."""
    found = []
    for path in sorted(home.iterdir()):
        suffix = path.suffix.lower()
        if path.name.startswith(".") or suffix not in SUFFIXES | OTHER_PICTURES:
            continue
        if suffix in OTHER_PICTURES:
            raise DataError("picture_format_is_not_read", where=str(path), expected=", ".join(FORMATS))
        target = real(path)
        if not target.is_relative_to(real(root)):
            raise DataError("link_leads_out_of_folder", folder=root, where=str(path), got=target)
        if not path.is_file() or path.stat().st_size > MAX_FILE:
            raise DataError(
                "not_a_picture_file", size=phrase("at_most_bytes", count=MAX_FILE), where=str(path)
            )
        found.append(path)
    if not found:
        raise DataError("class_has_no_pictures", where=str(home), expected=", ".join(FORMATS))
    return found
