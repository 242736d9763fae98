"""Beside: what a short trial brought, held against the unchanged run, over the same updates and at its end.

Only what is better than both counts: a change that is ahead after some updates, but not of where the run
arrives by itself, saves time and cures nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite, nan, sqrt

import numpy as np

from koubai.core.params import Array
from koubai.doctor.patient.clinic import Trial

_LAST = 4  # the last quarter of a trial is its end
_SURE = 4.0  # standard errors of the difference, by which a gain must exceed 0
_TOGETHER = 5  # losses that follow each other are alike: so many count as one
_NEARLY_ALL = 0.9
_LOST = 1.5  # times the loss of knowing nothing: a run that ends above it knows less than nothing
_WORTH = 0.02  # of the way from the start, and of the loss itself: less is not worth a word


@dataclass(frozen=True)
class MeanLosses:
    """Mean losses: at the start of the run, of the trial's end, of the unchanged one's, of the run's own end.

    `error` is the standard error of the difference of trial and unchanged, batch by batch: both saw the same.
    `won` is the share of these batches whose loss was lower in the trial.
    """

    start: float
    changed: float
    unchanged: float
    run: float
    error: float
    won: float

    @property
    def doubt(self) -> float:
        """By how much a gain must exceed 0: by nothing where nearly every batch was answered better."""
        return 0.0 if self.won >= _NEARLY_ALL else _SURE * self.error

    @property
    def gain(self) -> float:
        """How much lower the trial ended than both others; 0 where that may be chance."""
        if not isfinite(self.changed):
            return 0.0
        gain = min(self.unchanged, self.run) - self.changed
        if not isfinite(gain):  # both broke off: then the start is what it must fall below
            gain = self.start - self.changed
        least = max(self.doubt, _WORTH * (self.top - self.changed), _WORTH / 2 * abs(self.top))
        return gain if gain > least else 0.0

    @property
    def ahead(self) -> float:
        """Share of the trial's way from the start that the unchanged run did not go in as many updates."""
        way = self.start - self.changed
        gain = self.unchanged - self.changed if isfinite(self.unchanged) else way
        sure = gain > max(self.doubt, _WORTH / 2 * abs(self.start))
        return min(1.0, gain / way) if sure and isfinite(way) and way > 0 else 0.0

    @property
    def top(self) -> float:
        """The highest of the finite levels."""
        return max(
            level for level in (self.start, self.unchanged, self.run, -inf) if isfinite(level) or level < 0
        )

    @property
    def relief(self) -> float:
        """Share of the way from the highest level to the trial's end that only the trial went."""
        return min(1.0, self.gain / (self.top - self.changed)) if self.gain > 0 else 0.0

    def relief_from(self, floor: float | None) -> float:
        """Return the same, where the loss of knowing nothing may be known.

        Where the run knows less than nothing at its end, it is counted from there: to come down from a start
        that was far too high is no progress.
        """
        if floor is not None and self.gain and self.run > _LOST * floor and isfinite(self.run):
            return min(1.0, self.gain / (self.run - min(self.changed, floor)))
        return self.relief


def levels(trial: Trial) -> MeanLosses:
    """Return the levels of a trial with its unchanged twin."""
    assert trial.beside is not None
    run = trial.beside.losses if trial.run is None else trial.run
    length = min(len(trial.losses), len(trial.beside.losses))
    last = slice(length - max(1, length // _LAST), length)
    changed, unchanged = trial.losses[last], trial.beside.losses[last]
    broken = not np.isfinite(trial.losses).all()
    difference = unchanged - changed
    spread = float(np.std(difference)) if np.isfinite(difference).all() else 0.0
    return MeanLosses(
        start=min(_level(run[:1]), _level(run[: max(3, len(run) // 50)])),  # not what a first jump made of it
        changed=inf if broken else _level(changed),
        unchanged=_level(unchanged),
        run=_level(run[-max(3, len(run) // 20) :]),
        error=spread / sqrt(max(len(difference) / _TOGETHER, 1)),
        won=float(np.mean(~(changed >= unchanged))) if len(changed) >= _TOGETHER else 0.0,
    )


def _level(losses: Array) -> float:
    if not len(losses):
        return nan
    return float(losses.mean()) if np.isfinite(losses).all() else inf
