"""Statistics of a data set: what a reader, a report and the doctor want to know before training."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt

import numpy as np

from koubai.core.params import Array, Shape
from koubai.data.dataset import PARTS, Dataset
from koubai.words import say, speaking

_ROWS = 4096  # taken to float64 at a time


@dataclass(frozen=True, eq=False)
class PartStatistics:
    """Numbers about one part; the standard deviations are those of the population (divided by n).

    | field                      | meaning                                    | shape                     |
    |----------------------------|--------------------------------------------|---------------------------|
    | count                      | samples                                    |                           |
    | minimum, maximum           | of all inputs that are finite              |                           |
    | mean, std                  | of all inputs that are finite              |                           |
    | nonfinite                  | inputs that are NaN or infinite            |                           |
    | feature_mean, feature_std  | of each input over the samples             | that of a sample          |
    | class_counts               | samples of each class; None for values     | (classes,)                |
    | target_mean, target_std    | of each target; None for classes           | (K,)                      |
    """

    count: int
    minimum: float
    maximum: float
    mean: float
    std: float
    nonfinite: int
    feature_mean: Array
    feature_std: Array
    class_counts: tuple[int, ...] | None = None
    target_mean: Array | None = None
    target_std: Array | None = None

    @property
    def constant_features(self) -> int:
        """Number of inputs that are the same in every sample."""
        return int((self.feature_std == 0).sum())

    @property
    def class_ratio(self) -> float | None:
        """Largest class / smallest class (infinite if one is empty); None for values."""
        if not self.class_counts:
            return None
        return max(self.class_counts) / min(self.class_counts) if min(self.class_counts) else float("inf")


@dataclass(frozen=True, eq=False)
class DatasetStatistics:
    """Numbers about a whole data set; an empty part has none."""

    name: str
    sha256: str
    in_shape: Shape
    classes: int | None
    class_names: tuple[str, ...]
    train: PartStatistics
    val: PartStatistics | None
    test: PartStatistics | None

    def text(self, lang: str | None = None) -> str:
        """Return the numbers as lines a learner reads."""
        with speaking(lang):
            lines = [say("data.head", name=self.name, shape=" x ".join(map(str, self.in_shape)))]
            for part in PARTS:
                numbers: PartStatistics | None = getattr(self, part)
                if numbers is not None:
                    lines.append(say("data.inputs", part=say(f"data.part.{part}"), **vars(numbers)))
                    lines += [f"  {line}" for line in self._details(numbers)]
            return "\n".join([*lines, say("data.digest", sha256=self.sha256)])

    def _details(self, numbers: PartStatistics) -> Iterator[str]:
        if numbers.class_counts is not None:
            names = self.class_names or tuple(str(k) for k in range(len(numbers.class_counts)))
            pairs = zip(names, numbers.class_counts, strict=True)
            counts = ", ".join(f"{name}: {count:,}" for name, count in pairs)
            yield say("data.class_counts", counts=counts)
        if numbers.constant_features:
            yield say("data.constant", count=numbers.constant_features)
        if numbers.nonfinite:
            yield say("data.nonfinite", count=numbers.nonfinite)


def describe(dataset: Dataset) -> DatasetStatistics:
    """Return the statistics of all parts of a data set."""

    def part(x: Array, t: Array) -> PartStatistics:
        return _part(x, t, dataset.classes)

    return DatasetStatistics(
        name=dataset.name,
        sha256=dataset.sha256,
        in_shape=dataset.in_shape,
        classes=dataset.classes,
        class_names=dataset.class_names,
        train=part(dataset.x_train, dataset.t_train),
        val=part(dataset.x_val, dataset.t_val) if len(dataset.x_val) else None,
        test=part(dataset.x_test, dataset.t_test) if len(dataset.x_test) else None,
    )


def _part(x: Array, t: Array, classes: int | None) -> PartStatistics:
    feature_mean, feature_square, finite = _feature_sums(x)
    total = max(int(finite.sum()), 1)
    mean = float((feature_mean * finite).sum() / total)
    # Var = mean within features + variance between features, each feature weighed by its finite values.
    between = float((finite * (feature_mean - mean) ** 2).sum())
    shown = np.isfinite(x) if int(finite.sum()) < x.size else True
    counts = None if classes is None else tuple(int(k) for k in np.bincount(t, minlength=classes))
    return PartStatistics(
        count=len(x),
        minimum=float(x.min(where=shown, initial=np.inf)),
        maximum=float(x.max(where=shown, initial=-np.inf)),
        mean=mean,
        std=sqrt((float(feature_square.sum()) + between) / total),
        nonfinite=x.size - int(finite.sum()),
        feature_mean=feature_mean,
        feature_std=np.sqrt(feature_square / np.maximum(finite, 1)),
        class_counts=counts,
        target_mean=t.mean(axis=0, dtype=np.float64) if counts is None else None,
        target_std=t.std(axis=0, dtype=np.float64) if counts is None else None,
    )


def _feature_sums(x: Array) -> tuple[Array, Array, Array]:
    """Return of each input over the samples: mean, sum of squared deviations, number of finite values.

    Block by block, joined by the pairwise update of Chan, Golub, LeVeque 1983, eq. 2.1: bounded memory,
    and no cancellation where the mean is large against the deviation. The first sample is the origin, so
    that a constant input has a deviation of exactly 0.
    """
    origin = np.where(np.isfinite(x[0]), x[0], 0).astype(np.float64)
    mean = np.zeros(x.shape[1:], np.float64)
    square = np.zeros(x.shape[1:], np.float64)
    count = np.zeros(x.shape[1:], np.int64)
    for start in range(0, len(x), _ROWS):
        block = x[start : start + _ROWS].astype(np.float64) - origin
        finite = np.isfinite(block)
        n = finite.sum(axis=0)
        block = np.where(finite, block, 0)
        block_mean = block.sum(axis=0) / np.maximum(n, 1)
        deviation = np.where(finite, block - block_mean, 0)
        delta = block_mean - mean
        joined = np.maximum(count + n, 1)
        square += (deviation**2).sum(axis=0) + delta**2 * count * n / joined
        mean += delta * n / joined
        count += n
    return mean + origin, square, count
