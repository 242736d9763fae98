"""Augmentation: a batch altered so that its labels stay true, drawn again at every update.

What is drawn is a function of (seed, update, place in the batch) alone, computed here in NumPy for every
engine: the same batch in each of them, and after a resume.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from koubai.core import random
from koubai.core.params import Array, Shape
from koubai.core.registry import Registry

AUGMENTATIONS = Registry("augmentation")


@dataclass(frozen=True)
class Augmentation:
    """Base of all augmentations, which alter the training batches alone: what is evaluated stays as it is.

    | symbol | name                                        | shape                             |
    |--------|---------------------------------------------|-----------------------------------|
    | x      | inputs of a batch, on the scale of the data | (N, C, H, W), or (N, ...)         |
    | t      | targets                                     | (N,) int64 classes, or (N, K)     |
    | u      | random numbers, uniform in [0, 1)           | (N, `draws`)                      |
    """

    registry_name: ClassVar[str] = ""
    draws: ClassVar[int] = 1
    of_pictures: ClassVar[bool] = True  # whether samples must have channels, height and width

    def alter(self, x: Array, t: Array, u: Array) -> tuple[Array, Array]:
        """Return inputs and targets of the batch; x may be written to, t may not."""
        raise NotImplementedError

    def fits(self, shape: Shape) -> bool:
        """Return whether samples of `shape` can be altered so."""
        return not self.of_pictures or len(shape) == 3


def altered(ways: Sequence[Augmentation], x: Array, t: Array, seed: int, step: int) -> tuple[Array, Array]:
    """Return the batch of update `step` (from 1) with every way applied in turn; x is written to."""
    for i, way in enumerate(ways):
        stream = random.key(seed, "augment", i, way.registry_name, step)
        u = random.uint64s(stream, 0, len(x) * way.draws) / 2.0**64
        x, t = way.alter(x, t, u.reshape(len(x), way.draws))
    return x, t


def chosen(u: Array, share: float) -> Array:
    """Return the rows whose number lies below `share`."""
    return np.flatnonzero(u < share)
