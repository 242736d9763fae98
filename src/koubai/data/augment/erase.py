"""Erase: a rectangle of the picture is covered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from koubai.core.checks import probability
from koubai.core.errors import SettingError
from koubai.core.params import Array
from koubai.data.augment.augmentation import AUGMENTATIONS, Augmentation

_NARROWEST = 0.3  # height over width of a rectangle lies between this and its inverse


@AUGMENTATIONS.register
@dataclass(frozen=True)
class Erase(Augmentation):
    """A share of the pictures lose a rectangle: its pixels become 0 in all channels (see Crop).

    Its area is drawn uniformly from `smallest` to `largest`, as shares of the picture's; the logarithm of
    height over width uniformly too, between .3 and its inverse; then its place. Sides are rounded to pixels.
    Source: Zhong et al. 2020, "Random erasing data augmentation".
    """

    draws = 5

    share: float = 0.5
    smallest: float = 0.02
    largest: float = 0.3

    def __post_init__(self) -> None:
        probability(self, share=self.share, smallest=self.smallest, largest=self.largest)
        if not 0 < self.smallest <= self.largest:
            raise SettingError("area_is_out_of_range", where="Erase", got=(self.smallest, self.largest))

    def alter(self, x: Array, t: Array, u: Array) -> tuple[Array, Array]:
        """Cover what is drawn."""
        H, W = x.shape[2:]
        area = (self.smallest + u[:, 1] * (self.largest - self.smallest)) * H * W
        ratio = _NARROWEST ** (1 - 2 * u[:, 2])
        height = np.sqrt(area * ratio).round().clip(1, H).astype(np.int64)
        width = np.sqrt(area / ratio).round().clip(1, W).astype(np.int64)
        top, left = (
            (number * (size - side + 1)).astype(np.int64)
            for number, size, side in ((u[:, 3], H, height), (u[:, 4], W, width))
        )
        h, w = np.arange(H), np.arange(W)
        inside_h = (h >= top[:, None]) & (h < (top + height)[:, None])
        inside_w = (w >= left[:, None]) & (w < (left + width)[:, None])
        covered = (u[:, 0] < self.share)[:, None, None] & inside_h[:, :, None] & inside_w[:, None, :]
        x *= ~covered[:, None]
        return x, t
