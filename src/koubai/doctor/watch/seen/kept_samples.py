"""Kept samples: some of those that went by, for checkups and for the simple learners beside the run."""

from __future__ import annotations

import numpy as np
import torch

from koubai.core import random

KEPT_ROWS = 10_000
KEPT_BYTES = 64 * 2**20
_AGAIN = 10
Samples = tuple[torch.Tensor, torch.Tensor]


class KeptSamples:
    """Batches (x, t) as copies on the CPU: the first ones until it is full, then one in place of another.

    Targets may come later than their inputs, or never.
    """

    def __init__(self, limit: int = KEPT_ROWS) -> None:
        self._limit = limit
        self.batches: list[Samples] = []
        self._x: torch.Tensor | None = None
        self._bytes = 0
        self._rows = 0
        self._replaced = 0
        self._again = 0  # batches in a row that were the one before once more
        self._distinct: torch.Tensor | None = None  # rows that are no copies, until a batch is kept

    @property
    def full(self) -> bool:
        """Whether the first samples are in."""
        return self._rows >= self._limit or self._bytes >= KEPT_BYTES

    @property
    def grows(self) -> bool:
        """Whether samples come that were not there: where the whole data are one batch, they do not."""
        return self._rows > 0 and not self.full and self._again < _AGAIN

    @property
    def rows(self) -> int:
        """Number of samples kept."""
        return self._rows

    def see_inputs(self, x: torch.Tensor) -> None:
        """Keep a copy of a batch's inputs until its targets come."""
        self._x = x.detach().to("cpu", copy=True)

    def see_targets(self, t: torch.Tensor) -> None:
        """Complete the batch; inputs without targets of the same number are dropped."""
        x, self._x = self._x, None
        if x is None or t.ndim == 0 or len(t) != len(x):
            return
        self._distinct = None
        batch = (x, t.detach().to("cpu", copy=True))
        self._again = self._again + 1 if self.batches and _same(self.batches[-1], batch) else 0
        if self.full:
            self._replaced += 1
            place = random.key(0, "memory", self._replaced) % len(self.batches)
            self._rows -= len(self.batches[place][0])
            self._bytes -= _size(self.batches[place])
            self.batches[place] = batch
        else:
            self.batches.append(batch)
        self._rows += len(x)
        self._bytes += _size(batch)

    def samples(self, limit: int | None = None) -> Samples | None:
        """Return the samples of one shape as two tensors, at most `limit`, spread over all batches.

        A sample that went by twice counts once: learners that are tested on what they have seen look clever.
        """
        if not self.batches:
            return None
        shapes = self.batches[0][0].shape[1:], self.batches[0][1].shape[1:]
        alike = [(x, t) for x, t in self.batches if (x.shape[1:], t.shape[1:]) == shapes]
        x, t = torch.cat([x for x, _ in alike]), torch.cat([t for _, t in alike])
        if self._distinct is None:
            self._distinct = _first_of_each(x, t)
        x, t = x[self._distinct], t[self._distinct]
        if limit is not None and len(x) > limit:
            rows = torch.from_numpy(np.sort(random.permutation(random.key(0, "checkup"), len(x))[:limit]))
            x, t = x[rows], t[rows]
        return x, t


def _first_of_each(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """Return the row numbers of the first of all equal samples."""
    raw_x, raw_t = (part.contiguous().reshape(len(part), -1).view(torch.uint8).numpy() for part in (x, t))
    rows: dict[bytes, int] = {}
    for i in range(len(x)):
        rows.setdefault(raw_x[i].tobytes() + raw_t[i].tobytes(), i)
    return torch.tensor(list(rows.values()))


def _same(one: Samples, other: Samples) -> bool:
    pairs = zip(one, other, strict=True)
    return all(a.dtype == b.dtype and a.shape == b.shape and torch.equal(a, b) for a, b in pairs)


def _size(batch: Samples) -> int:
    return sum(part.numel() * part.element_size() for part in batch)
