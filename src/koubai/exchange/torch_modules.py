"""What PyTorch lacks of koubai's layers, as modules; imported only where PyTorch is."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from koubai.layers.padding import places, stream_of


class Residual(nn.Module):
    """y = body(x) + shortcut(x); without a shortcut x itself."""

    def __init__(self, body: nn.Module, shortcut: nn.Module | None = None) -> None:
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Both sides, then their sum."""
        y: torch.Tensor = self.body(x)
        return y + (x if self.shortcut is None else self.shortcut(x))


class Concatenate(nn.ModuleList):
    """Branches side by side, joined along axis 1."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """X to every branch."""
        return torch.cat([branch(x) for branch in self], 1)


class GlobalAveragePool(nn.Module):
    """(N, C, S) -> (N, C)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The mean over all places."""
        return x.flatten(2).mean(2)


class Step(nn.Module):
    """1 for x >= 0, else 0; NaN stays NaN."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """No gradient flows back."""
        return torch.where(x.isnan(), x, (x >= 0).to(x))


class Exponential(nn.Module):
    """e^x."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Overflow is inf."""
        return x.exp()


class RandomlyPadded(nn.Module):
    """A convolution whose padding shows places of x: drawn again in training, fixed at test time."""

    def __init__(self, convolution: nn.Conv1d | nn.Conv2d, padding: tuple[int, ...], path: str) -> None:
        super().__init__()
        self.convolution, self.padding, self.path = convolution, padding, path

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Pad, then convolve."""
        stream = stream_of(int(torch.randint(2**31, ())), self.path, 0, self.training)
        space = tuple(x.shape[2:])
        shown = torch.from_numpy(places(space, self.padding, "random", stream).astype(np.int64))
        padded = [n + 2 * p for n, p in zip(space, self.padding, strict=True)]
        y: torch.Tensor = self.convolution(x.flatten(2)[:, :, shown.to(x.device)].unflatten(2, padded))
        return y
