"""Scales: how inputs and targets were brought to the size in which a network learns, as values that travel.

What was computed from the training part (means, deviations, ranges) is kept here, so that inputs which come
later are treated as those were: the same operations in the same types, so the same bits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np

from koubai.core.params import Array

ScaleName = Literal["raw", "unit", "bytes", "standard", "robust"]
SCALES: tuple[ScaleName, ...] = get_args(ScaleName)
TargetScale = Literal["raw", "standard"]
TARGET_SCALES: tuple[TargetScale, ...] = get_args(TargetScale)
_STORED = ("uint8", "float32", "float64")
_NORMAL_QUARTILES = 1.349  # how far apart they are where numbers are normal with standard deviation 1
_FARTHEST = 5.0
_AT_ONCE = 1 << 18  # numbers scaled
_DEEPEST = 8  # scales one behind the other


@dataclass(frozen=True, eq=False)
class InputScale:
    """What was done to inputs: times (x - shift) / width, limited to [-limit, limit].

    | field        | meaning                                                                           |
    |--------------|-----------------------------------------------------------------------------------|
    | stored       | type of the numbers that were scaled; later ones become such first                |
    | shift, width | shaped to broadcast over samples; None where nothing is subtracted, or divides    |
    | times        | factor                                                                            |
    | limit        | None: no limit                                                                    |
    | before       | the scale of the source inside a source, which comes first                        |
    """

    stored: str = "float32"
    shift: Array | None = None
    width: Array | None = None
    times: int = 1
    limit: float | None = None
    before: InputScale | None = None

    @classmethod
    def fit(cls, x: Array, how: ScaleName, top: float | None) -> InputScale:
        """Return the scale `how` (see `koubai.data.prepare.scaled`) of training inputs x."""
        x = np.asarray(x)
        shift, width = _shift_and_width(x, how, top)
        stored = x.dtype.name if x.dtype.name in _STORED else "float64" if _whole(x) else "float32"
        times = 255 if how == "bytes" and width is not None else 1
        return cls(stored, shift, width, times, _FARTHEST if how == "robust" else None)

    def after(self, before: InputScale | None) -> InputScale:
        """Return this scale behind another."""
        if before is None:
            return self
        return before if self.identity else replace(self, before=before)

    @property
    def innermost(self) -> InputScale:
        """The scale that comes first."""
        return self if self.before is None else self.before.innermost

    @property
    def identity(self) -> bool:
        """Whether inputs stay as they are."""
        return self.shift is self.width is self.limit is self.before is None and self.times == 1

    @property
    def even(self) -> bool:
        """Whether all inputs go one way, (x - shift) / width, which bytes can go as they are."""
        numbers = (self.shift, self.width)
        plain = self.times == 1 and self.limit is None and self.before is None
        return plain and all(n is None or n.size == 1 for n in numbers)

    def apply(self, x: Array, *, own: bool = False) -> Array:
        """Return inputs (n, ...) on this scale, float32: a copy, or where they lie if they are `own`.

        What is stored in float64 is shifted there: a time stamp less the mean time stamp would be nothing in
        float32; so are whole numbers of 32 bits. Samples go a few at a time, so that beside both arrays no
        memory is taken.
        """
        inner = x if self.before is None else self.before.apply(x)
        there = own and (inner.dtype == np.float32 or _whole(inner))
        scaled: Array = inner.view(np.float32) if there else np.empty_like(inner, np.float32, subok=False)
        rows = max(1, _AT_ONCE // max(1, inner[:1].size))
        for at in range(0, len(inner), rows):
            scaled[at : at + rows] = self._few(inner[at : at + rows])
        return scaled

    def _few(self, x: Array) -> Array:
        """Return some of the inputs on this scale, as float32 or as what is shifted in float64."""
        y: Array = np.array(x, np.float64 if self.stored == "float64" else np.float32)
        if self.shift is not None:
            y -= self.shift.astype(y.dtype)
        if self.width is not None:
            y /= self.width.astype(y.dtype)
        if self.times != 1:
            y *= self.times
        if self.limit is not None:
            np.clip(y, -self.limit, self.limit, out=y)
        return y

    def same(self, other: InputScale) -> bool:
        """Return whether both do the same."""
        return bool(self.plain() == other.plain())

    def plain(self) -> dict[str, Any]:
        """Return it as values of JSON; every number comes back bit for bit."""
        return {
            "stored": self.stored,
            "shift": _plain(self.shift),
            "width": _plain(self.width),
            "times": self.times,
            "limit": self.limit,
            "before": None if self.before is None else self.before.plain(),
        }

    @classmethod
    def read(cls, plain: Mapping[str, Any], depth: int = 0) -> InputScale:
        """Return the scale in such values; KeyError, TypeError or ValueError where they hold none."""
        stored, times, limit, before = (plain[name] for name in ("stored", "times", "limit", "before"))
        if stored not in _STORED or times not in (1, 255) or limit not in (None, _FARTHEST):
            raise ValueError(f"no scale of inputs: {stored}, {times}, {limit}")
        if depth > _DEEPEST:
            raise ValueError("scales behind scales")
        shift, width = _array(plain["shift"]), _array(plain["width"])
        if width is not None and not (width != 0).all():
            raise ValueError("a width of 0")
        return cls(stored, shift, width, times, limit, before and cls.read(before, depth + 1))


@dataclass(frozen=True)
class TargetUnits:
    """How targets were brought to their scale: (t - shift) / width, both of shape (K,)."""

    shift: Array
    width: Array

    @classmethod
    def fit(cls, t: Array) -> TargetUnits:
        """Return the units that bring targets (n, K) to mean 0 and standard deviation 1."""
        low, high = t.min(0), t.max(0)  # not `std > 0`: mean and deviation of equal numbers carry an error
        mean = t.mean(0, np.float64)
        return cls(np.where(high > low, mean, low), np.where(high > low, _deviation(t, mean), 1))

    def scaled(self, t: Array, *, own: bool = False) -> Array:
        """Return targets as stored, (n, K), on their scale, float32: a copy, or where they lie if `own`."""
        scaled: Array = t if own and t.dtype == np.float32 else np.empty_like(t, np.float32, subok=False)
        for some, stored in zip(_few_at_a_time(scaled), _few_at_a_time(t), strict=True):
            some[:] = (stored.astype(np.float64) - self.shift) / self.width
        return scaled

    def stored(self, y: Array) -> Array:
        """Return scaled targets, or predictions of such, as numbers of the size that was stored; float64."""
        stored: Array = y.astype(np.float64) * self.width + self.shift
        return stored

    def plain(self) -> dict[str, Any]:
        """Return it as values of JSON."""
        return {"shift": _plain(self.shift), "width": _plain(self.width)}

    @classmethod
    def read(cls, plain: Mapping[str, Any]) -> TargetUnits:
        """Return the units in such values; KeyError, TypeError or ValueError where they hold none."""
        shift, width = _array(plain["shift"]), _array(plain["width"])
        if shift is None or width is None or shift.ndim != 1 or shift.shape != width.shape:
            raise ValueError("no units of targets")
        return cls(shift, width)


def _shift_and_width(x: Array, how: ScaleName, top: float | None) -> tuple[Array | None, Array | None]:
    """Return what is subtracted and what divides, shaped to broadcast; None where nothing is done."""
    if how == "raw" or (how == "bytes" and top == 255):
        return None, None
    if how not in ("standard", "robust") and top is not None:
        return None, np.asarray(top)
    channels = 1 if x.ndim > 1 else 0
    axes = tuple(axis for axis in range(x.ndim) if axis != channels)
    low, high = x.min(axes, keepdims=True), x.max(axes, keepdims=True)
    if _whole(x):
        low, high = low.astype(np.float64), high.astype(np.float64)  # 32 bits cannot hold every difference
    if how == "standard":
        shift, width = _mean_and_deviation(x, axes)
    elif how == "robust":
        first, shift, third = _quartiles(x)
        _, deviation = _mean_and_deviation(x, axes)
        width = np.where(third > first, (third - first) / _NORMAL_QUARTILES, deviation)
    else:
        shift, width = low, high - low
    # Not `width > 0`: mean and deviation of equal numbers carry a rounding error.
    return np.where(high > low, shift, low), np.where(high > low, width, 1)


def _whole(x: Array) -> bool:
    """Return whether these are whole numbers of 32 bits: float64 holds them, in the memory of float32."""
    return x.dtype.kind in "iu" and x.dtype.itemsize == 4


def _mean_and_deviation(x: Array, axes: tuple[int, ...]) -> tuple[Array, Array]:
    """Return both over `axes`, the first among them, in float64; x is never copied whole."""
    # Of whole numbers the sum is exact, in whatever order.
    total = x.sum(axes, np.int64 if _whole(x) else np.float64, keepdims=True)
    mean = total / (x.size / total.size)
    squares = sum(((some - mean) ** 2).sum(axes, keepdims=True) for some in _few_at_a_time(x))
    return mean, np.sqrt(squares / (x.size / mean.size))


def _deviation(t: Array, mean: Array) -> Array:
    """Return `t.std(0, np.float64)` of targets (n, K), to the bit, without a copy of them all in float64."""
    if t.shape[1] == 1 or not t.flags.c_contiguous:
        return np.array([column.std(dtype=np.float64) for column in t.T])
    total = np.zeros((0, t.shape[1]))
    for some in _few_at_a_time(t):  # row after row, as NumPy sums them
        total = np.concatenate([total, (some - mean) ** 2]).sum(0, keepdims=True)
    return np.sqrt(total[0] / len(t))


def _quartiles(x: Array) -> Array:
    """Return the quartiles of each channel, (3, 1, channels, 1 ...); few channels are copied at a time."""
    if x.ndim < 2:
        return np.percentile(x, (25, 50, 75), (), keepdims=True)
    parts, channels = [], max(1, _AT_ONCE // max(1, x[:, :1].size))
    for at in range(0, x.shape[1], channels):
        some = np.moveaxis(x[:, at : at + channels], 1, 0)
        copy = np.array(some, np.float64 if _whole(x) else x.dtype, order="C").reshape(len(some), -1)
        parts.append(np.percentile(copy, (25, 50, 75), 1, overwrite_input=True))
    return np.concatenate(parts, 1).reshape(3, 1, -1, *(1,) * (x.ndim - 2))


def _few_at_a_time(x: Array) -> Iterator[Array]:
    """Yield all samples, some at a time."""
    rows = max(1, _AT_ONCE // max(1, x[:1].size))
    for at in range(0, len(x), rows):
        yield x[at : at + rows]


def _plain(numbers: Array | None) -> dict[str, Any] | None:
    if numbers is None:
        return None
    values = numbers.astype(np.float64).ravel().tolist()  # exact: what is stored has at most 53 bits
    return {"shape": list(numbers.shape), "values": values}


def _array(plain: Mapping[str, Any] | None) -> Array | None:
    if plain is None:
        return None
    return np.array(plain["values"], np.float64).reshape([int(size) for size in plain["shape"]])
