"""Pictures that lost one thing: where a pixel lies, that paper is 0, what tells channels apart."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from koubai.core import random
from koubai.core.params import Array
from koubai.data.dataset import DataSource
from koubai.data.prepare import Raw
from koubai.data.scale import ScaleName

PAIRS = ((0, 1), (1, 2), (0, 2))
"""The channels that show the same, one class each."""


def permuted(x: Array, seed: int) -> Array:
    """Move all pixels (n, C, H, W) by one permutation, the same for every picture and channel."""
    n, C, H, W = x.shape
    order = random.permutation(random.key(seed, "pixels"), H * W)
    return np.ascontiguousarray(x.reshape(n, C, H * W)[:, :, order].reshape(x.shape))


def inverted(x: Array, _: int) -> Array:
    """1 - x: black paper turns white."""
    return 1 - x


def gray(x: Array, _: int) -> Array:
    """The mean over the channels, one channel."""
    return x.mean(axis=1, keepdims=True)


WAYS: dict[str, Callable[[Array, int], Array]] = {"permuted": permuted, "inverted": inverted, "gray": gray}


@dataclass(frozen=True)
class Rearranged(DataSource):
    """The pictures of another source, on its scale, changed in one of `WAYS`; labels stay. Not registered."""

    registry_name = "rearranged"
    source: DataSource
    way: str
    seed: int = 0

    def stamp(self, folder: Path | None) -> Hashable:
        """That of the source."""
        return self.source.stamp(folder)

    def read(self, folder: Path | None) -> Raw:
        """Load the source and change its pictures."""
        loaded = self.source.load(folder)
        change = WAYS[self.way]
        raw = Raw(
            loaded.x_train,
            loaded.t_train,
            loaded.x_test,
            loaded.t_test,
            classes=loaded.classes,
            class_names=loaded.class_names,
            files=loaded.files,
        )
        return replace(raw, x_train=change(raw.x_train, self.seed), x_test=change(raw.x_test, self.seed))


@dataclass(frozen=True)
class ChannelPairs(DataSource):
    """Pictures of 3 channels of `size` x `size` noise, two of which are equal; the class is which two.

    So no channel by itself, and no mean of the channels, tells anything about the class. Not registered.
    """

    registry_name = "channel_pairs"
    size: int = 8
    count: int = 1200
    seed: int = 0
    scale: ScaleName = field(default="raw", kw_only=True)

    def read(self, folder: Path | None) -> Raw:
        """Draw them all; the last third is for testing."""
        t = np.arange(self.count) % len(PAIRS)
        draw = random.generator(self.seed, "channel pairs")
        x = draw.uniform(0, 1, (self.count, 3, self.size, self.size)).astype(np.float32)
        for k, (first, second) in enumerate(PAIRS):
            x[t == k, second] = x[t == k, first]
        at = self.count - self.count // 3
        names = tuple("RGB"[a] + "RGB"[b] for a, b in PAIRS)
        return Raw(x[:at], t[:at], x[at:], t[at:], classes=len(PAIRS), class_names=names)
