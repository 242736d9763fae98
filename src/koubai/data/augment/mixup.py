"""Mixup: samples on the line between two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from koubai.core.checks import above
from koubai.core.params import Array
from koubai.data.augment.augmentation import AUGMENTATIONS, Augmentation


@AUGMENTATIONS.register
@dataclass(frozen=True)
class Mixup(Augmentation):
    """Every sample is mixed with another one of its batch: x <- lambda x + (1 - lambda) x'.

    Targets that are values are mixed alike, with lambda from Beta(alpha, alpha). Classes keep the label of
    x, with lambda from Beta(alpha + 1, alpha): as the loss is linear in the target, and the two samples
    change places as often as not, the mean loss is that of mixed targets, 1 / 2 E[lambda E(t) +
    (1 - lambda) E(t')] from either side, while a target stays one class (a test computes both).

    Source: Zhang et al. 2018, "mixup: beyond empirical risk minimization", eqs. (1) and (2).
    """

    draws = 2
    of_pictures: ClassVar[bool] = False

    alpha: float = 0.2

    def __post_init__(self) -> None:
        above(self, 0, alpha=self.alpha)

    def alter(self, x: Array, t: Array, u: Array) -> tuple[Array, Array]:
        """Mix each sample with the one that stands at its place in a permutation of the batch."""
        from scipy.special import betaincinv

        order = np.argsort(u[:, 1], kind="stable")
        classes = t.dtype.kind == "i"
        share = betaincinv(self.alpha + classes, self.alpha, u[:, 0]).astype(x.dtype)
        mixed = _between(x, x[order], share)
        return mixed, t if classes else _between(t, t[order], share)


def _between(a: Array, b: Array, share: Array) -> Array:
    """Return share a + (1 - share) b, a share for each row."""
    rows = share.reshape(-1, *(1,) * (a.ndim - 1))
    return (rows * a + (1 - rows) * b).astype(a.dtype, copy=False)
