"""Imbalance: some classes have many samples, others few."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from koubai.core.checks import at_least
from koubai.core.errors import DataError
from koubai.core.params import Array
from koubai.data.flaws.flaw import FLAWS, Flaw
from koubai.data.prepare import Raw


@FLAWS.register
@dataclass(frozen=True)
class Imbalance(Flaw):
    """Of class k the first n_k ratio^(-k / (K - 1)) training samples are left: a long tail.

    | symbol | name                                    |
    |--------|-----------------------------------------|
    | ratio  | how many times fewer the rarest become  |
    | n_k    | samples of class k, at least 1 is left  |
    | K      | number of classes                       |

    With `rare` it is a step: of those classes n_k / ratio samples are left, of the others all.
    Sources: Cui et al. 2019, "Class-balanced loss based on effective number of samples" (long-tailed CIFAR);
    Buda et al. 2018, "A systematic study of the class imbalance problem" (step imbalance).
    """

    ratio: float = 10.0
    rare: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "rare", tuple(self.rare))  # a list may come, a hash must work
        at_least(self, 1, ratio=self.ratio)

    def spoil(self, raw: Raw, key: int) -> Raw:
        """Leave the first samples of every class, in their order."""
        shares = self._shares(raw.classes)
        kept = np.zeros(len(raw.t_train), bool)
        for k, share in enumerate(shares):
            rows = np.flatnonzero(raw.t_train == k)
            kept[rows[: max(round(share * len(rows)), 1)]] = True
        return replace(raw, x_train=raw.x_train[kept], t_train=raw.t_train[kept])

    def _shares(self, classes: int | None) -> Array:
        """Return what share of each class is left."""
        if classes is None or classes < 2:
            raise DataError("imbalance_needs_two_classes", where="imbalance")
        if not self.rare:
            return self.ratio ** (-np.arange(classes) / (classes - 1))
        if not set(self.rare) < set(range(classes)):
            raise DataError(
                "no_such_choice_of_rare_classes",
                range=f"0 .. {classes - 1}",
                where="imbalance",
                got=self.rare,
            )
        return np.where(np.isin(np.arange(classes), self.rare), 1 / self.ratio, 1)
