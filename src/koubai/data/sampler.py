"""Sampler: which samples make batch t. A function of (seed, t) alone, the same in every engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from koubai.core import random
from koubai.core.arrays import as_type, numbers_of
from koubai.core.errors import DataError
from koubai.core.params import Array
from koubai.words.phrase import phrase


@dataclass(frozen=True)
class Sampler:
    """Batches of `batch_size` indices out of `n` samples.

    `replacement=True`: every index is drawn again (the course's way: no epochs).
    `replacement=False`: epochs; each is a permutation cut into whole batches, its remainder left out.

    With `weights` (n,) a sample is drawn in proportion to its weight, so the mean gradient of a batch is that
    of the weighted loss, whatever the engine. An epoch then holds sample i as often as its share of n draws
    says, n w_i / sum w, rounded up or down at random (systematic sampling); equal weights change nothing.
    Source: Baker 1987, "Reducing bias and inefficiency in the selection algorithm".
    """

    n: int
    batch_size: int
    seed: int
    replacement: bool = True
    weights: Array | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if self.n < 1 or self.batch_size < 1:
            raise DataError(
                "nothing_to_draw", expected="n >= 1, batch_size >= 1", got=(self.n, self.batch_size)
            )
        if not self.replacement and self.batch_size > self.n:
            raise DataError("batch_is_larger_than_data", expected=f"<= {self.n}", got=self.batch_size)
        if self.weights is not None:
            check_weights(self.weights, self.n, "sampler")

    def batches(self, first: int, count: int) -> Array:
        """Return the indices of batches `first .. first + count` (from 0): (count, batch_size) int64."""
        if self.replacement:
            stream = random.key(self.seed, "order")
            start, size = first * self.batch_size, count * self.batch_size
            if self.weights is None:
                drawn = random.indices(stream, start, size, self.n)
            else:
                drawn = self._at(random.uint64s(stream, start, size) / 2.0**64)
            return drawn.reshape(count, self.batch_size)
        per_epoch = self.n // self.batch_size
        rows = []
        at = first
        while at < first + count:
            epoch, offset = divmod(at, per_epoch)
            order = self._order(epoch)
            whole = order[: per_epoch * self.batch_size].reshape(per_epoch, self.batch_size)
            take = min(per_epoch - offset, first + count - at)
            rows.append(whole[offset : offset + take])
            at += take
        return np.concatenate(rows) if rows else np.zeros((0, self.batch_size), np.int64)

    def _order(self, epoch: int) -> Array:
        """Return the n samples of an epoch, in its order."""
        order = random.permutation(random.key(self.seed, "epoch", epoch), self.n)
        if self.weights is None or (self.weights == self.weights[0]).all():
            return order
        shift = random.uint64s(random.key(self.seed, "shift", epoch), 0, 1) / 2.0**64
        return self._at((np.arange(self.n) + shift) / self.n)[order]

    def _at(self, shares: Array) -> Array:
        """Return the samples at places 0 <= share < 1, where each takes up room by its weight."""
        found = np.searchsorted(self._ends, shares * self._ends[-1], side="right")
        return np.minimum(found, self._last)

    @cached_property
    def _ends(self) -> Array:
        assert self.weights is not None  # asked for with weights only
        return np.cumsum(self.weights, dtype=np.float64)

    @cached_property
    def _last(self) -> int:
        """The last sample that has a weight: rounding must not lead beyond it."""
        assert self.weights is not None
        return int(np.flatnonzero(self.weights)[-1])


def check_weights(weights: Any, n: int, where: str) -> Array:
    """Return weights of n samples as float64.

    Raises:
        DataError: another number of them, none above 0, or one that is negative or not finite.
    """
    array = numbers_of(weights, "sample_weight", where)
    if array.shape != (n,):
        raise DataError(
            "sample_weight_needs_one_number_a_sample",
            where=where,
            expected=(n,),
            got=phrase("of_shape", shape=array.shape),
        )
    made = as_type(array, "float64", "sample_weight", where)
    wrong = np.flatnonzero(~np.isfinite(made) | (made < 0))
    if len(wrong):
        raise DataError(
            "sample_weight_is_negative_or_not_finite",
            where=where,
            expected=">= 0",
            got=phrase("value_at", value=made[wrong[0]], place=wrong[0]),
        )
    if not made.any():
        raise DataError("sample_weights_are_all_zero", where=where)
    return made
