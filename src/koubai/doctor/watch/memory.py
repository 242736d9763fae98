"""Memory: some of the samples that went by, for checkups and for the simple learners beside the run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from koubai.core import random
from koubai.core.params import Array
from koubai.doctor.patient import DataFacts

KEPT_ROWS = 10_000
KEPT_BYTES = 64 * 2**20
_LEARNERS_ROWS = 2000


class Memory:
    """Batches (x, t) as copies on the CPU: the first ones until it is full, then one in place of another.

    Targets may come later than their inputs, or never.
    """

    def __init__(self, limit: int = KEPT_ROWS) -> None:
        self._limit = limit
        self.batches: list[tuple[torch.Tensor, torch.Tensor]] = []
        self._x: torch.Tensor | None = None
        self._bytes = 0
        self._rows = 0
        self._replaced = 0

    @property
    def full(self) -> bool:
        """Whether the first samples are in."""
        return self._rows >= self._limit or self._bytes >= KEPT_BYTES

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
        batch = (x, t.detach().to("cpu", copy=True))
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

    def samples(self, limit: int | None = None) -> tuple[torch.Tensor, torch.Tensor] | None:
        """Return the samples of one shape as two tensors, at most `limit`, spread over all batches.

        A sample that went by twice counts once: learners that are tested on what they have seen look clever.
        """
        if not self.batches:
            return None
        shapes = self.batches[0][0].shape[1:], self.batches[0][1].shape[1:]
        alike = [(x, t) for x, t in self.batches if (x.shape[1:], t.shape[1:]) == shapes]
        x, t = torch.cat([x for x, _ in alike]), torch.cat([t for _, t in alike])
        first = _first_of_each(x, t)
        x, t = x[first], t[first]
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


def _size(batch: tuple[torch.Tensor, torch.Tensor]) -> int:
    return sum(part.numel() * part.element_size() for part in batch)


def as_targets(t: torch.Tensor, classes_by_index: bool) -> Array | None:
    """Return targets as diagnoses take them: (N,) int64 classes, or (N, K) values.

    Targets of a loss on class numbers are classes; so are zeros and ones in one column. Rows with a single
    one among zeros are the classes of the ones. None where a sample has many classes, one at each place.
    """
    array = t.detach().cpu()
    if classes_by_index and not array.is_floating_point():
        return array.reshape(-1).numpy().astype(np.int64) if array.numel() == len(array) else None
    values: Array = array.reshape(len(array), -1).float().numpy()
    binary = bool(np.isin(values, (0.0, 1.0)).all())
    if binary and values.shape[1] == 1:
        return values[:, 0].astype(np.int64)
    if binary and len(values) and (values.sum(axis=1) == 1).all():
        return values.argmax(axis=1).astype(np.int64)
    return values


def data_facts(
    seen: tuple[torch.Tensor, torch.Tensor],
    held: tuple[torch.Tensor, torch.Tensor] | None,
    *,
    samples: int | None,
    classes_by_index: bool,
    outputs: int,
) -> DataFacts:
    """Return the statistics of the samples seen; `outputs` is the number of the network's outputs."""
    if not seen[0].is_floating_point():  # numbers of words: their size means nothing
        return DataFacts(samples=samples)
    x, t = _flat(seen[0]), as_targets(seen[1], classes_by_index)
    facts = DataFacts(
        samples=samples,
        mean=x.mean(axis=0, dtype=np.float64),
        std=x.std(axis=0, dtype=np.float64),
        low=float(x.min()),
        high=float(x.max()),
        x=x[:_LEARNERS_ROWS],
    )
    if t is None:
        return facts
    classes = max(outputs, int(t.max(initial=0)) + 1, 2) if t.dtype.kind == "i" else None
    x_held, t_held = (None, None) if held is None else (_flat(held[0]), as_targets(held[1], classes_by_index))
    if t_held is None or t_held.dtype.kind != t.dtype.kind:
        x_held = t_held = None
    return replace(
        facts,
        classes=classes,
        class_counts=np.bincount(t, minlength=classes) if classes is not None else None,
        target_low=t.min(axis=0) if classes is None else None,
        target_high=t.max(axis=0) if classes is None else None,
        t=t[:_LEARNERS_ROWS],
        x_held=x_held,
        t_held=t_held,
    )


def _flat(x: torch.Tensor) -> Array:
    array: Array = x.reshape(len(x), -1).float().numpy()
    return array
