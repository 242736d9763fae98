"""TapReader: from the sums that taps left to what was taken of each tensor."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce

import numpy as np

from koubai.core.params import Array
from koubai.core.taps import Magnitudes, Moments, Squares
from koubai.engines.native.kernels import sums as kernels
from koubai.engines.native.taps import Tap

_LINE = 8  # float64 numbers in a cache line


class TapReader:
    """Has taps leave what they take of each step, and turns it into moments."""

    def __init__(self, taps: Sequence[Tap], numbers: int, workers: int) -> None:
        self._workers = workers
        self._numbers = -(-numbers // _LINE) * _LINE
        self.bytes = 8 * workers * self._numbers
        self.by_key: dict[tuple[str, str], list[Tap]] = defaultdict(list)
        for tap in taps:
            self.by_key[tap.path, tap.role].append(tap)
        self._out = np.zeros((0, workers, self._numbers))

    def expect(self, steps: int) -> Array:
        """Make room for so many tapped steps."""
        if len(self._out) < steps:
            self._out = np.zeros((steps, self._workers, self._numbers))
        return self._out

    def read(self, steps: int) -> list[TapMoments]:
        """The moments of the tapped steps since room was made for them."""
        return [TapMoments(self, row) for row in self._out[:steps].sum(axis=1)]


class TapMoments(Mapping[tuple[str, str], Squares]):
    """(path, role) -> what was taken in one step, or in several; each is made when asked for.

    `row` holds all that was taken, with an axis of steps before it where several.
    """

    def __init__(self, reader: TapReader, row: Array) -> None:
        self._reader, self._row = reader, row

    @property
    def kind(self) -> object:
        """What moments that can be stacked have in common."""
        return self._reader

    @staticmethod
    def stacked(steps: Sequence[TapMoments]) -> TapMoments:
        """Moments of several steps as one."""
        return TapMoments(steps[0]._reader, np.stack([m._row for m in steps]))

    def __getitem__(self, key: tuple[str, str]) -> Squares:
        if key not in self._reader.by_key:
            raise KeyError(key)
        return reduce(_joined, map(self._taken, self._reader.by_key[key]))

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._reader.by_key)

    def __len__(self) -> int:
        return len(self._reader.by_key)

    def _taken(self, tap: Tap) -> Squares:
        at = tap.at + (kernels.ABOVE if tap.above else 0)
        squares, nonfinite, *more = self._row.T[at : at + kernels.numbers_of(tap.role)]
        sizes = {"count": tap.count, "total_square": squares, "nonfinite": nonfinite}
        if not more:
            return Squares(**sizes)
        if tap.role != "activation":
            return Magnitudes(**sizes, total_abs=more[0])
        total, nonzeros = more
        units = None if tap.units is None else self._row[..., tap.units]
        return Moments(
            **sizes,
            total=total,
            zeros=tap.count - nonzeros,
            units=None if units is None else units.reshape(*units.shape[:-1], -1, 3),
        )


def _joined(a: Squares, b: Squares) -> Squares:
    """What was taken of two blocks of channels of one tensor."""
    mine, other = vars(a), vars(b)
    joined = {name: mine[name] + other[name] for name in mine if name != "units"}
    if isinstance(a, Moments) and isinstance(b, Moments) and a.units is not None and b.units is not None:
        joined["units"] = np.concatenate([a.units, b.units], axis=-2)
    return type(a)(**joined)
