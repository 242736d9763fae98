"""Kept inputs: what a model is asked about in its evaluations, whatever becomes of the answers."""

from __future__ import annotations

from typing import TypeAlias

import torch

BatchKey: TypeAlias = tuple[int, float]

_ROWS = 5000
_BYTES = 16 * 2**20
_SETS = 3


def key_of(x: torch.Tensor) -> BatchKey:
    """Return what a batch of inputs is known by when it comes again: its length and its sum."""
    numbers = x.detach().abs() if x.is_complex() else x.detach()
    return len(x) if x.ndim else 1, float(numbers.sum(dtype=torch.float64))


class KeptInputs:
    """Keeps the inputs of the first evaluations that asked about others than those before."""

    def __init__(self) -> None:
        self._sets: list[list[torch.Tensor]] = []
        self._known: set[BatchKey] = set()
        self._open = False
        self._bytes = self._rows = 0

    @property
    def wants(self) -> bool:
        """Whether the inputs of the evaluation under way, or of a new one, are wanted."""
        return self._open or len(self._sets) < _SETS

    def see(self, x: torch.Tensor, key: BatchKey) -> None:
        """Take a batch of inputs x (N, ...) of the evaluation under way, or of a new one, with its key."""
        if not x.is_floating_point() or not 2 <= x.ndim <= 4 or key in self._known:
            return
        self._known.add(key)
        if not self._open:
            self._sets.append([])
            self._open, self._bytes, self._rows = True, 0, 0
        self._bytes += x.numel() * x.element_size()
        self._rows += len(x)
        if self._rows <= _ROWS and self._bytes <= _BYTES:
            self._sets[-1].append(x.detach().to("cpu", copy=True))
        else:
            self._sets[-1] = []  # a part of it tells nothing of the whole

    def end(self) -> None:
        """Training goes on."""
        self._open = False

    @property
    def sets(self) -> list[torch.Tensor]:
        """The inputs (N, ...) of each of them, in the order in which they went by."""
        alike = [[x for x in batches if x.shape[1:] == batches[0].shape[1:]] for batches in self._sets]
        return [torch.cat(batches) for batches in alike if batches]
