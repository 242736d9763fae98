"""Sums of a tensor, taken where the tensor lies: the torch twins of those of koubai.core.taps.

They stay on the device until somebody reads them: those of many steps come over in one transfer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
import torch

from koubai.core.params import Array
from koubai.core.taps import Magnitudes, Moments, Squares
from koubai.engines.ranks import Ranks
from koubai.engines.torch.wide import wide

S = TypeVar("S", bound=Squares)


@dataclass(frozen=True, eq=False)
class Pending:
    """Sums that lie on the device: (n,) numbers, in the order in which `made` takes them apart."""

    kind: type[Squares]
    count: int
    numbers: torch.Tensor

    def made(self, numbers: Array) -> Squares:
        """Return the sums, of their numbers as an array."""
        norm, nonfinite, *more = numbers[:4].tolist()
        squares = {"count": self.count, "total_square": norm * norm, "nonfinite": int(nonfinite)}
        if self.kind is Squares:
            return Squares(**squares)
        if self.kind is Magnitudes:
            return Magnitudes(**squares, total_abs=more[0])
        units = numbers[4:].reshape(-1, 3) if len(numbers) > 4 else None
        return Moments(**squares, total=more[0], zeros=self.count - int(more[1]), units=units)


def pending_squares(x: torch.Tensor) -> Pending:
    """Take the sums of `squares`, of the device's widest type."""
    return _pending(Squares, x, _widened(x))


def pending_magnitudes(x: torch.Tensor) -> Pending:
    """Take the sums of `magnitudes`."""
    wide_x = _widened(x)
    return _pending(Magnitudes, x, wide_x, torch.linalg.vector_norm(wide_x, 1))


def pending_moments(x: torch.Tensor, *, units: bool = False) -> Pending:
    """Take the sums of `moments`, by unit if asked to."""
    wide_x = _widened(x)
    taken = _pending(Moments, x, wide_x, wide_x.sum(), wide_x.count_nonzero())
    if not units or x.ndim < 2:
        return taken
    columns = wide_x.movedim(1, 0).flatten(1)
    rows = [columns.count_nonzero(1).to(wide_x.dtype), columns.sum(1), columns.square().sum(1)]
    return replace(taken, numbers=torch.cat([taken.numbers, torch.stack(rows, 1).flatten()]))


def _widened(x: torch.Tensor) -> torch.Tensor:
    return x.detach().to(wide(x))


def _pending(kind: type[Squares], x: torch.Tensor, wide_x: torch.Tensor, *more: torch.Tensor) -> Pending:
    nonfinite = x.numel() - x.detach().isfinite().sum()
    numbers = [torch.linalg.vector_norm(wide_x, 2), nonfinite, *more]
    return Pending(kind, x.numel(), torch.stack([number.to(wide_x.dtype) for number in numbers]))


def read_pending(taken: Sequence[Pending | S]) -> list[Squares]:
    """Return sums that may still be on the device, in one transfer."""
    waiting = [each for each in taken if isinstance(each, Pending)]
    if not waiting:
        return [each for each in taken if isinstance(each, Squares)]
    numbers = torch.cat([each.numbers for each in waiting]).cpu().numpy().astype(np.float64)
    ends = np.cumsum([len(each.numbers) for each in waiting])
    made = iter([each.made(part) for each, part in zip(waiting, np.split(numbers, ends[:-1]), strict=True)])
    return [next(made) if isinstance(each, Pending) else each for each in taken]


def tensor_magnitudes(x: torch.Tensor) -> Magnitudes:
    """Return the sums of a tensor, equal to `magnitudes` of the same array within rounding."""
    (sums,) = read_pending([pending_magnitudes(x)])
    assert isinstance(sums, Magnitudes)
    return sums


def tensor_moments(x: torch.Tensor) -> Moments:
    """Return the sums of a tensor, equal to `moments` of the same array within rounding."""
    (sums,) = read_pending([pending_moments(x)])
    assert isinstance(sums, Moments)
    return sums


def add_over_ranks(sums: dict[tuple[str, str], Squares], ranks: Ranks) -> None:
    """Replace what was taken of this rank's rows by what was taken of the rows of all ranks."""
    if ranks.size == 1:
        return
    own = [(name, field, value) for name in sorted(sums) for field, value in vars(sums[name]).items()]
    own = [(name, field, value) for name, field, value in own if value is not None]
    flat = torch.from_numpy(np.concatenate([np.ravel(value) for *_, value in own]).astype(np.float64))
    ranks.add(flat)
    ends = np.cumsum([np.size(value) for *_, value in own])
    changed: dict[tuple[str, str], dict[str, Any]] = {name: {} for name in sums}
    for (name, field, value), part in zip(own, np.split(flat.numpy(), ends[:-1]), strict=True):
        whole = part.reshape(np.shape(value))
        changed[name][field] = whole if whole.ndim else type(value)(whole)
    for name, fields in changed.items():
        sums[name] = replace(sums[name], **fields)
