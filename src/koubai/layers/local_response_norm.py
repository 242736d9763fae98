"""Local response normalization: strong channels damp their neighbors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from koubai.core.checks import above, at_least
from koubai.core.errors import SettingError
from koubai.core.layer import LAYERS, Cell, Layer
from koubai.core.params import Array
from koubai.core.verbs import Builder, Handle
from koubai.words.phrase import phrase


@LAYERS.register
@dataclass(frozen=True)
class LocalResponseNorm(Layer):
    """Every channel is divided by a power of the energy around it.

        d_i = k + alpha sum_j a_j^2      b_i = a_i / d_i^beta      j within size // 2 channels of i
        da_i = db_i / d_i^beta  (1)  - 2 alpha beta a_i sum_j db_j b_j / d_j  (2)

    | symbol | name                    | shape     |
    |--------|-------------------------|-----------|
    | a      | input                   | (N, C, S) |
    | b      | output                  | (N, C, S) |
    | d      | energy of the neighbors | (N, C, S) |

    Source: Krizhevsky et al. 2012, sec. 3.3, whose alpha is not divided by the size; Caffe and PyTorch
    divide it, so their alpha is `size` times this one. Raises SettingError unless the size is odd.
    """

    size: int = 5
    k: float = 2.0
    alpha: float = 1e-4
    beta: float = 0.75

    def __post_init__(self) -> None:
        above(self, 0, k=self.k)
        at_least(self, 0, alpha=self.alpha)
        if self.size < 1 or self.size % 2 == 0:
            raise SettingError(
                "out_of_range",
                setting="size",
                where="LocalResponseNorm",
                expected=phrase("odd_so_that_it_has_middle"),
                got=self.size,
            )

    def _sum_of_neighbors(self, x: Array) -> Array:
        C = x.shape[1]
        half = min(self.size // 2, C - 1)  # farther ones are none
        padded = np.pad(x, [(0, 0), (half, half), *[(0, 0)] * (x.ndim - 2)])
        total = np.zeros_like(x)
        for j in range(2 * half + 1):
            total += padded[:, j : j + C]
        return total

    def forward(self, cell: Cell, x: Array) -> Array:
        """a (N, C, S) -> b (N, C, S)."""
        a = x
        d = self.k + self.alpha * self._sum_of_neighbors(a * a)
        b = a * d**-self.beta
        cell.save(a, b, d)
        return b

    def backward(self, cell: Cell, dy: Array) -> Array:
        """db (N, C, S) -> da (N, C, S), terms (1) and (2)."""
        (a, b, d), db = cell.saved, dy
        return db * d**-self.beta - 2 * self.alpha * self.beta * a * self._sum_of_neighbors(db * b / d)

    # ------------------------------------------------------------------------------------ lowering

    def lower(self, build: Builder, x: Handle) -> Handle:
        """One verb."""
        return build.local_response(x, size=self.size, k=self.k, alpha=self.alpha, beta=self.beta)
