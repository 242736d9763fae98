"""Memory: some of the samples that went by, for checkups and for the simple learners beside the run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from koubai.core import random
from koubai.core.params import Array
from koubai.doctor.patient.patient import DataFacts
from koubai.doctor.watch.trail import Pair

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


class Answers:
    """What the model put out beside what it was compared with, the latest rows (outputs (M, K), targets)."""

    def __init__(self, limit: int = 4000) -> None:
        self._limit = limit
        self._parts: list[tuple[int, Array, Array]] = []
        self._rows = 0

    def see(self, step: int, pair: Pair) -> None:
        """Keep the rows of a pair."""
        found = rows_of(pair)
        if found is None:
            return
        y, t = found
        if len(y) > self._limit // 2:
            rows = np.sort(random.permutation(random.key(0, "answers"), len(y))[: self._limit // 2])
            y, t = y[rows], t[rows]
        if self._parts and (
            self._parts[0][1].shape[1:] != y.shape[1:] or self._parts[0][2].dtype.kind != t.dtype.kind
        ):
            if step > self._parts[-1][0]:
                self._parts, self._rows = [], 0  # of another kind since
            else:
                return
        self._parts.append((step, y, t))
        self._rows += len(y)
        while self._rows - len(self._parts[0][1]) >= self._limit:
            self._rows -= len(self._parts.pop(0)[1])

    def since(self, step: int) -> tuple[Array, Array] | None:
        """Return all rows kept since an update; None where there are none."""
        parts = [(y, t) for at, y, t in self._parts if at >= step]
        if not parts:
            return None
        return np.concatenate([y for y, _ in parts]), np.concatenate([t for _, t in parts])

    @property
    def latest(self) -> int | None:
        """Update after which the last rows were seen."""
        return self._parts[-1][0] if self._parts else None

    @property
    def first(self) -> tuple[int, Array, Array] | None:
        """The first rows that are kept."""
        return self._parts[0] if self._parts else None


def rows_of(pair: Pair) -> tuple[Array, Array] | None:
    """Return outputs (M, K) and targets (M,) or (M, K) of a pair; None where they do not fit."""
    y, t = pair.y.detach().float().cpu(), pair.t.detach().cpu()
    whole = not t.is_floating_point()
    if pair.kind == "values" or (not whole and pair.kind == "classes"):
        if t.shape != y.shape:
            return None
        flat = y.reshape(len(y), -1) if y.ndim else y.reshape(1, 1)
        targets = as_targets(t.reshape(len(t), -1), False)
        return (flat.numpy(), targets) if targets is not None else None
    if t.numel() == y.numel():
        return y.reshape(-1, 1).numpy(), _classes(t)
    axis = _class_axis(y, t, last=pair.kind == "answers")
    if axis is None:
        return None
    flat = y.movedim(axis, -1).reshape(-1, y.shape[axis])
    classes = _classes(t)
    if len(classes) != len(flat):
        return None
    meant = (classes >= 0) & (classes < max(flat.shape[1], 2))
    return flat.numpy()[meant], classes[meant]


def _classes(t: torch.Tensor) -> Array:
    return t.reshape(-1).to(torch.int64).numpy()


def _class_axis(y: torch.Tensor, t: torch.Tensor, *, last: bool) -> int | None:
    """Return the axis of y that its targets lack."""
    axes = [a for a in range(y.ndim) if y.shape[:a] + y.shape[a + 1 :] == t.shape]
    if not axes:
        return y.ndim - 1 if t.numel() * y.shape[-1] == y.numel() else None
    if last:
        return axes[-1]
    return 1 if 1 in axes and y.ndim > 1 else axes[-1]


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
    x, t = flat(seen[0]), as_targets(seen[1], classes_by_index)
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
    x_held, t_held = (None, None) if held is None else (flat(held[0]), as_targets(held[1], classes_by_index))
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


def flat(x: torch.Tensor) -> Array:
    """Return samples as rows of numbers."""
    array: Array = x.reshape(len(x), -1).float().numpy()
    return array
