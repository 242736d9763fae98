"""Regression: values to predict, with inputs and targets on any scale one wants to study."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from koubai.core import random
from koubai.core.checks import at_least, share, whole
from koubai.core.errors import DataError, UnknownName
from koubai.data.dataset import DATA, DataSource
from koubai.data.prepare import Raw, split

CurveName = Literal["line", "sine"]


@DATA.register
@dataclass(frozen=True)
class Regression(DataSource):
    """t = offset + size (c(u A) + noise), with u = inputs brought to [-1, 1]; x (n, inputs), t (n, outputs).

    | symbol      | name                                                               |
    |-------------|--------------------------------------------------------------------|
    | x           | inputs, uniform in [low, high]                                     |
    | u           | (2 x - low - high) / (high - low)                                  |
    | A           | slopes, normal with variance 3 / inputs, so that Var(u A) is about 1 |
    | c           | "line": c(z) = z; "sine": c(z) = sin(pi z), which needs a hidden layer |
    | offset      | mean of the targets; 0 makes half of them negative                 |
    | size        | what c and noise are multiplied by: about the targets' deviation   |
    | noise       | standard deviation of normal noise on the targets, for a size of 1 |

    `low=0, high=100` gives unscaled inputs, `offset=5` targets that no sigmoid reaches, and
    `offset=2e5, size=8e4` targets like prices.
    """

    n: int = 500
    inputs: int = 2
    outputs: int = 1
    low: float = -1.0
    high: float = 1.0
    curve: CurveName = "line"
    offset: float = 0.0
    size: float = 1.0
    noise: float = 0.1
    seed: int = 0
    test_share: float = 0.3

    def __post_init__(self) -> None:
        super().__post_init__()
        whole(self, 1, inputs=self.inputs, outputs=self.outputs)
        whole(self, 2, n=self.n)
        at_least(self, 0, noise=self.noise)
        share(self, test_share=self.test_share)
        if not self.low < self.high:
            raise DataError(
                "is_not_below",
                setting="low",
                other="high",
                where="Regression",
                expected="low < high",
                got=(self.low, self.high),
            )
        if self.curve not in get_args(CurveName):
            raise UnknownName("curve", self.curve, get_args(CurveName), where="Regression")

    def values(self) -> int:
        """Inputs and targets of all samples."""
        return self.n * (self.inputs + self.outputs) + self.inputs * self.outputs

    def read(self, folder: Path | None) -> Raw:
        """Draw slopes, inputs, noise."""
        draw = random.generator(self.seed, "regression")
        slopes = draw.standard_normal((self.inputs, self.outputs)) * np.sqrt(3 / self.inputs)
        u = draw.uniform(-1, 1, (self.n, self.inputs))
        z = u @ slopes
        curve = z if self.curve == "line" else np.sin(np.pi * z)
        t = self.offset + self.size * curve + self.size * self.noise * draw.standard_normal(z.shape)
        x = self.low + (u + 1) / 2 * (self.high - self.low)
        return Raw(*split(x, t.astype(np.float32), self.test_share))
