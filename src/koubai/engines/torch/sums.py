"""Sums of a tensor, taken where the tensor lies: the torch twin of koubai.core.taps.moments."""

from __future__ import annotations

from math import isfinite

import torch

from koubai.core.taps import Moments


def tensor_moments(x: torch.Tensor, *, units: bool = False) -> Moments:
    """Return the sums of a tensor in float64, equal to `moments` of the same array within rounding."""
    wide = x.detach().to(torch.float64)
    rows = None
    if units and x.ndim >= 2:
        columns = wide.movedim(1, 0).flatten(1)
        per_unit = [columns.count_nonzero(1).double(), columns.sum(1), columns.square().sum(1)]
        rows = torch.stack(per_unit, 1).cpu().numpy()
    if not x.numel():
        return Moments(0, 0.0, 0.0, 0.0, 0, 0.0, 0, units=rows)
    norm = torch.linalg.vector_norm
    # One transfer for all numbers: a device answers once, not five times.
    numbers = [wide.sum(), norm(wide, 1), norm(wide, 2), norm(wide, torch.inf), wide.count_nonzero().double()]
    total, total_abs, euclidean, max_abs, nonzero = torch.stack(numbers).tolist()
    nonfinite = 0 if isfinite(total_abs) else int((~torch.isfinite(wide)).sum())
    zeros = x.numel() - int(nonzero)
    return Moments(x.numel(), total, total_abs, euclidean**2, zeros, max_abs, nonfinite, units=rows)
