"""Unrolling: one convolution done twice, by the plain sum and by im2col, with all matrices shown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from koubai.core import random
from koubai.core.params import Array
from koubai.lab.perform.outcome import Context, Outcome
from koubai.lab.perform.plans.plan import LabPlan
from koubai.lab.perform.run_result import Exhibit
from koubai.layers.im2col import col2im, im2col


@dataclass(frozen=True, kw_only=True)
class Unrolling(LabPlan):
    """A `size` x `size` picture of the numbers 0, 1, 2 ..., and one random filter."""

    registry_name = "unrolling"
    size: int = 4
    kernel: int = 3
    stride: int = 1
    padding: int = 0

    def perform(self, context: Context) -> Outcome:
        """Unroll, multiply, fold back; the error is the largest difference between both ways."""
        x = np.arange(float(self.size**2)).reshape(1, 1, self.size, self.size)
        W = random.generator(self.seed, "filter").standard_normal((self.kernel, self.kernel))
        window = {"kernel": self.kernel, "stride": self.stride, "padding": self.padding}
        cols = im2col(x, **window)[0]
        product = W.ravel() @ cols
        plain = self.plain_sum(x[0, 0], W)
        times = col2im(im2col(np.ones_like(x), **window), x.shape, **window)[0, 0]
        return Outcome(
            scores={
                "side": float(self.size),
                "out": float(len(plain)),
                "rows": float(cols.shape[0]),
                "columns": float(cols.shape[1]),
                "least": float(times.min()),
                "most": float(times.max()),
                "error": float(np.abs(product.reshape(plain.shape) - plain).max()),
            },
            exhibits=(
                Exhibit("matrix", "x", {"values": x[0, 0]}),
                Exhibit("matrix", "W", {"values": W}),
                Exhibit("matrix", "im2col(x)", {"values": cols}),
                Exhibit("matrix", "y", {"values": plain}),
                Exhibit("matrix", "multiplicity", {"values": times}),
            ),
            engine="formula",
        )

    def plain_sum(self, x: Array, W: Array) -> Array:
        """Return y[i, j] = sum_ab W[a, b] x[stride i + a - padding, stride j + b - padding]."""
        padded = np.pad(x, self.padding)
        side = (len(padded) - self.kernel) // self.stride + 1
        y = np.zeros((side, side))
        for i in range(side):
            for j in range(side):
                a, b = i * self.stride, j * self.stride
                y[i, j] = (W * padded[a : a + self.kernel, b : b + self.kernel]).sum()
        return y
