"""Answers: what a model put out beside what that was compared with, as rows."""

from __future__ import annotations

import numpy as np
import torch

from koubai.core import random
from koubai.core.params import Array
from koubai.doctor.watch.passes.trail import Pair
from koubai.doctor.watch.seen.data import as_targets


class Answers:
    """The latest rows of a model: outputs (M, K), and targets (M,) or (M, K)."""

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
