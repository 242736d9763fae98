"""Waveforms: short 1-D signals of four shapes, for convolution along one axis."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from koubai.core import random
from koubai.core.checks import at_least, share
from koubai.core.params import Array
from koubai.data.dataset import DATA, DataSource
from koubai.data.prepare import Raw, split

NAMES = ("sine", "square", "triangle", "sawtooth")


def wave(k: Array, phase: Array) -> Array:
    """Return the value of waveform k (an index of NAMES) at a phase in turns; all have range [-1, 1].

    >>> wave(np.array([0, 1, 2, 3]), np.array(0.25)).round(3).tolist()
    [1.0, 1.0, 1.0, 0.5]
    """
    turn = phase - np.floor(phase)
    shapes = (
        np.sin(2 * np.pi * turn),
        np.where(turn < 0.5, 1.0, -1.0),
        1 - 4 * np.abs(turn - 0.25 - (turn >= 0.75)),
        2 * (turn - (turn >= 0.5)),
    )
    return np.choose(k, shapes)


@DATA.register
@dataclass(frozen=True)
class Waveforms(DataSource):
    """x = a wave(k, f i / length + p) + noise for i = 0 .. length - 1; x (n, 1, length), class k.

    | symbol | name      | drawn from          |
    |--------|-----------|---------------------|
    | k      | shape     | the four in turn    |
    | f      | turns     | uniform in [1, 4]   |
    | p      | phase     | uniform in [0, 1]   |
    | a      | amplitude | uniform in [.5, 1.5] |

    `noise` is the standard deviation of normal noise on every value. Phase and pitch differ from sample to
    sample, so single values say nothing: only the shape, wherever it lies, gives the class away.
    """

    n: int = 1000
    length: int = 64
    noise: float = 0.1
    seed: int = 0
    test_share: float = 0.3

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, 4, n=self.n, length=self.length)
        at_least(self, 0, noise=self.noise)
        share(self, test_share=self.test_share)

    def values(self) -> int:
        """Inputs and targets of all samples."""
        return self.n * (self.length + 1)

    def read(self, folder: Path | None) -> Raw:
        """Draw the signals, shapes in turn."""
        draw = random.generator(self.seed, "waveforms")
        k = np.arange(self.n) % len(NAMES)
        turns, phase, amplitude = draw.uniform((1, 0, 0.5), (4, 1, 1.5), (self.n, 3)).T[:, :, None]
        at = turns * np.arange(self.length) / self.length + phase
        x = amplitude * wave(k[:, None], at) + self.noise * draw.standard_normal((self.n, self.length))
        return Raw(*split(x[:, None], k, self.test_share), classes=len(NAMES), class_names=NAMES)
