"""Sums of a tensor, taken where the tensor lies: the torch twin of koubai.core.taps.moments."""

from __future__ import annotations

import torch

from koubai.core.taps import Moments


def tensor_moments(x: torch.Tensor, *, units: bool = False) -> Moments:
    """Return the sums of a tensor in float64, equal to `moments` of the same array within rounding."""
    wide = x.detach().to(torch.float64)
    magnitude, square = wide.abs(), wide.square()
    rows = None
    if units and x.ndim >= 2:
        columns = wide.movedim(1, 0).flatten(1)
        per_unit = [(columns != 0).sum(1, dtype=torch.float64), columns.sum(1), columns.square().sum(1)]
        rows = torch.stack(per_unit, 1).cpu().numpy()
    # One transfer for all numbers: a device answers once, not seven times.
    largest = magnitude.max() if x.numel() else wide.new_zeros(())
    numbers = torch.stack(
        [
            wide.sum(),
            magnitude.sum(),
            square.sum(),
            (wide == 0).sum(dtype=torch.float64),
            largest,
            (~torch.isfinite(wide)).sum(dtype=torch.float64),
        ]
    )
    total, total_abs, total_square, zeros, max_abs, nonfinite = numbers.tolist()
    return Moments(x.numel(), total, total_abs, total_square, int(zeros), max_abs, int(nonfinite), units=rows)
