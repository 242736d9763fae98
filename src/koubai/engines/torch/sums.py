"""Sums of a tensor, taken where the tensor lies: the torch twins of those of koubai.core.taps."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite
from typing import Any

import numpy as np
import torch

from koubai.core.taps import Magnitudes, Moments, Squares
from koubai.engines.ranks import Ranks


def tensor_squares(x: torch.Tensor) -> Squares:
    """Return the sums of a tensor in float64, equal to `squares` of the same array within rounding."""
    wide = x.detach().to(torch.float64)
    return _squares(wide, *_numbers(wide))


def tensor_magnitudes(x: torch.Tensor) -> Magnitudes:
    """Return the sums of a tensor in float64, equal to `magnitudes` of the same array within rounding."""
    wide = x.detach().to(torch.float64)
    norm, total_abs = _numbers(wide, torch.linalg.vector_norm(wide, 1))
    return Magnitudes(**vars(_squares(wide, norm)), total_abs=total_abs)


def tensor_moments(x: torch.Tensor, *, units: bool = False) -> Moments:
    """Return the sums of a tensor in float64, equal to `moments` of the same array within rounding."""
    wide = x.detach().to(torch.float64)
    rows = None
    if units and x.ndim >= 2:
        columns = wide.movedim(1, 0).flatten(1)
        per_unit = [columns.count_nonzero(1).double(), columns.sum(1), columns.square().sum(1)]
        rows = torch.stack(per_unit, 1).cpu().numpy()
    norm, total, nonzeros = _numbers(wide, wide.sum(), wide.count_nonzero().double())
    return Moments(**vars(_squares(wide, norm)), total=total, zeros=x.numel() - int(nonzeros), units=rows)


def _numbers(wide: torch.Tensor, *more: torch.Tensor) -> list[float]:
    """The 2-norm and more, in one transfer: a device answers once, not four times."""
    numbers: list[float] = torch.stack([torch.linalg.vector_norm(wide, 2), *more]).tolist()
    return numbers


def _squares(wide: torch.Tensor, norm: float) -> Squares:
    nonfinite = 0 if isfinite(norm) else int((~torch.isfinite(wide)).sum())
    return Squares(count=wide.numel(), total_square=norm**2, nonfinite=nonfinite)


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
