"""Sampler: which samples make batch t. A function of (seed, t) alone, the same in every engine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from koubai.core import random
from koubai.core.errors import DataError
from koubai.core.params import Array


@dataclass(frozen=True)
class Sampler:
    """Batches of `batch_size` indices out of `n` samples.

    `replacement=True`: every index is drawn anew (the course's way: no epochs).
    `replacement=False`: epochs; each is a permutation cut into whole batches, its remainder left out.
    """

    n: int
    batch_size: int
    seed: int
    replacement: bool = True

    def __post_init__(self) -> None:
        if self.n < 1 or self.batch_size < 1:
            raise DataError(
                "nothing to draw", expected="n >= 1, batch_size >= 1", got=(self.n, self.batch_size)
            )
        if not self.replacement and self.batch_size > self.n:
            raise DataError("the batch is larger than the data", expected=f"<= {self.n}", got=self.batch_size)

    def batches(self, first: int, count: int) -> Array:
        """Return the indices of batches `first .. first + count` (from 0): (count, batch_size) int64."""
        if self.replacement:
            stream = random.key(self.seed, "order")
            drawn = random.indices(stream, first * self.batch_size, count * self.batch_size, self.n)
            return drawn.reshape(count, self.batch_size)
        per_epoch = self.n // self.batch_size
        rows = []
        at = first
        while at < first + count:
            epoch, offset = divmod(at, per_epoch)
            order = random.permutation(random.key(self.seed, "epoch", epoch), self.n)
            whole = order[: per_epoch * self.batch_size].reshape(per_epoch, self.batch_size)
            take = min(per_epoch - offset, first + count - at)
            rows.append(whole[offset : offset + take])
            at += take
        return np.concatenate(rows) if rows else np.zeros((0, self.batch_size), np.int64)
