"""Rotate: pictures turned a little."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from koubai.core.checks import above
from koubai.core.params import Array
from koubai.data.augment.augmentation import AUGMENTATIONS, Augmentation


@AUGMENTATIONS.register
@dataclass(frozen=True)
class Rotate(Augmentation):
    """Every picture is turned about its middle by an angle drawn uniformly from [-degrees, degrees).

    Positive is counterclockwise. A pixel of the turned picture is the bilinear mean of the four it comes
    from; outside is 0 (see Crop). Source: Simard, Steinkraus, Platt 2003, sec. 2.
    """

    degrees: float = 15.0

    def __post_init__(self) -> None:
        above(self, 0, degrees=self.degrees)

    def alter(self, x: Array, t: Array, u: Array) -> tuple[Array, Array]:
        """Turn each picture by its own angle."""
        N, C, H, W = x.shape
        angle = np.deg2rad((2 * u[:, 0] - 1) * self.degrees)[:, None, None]
        h, w = np.arange(H)[:, None] - (H - 1) / 2, np.arange(W)[None, :] - (W - 1) / 2
        from_h = np.cos(angle) * h + np.sin(angle) * w + (H - 1) / 2  # (N, H, W)
        from_w = np.cos(angle) * w - np.sin(angle) * h + (W - 1) / 2
        top, left = np.floor(from_h).astype(np.int64), np.floor(from_w).astype(np.int64)
        down, right = from_h - top, from_w - left
        y, rows = np.zeros((N, H, W, C), np.float64), np.arange(N)[:, None, None]
        for i, part_h in enumerate((1 - down, down)):
            for j, part_w in enumerate((1 - right, right)):
                a, b = top + i, left + j
                weight = part_h * part_w * ((a >= 0) & (a < H) & (b >= 0) & (b < W))
                seen = x[rows, :, a.clip(0, H - 1), b.clip(0, W - 1)]
                y += weight[..., None] * seen
        return np.ascontiguousarray(np.moveaxis(y, 3, 1), x.dtype), t
