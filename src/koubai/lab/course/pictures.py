"""Generated pictures: colored shapes on noise."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from koubai.core import random
from koubai.core.params import Array
from koubai.data.dataset import DataSource
from koubai.data.prepare import Raw
from koubai.data.scale import ScaleName

CLASSES = ("disk", "ring", "square", "stripes")


@dataclass(frozen=True)
class GeneratedPictures(DataSource):
    """`count` pictures of every class, `size` x `size`, 3 channels; equal seeds, equal pictures."""

    registry_name = "generated_pictures"
    size: int = 227
    count: int = 60
    seed: int = 0
    scale: ScaleName = field(default="unit", kw_only=True)

    def read(self, folder: Path | None) -> Raw:
        """Draw them all; of every class the last third is for testing."""
        train = self.count - self.count // 3
        x_train, t_train = self._drawn(range(train))
        x_test, t_test = self._drawn(range(train, self.count))
        return Raw(x_train, t_train, x_test, t_test, classes=len(CLASSES), class_names=CLASSES, top=255)

    def _drawn(self, numbers: range) -> tuple[Array, Array]:
        """Return pictures of every class in turn, bytes (n, 3, size, size), and their classes."""
        drawn = [self.picture(k, i).transpose(2, 0, 1) for i in numbers for k in range(len(CLASSES))]
        shape = (len(drawn), 3, self.size, self.size)
        return np.array(drawn, np.uint8).reshape(shape), np.tile(np.arange(len(CLASSES)), len(numbers))

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
