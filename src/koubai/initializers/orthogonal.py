"""Orthogonal initial values."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod, sqrt

import numpy as np

from koubai.core.blas_threads import blas_threads
from koubai.core.checks import above
from koubai.core.params import Array, ParamSpec
from koubai.initializers.initializer import INITIALIZERS, Initializer


@INITIALIZERS.register
@dataclass(frozen=True)
class Orthogonal(Initializer):
    """A random matrix whose shorter side is orthonormal, times `gain`.

    W = gain Q, from the QR decomposition of a matrix of normal numbers, with the signs of R's diagonal put
    into Q so that it is uniform over all rotations. It keeps the length of what passes through. The matrix
    has one row for each index of the first axis. Var w = gain^2 / (longer side).
    Sources: Saxe, McClelland, Ganguli 2014, sec. 3; signs: Mezzadri 2007, sec. 5.
    """

    gain: float = 1.0

    def __post_init__(self) -> None:
        above(self, 0, gain=self.gain)

    def _sides(self, spec: ParamSpec) -> tuple[int, int]:
        return spec.shape[0], prod(spec.shape[1:])

    def sample(self, spec: ParamSpec, random: np.random.Generator) -> Array:
        """Q of the tall orientation, turned back if the matrix is wide."""
        rows, columns = self._sides(spec)
        tall = random.standard_normal((max(rows, columns), min(rows, columns)))
        with blas_threads(1):  # the same bits on any machine's number of cores
            Q, R = np.linalg.qr(tall)
        Q = Q * np.sign(np.diagonal(R))
        return self.gain * (Q if rows >= columns else Q.T).reshape(spec.shape)

    def std(self, spec: ParamSpec) -> float:
        """Gain / sqrt(longer side)."""
        return self.gain / sqrt(max(self._sides(spec)))
