"""Times: how the gradient that reaches a recurrent layer's inputs fades from late times to early ones."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import nn

_FEWEST = 20  # times
_EARLY = 0.1  # of them


class Times:
    """Takes the inputs of recurrent layers, and their gradients.

    `fading` is, for each layer by path, the size of the gradient at the first tenth of the times over that at
    the time where it is largest.
    """

    def __init__(self) -> None:
        self.fading: dict[str, float] = {}

    def hear(self, path: str, module: nn.Module, u: torch.Tensor | None, guard: Any) -> None:
        """Take in a call of a layer; of one that reads in one direction only."""
        if not isinstance(module, nn.RNNBase) or module.bidirectional or u is None:
            return
        axis = 1 if module.batch_first else 0
        if u.ndim == 3 and u.requires_grad and u.shape[axis] >= _FEWEST:
            u.register_hook(partial(guard, self._receive, path, axis))

    def _receive(self, path: str, axis: int, gradient: torch.Tensor) -> None:
        sizes = gradient.detach().movedim(axis, 0).flatten(1).norm(dim=1)
        early = sizes[: max(1, int(_EARLY * len(sizes)))].mean()
        if float(sizes.max()) > 0:
            self.fading[path] = float(early / sizes.max())
