"""Kept samples: some of those that went by, for checkups and for the simple learners beside the run."""

from __future__ import annotations

from functools import lru_cache

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
        self._again = 0  # batches in a row whose samples had all gone by before
        self._fresh = 0  # those that had some that had not
        self._marks: set[float] = set()  # of samples
        self._distinct: torch.Tensor | None = None  # rows that are no copies, until a batch is kept

    @property
    def full(self) -> bool:
        """Whether the first samples are in."""
        return self._rows >= self._limit or self._bytes >= KEPT_BYTES

    @property
    def grows(self) -> bool:
        """Whether samples come that were not there: once the data have gone by a second time, they do not."""
        return self._rows > 0 and not self.full and self._again < max(_AGAIN, self._fresh)

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
        if self.full:
            self._replaced += 1
            place = random.key(0, "memory", self._replaced) % len(self.batches)
            self._rows -= len(self.batches[place][0])
            self._bytes -= _size(self.batches[place])
            self.batches[place] = batch
        else:
            self._note(batch)
            self.batches.append(batch)
        self._rows += len(x)
        self._bytes += _size(batch)

    def _note(self, batch: Samples) -> None:
        """Note whether a batch brings samples that have not gone by before."""
        before, marks = len(self._marks), _marks_of(batch)
        self._marks.update(marks or ())
        if marks is None or len(self._marks) > before:
            self._again, self._fresh = 0, self._fresh + 1
        else:
            self._again += 1

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


def _marks_of(batch: Samples) -> list[float] | None:
    """Return a number for each sample, as good as never the same for two that differ; None: not known."""
    if any(part.is_complex() or part.layout is not torch.strided for part in batch):
        return None
    x, t = (part.reshape(len(part), -1).to(torch.float64) for part in batch)
    # float32, for the last digits of a product depend on the row's place in its batch.
    return (x @ _weights(x.shape[1]) + np.pi * (t @ _weights(t.shape[1]))).float().tolist()


@lru_cache(maxsize=4)
def _weights(length: int) -> torch.Tensor:
    """Return weights that are all different, and take no random number of anybody's."""
    return torch.from_numpy(np.sin(np.arange(1, length + 1) ** 1.5))


def _size(batch: Samples) -> int:
    x, t = batch
    return x.numel() * x.element_size() + t.numel() * t.element_size()
