"""Crop: a window of the padded picture, somewhere else each time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from koubai.core.checks import whole
from koubai.core.params import Array
from koubai.data.augment.augmentation import AUGMENTATIONS, Augmentation


@AUGMENTATIONS.register
@dataclass(frozen=True)
class Crop(Augmentation):
    """A window as large as the picture, cut from it after padding with 0: a shift by up to `padding` pixels.

    Both shifts are whole numbers of -padding .. padding, all alike in probability. 0 is that of the scaled
    inputs: black under "unit", the mean under "standard". Source: He et al. 2016, sec. 4.2.
    """

    draws = 2

    padding: int = 1

    def __post_init__(self) -> None:
        whole(self, 1, padding=self.padding)

    def alter(self, x: Array, t: Array, u: Array) -> tuple[Array, Array]:
        """Pad, and cut each picture where it is drawn."""
        N, _, H, W = x.shape
        p = self.padding
        wide = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
        top, left = (u * (2 * p + 1)).astype(np.int64).T
        h, w = top[:, None] + np.arange(H), left[:, None] + np.arange(W)
        cut = wide[np.arange(N)[:, None, None], :, h[:, :, None], w[:, None, :]]
        return np.ascontiguousarray(np.moveaxis(cut, 3, 1)), t
