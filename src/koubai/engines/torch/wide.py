"""The widest floating-point numbers of a device."""

from __future__ import annotations

import torch


def wide(tensor: torch.Tensor) -> torch.dtype:
    """Return float64, in which sums are taken; Apple's GPUs have float32 alone."""
    return torch.float32 if tensor.device.type == "mps" else torch.float64
