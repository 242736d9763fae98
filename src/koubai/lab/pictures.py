"""Generated pictures: colored shapes on noise, written to a folder and read from it like anyone's own."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from koubai.core import random
from koubai.core.params import Array
from koubai.data.dataset import DataSource
from koubai.data.prepare import Raw
from koubai.data.scale import Scale
from koubai.data.sources.image_folder import ImageFolder

CLASSES = ("disk", "ring", "square", "stripes")


@dataclass(frozen=True)
class GeneratedPictures(DataSource):
    """`count` pictures of every class, `size` x `size`, 3 channels, as a folder of images by class.

    The folder is written anew for every reading and removed after it; equal seeds, equal pictures.
    """

    registry_name = "generated_pictures"
    size: int = 227
    count: int = 12
    seed: int = 0
    scale: Scale = field(default="unit", kw_only=True)

    def read(self, folder: Path | None) -> Raw:
        """Write the folder, then read it."""
        with tempfile.TemporaryDirectory(prefix="koubai-pictures-") as place:
            for k, name in enumerate(CLASSES):
                home = Path(place) / name
                home.mkdir()
                for i in range(self.count):
                    write_ppm(home / f"{i:03d}.ppm", self.picture(k, i))
            return ImageFolder(place, size=(self.size, self.size)).read(None)

    def picture(self, k: int, i: int) -> Array:
        """Return picture i of class k as bytes (size, size, 3)."""
        draw = random.generator(self.seed, "picture", k, i)
        y, x = np.mgrid[: self.size, : self.size] / self.size - draw.uniform(0.35, 0.65, (2, 1, 1))
        radius = draw.uniform(0.15, 0.3)
        distance = np.hypot(x, y)
        shape = (
            distance < radius,
            np.abs(distance - radius) < 0.3 * radius,
            np.maximum(np.abs(x), np.abs(y)) < radius,
            np.sin(x * np.pi / radius * 3) > 0,
        )[k]
        color, ground = draw.uniform(0.5, 1, 3), draw.uniform(0, 0.4, 3)
        pixels = np.where(shape[..., None], color, ground) + draw.normal(0, 0.05, (*shape.shape, 3))
        return (255 * pixels.clip(0, 1)).astype(np.uint8)


def write_ppm(path: Path, pixels: Array) -> None:
    """Write bytes (height, width, 3) as a binary PPM file."""
    height, width, _ = pixels.shape
    path.write_bytes(f"P6 {width} {height} 255\n".encode() + pixels.tobytes())
