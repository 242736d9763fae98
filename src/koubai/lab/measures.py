"""Measures: how a score is called, written, and which end of it is the good one."""

from __future__ import annotations

from dataclasses import dataclass

from koubai.words import entries, say

_SHARES = ("gap", "zero_weights", "distinct_units", "chance")
_LOWER_IS_BETTER = ("loss", "gap", "distance", "final_value")


@dataclass(frozen=True)
class Measured:
    """A number of a measure as a learner reads it: accuracy in percent, else three digits.

    A signed number is a difference; that of two shares is in percentage points.
    """

    measure: str
    value: float
    signed: bool = False

    def say(self, lang: str | None = None) -> str:
        """Return the number as text."""
        if is_share(self.measure):
            if self.signed:
                return say("lab.points", lang, points=f"{100 * self.value:+.1f}")
            return f"{self.value:.1%}"
        return f"{self.value:{'+' if self.signed else ''}.3g}"


@dataclass(frozen=True)
class MeasureName:
    """A measure's name for a learner; a user's own measure keeps its own."""

    measure: str

    def say(self, lang: str | None = None) -> str:
        """Return the name."""
        known = f"measure.{self.measure}" in entries("lab")
        return say(f"lab.measure.{self.measure}", lang) if known else self.measure.replace("_", " ")


@dataclass(frozen=True)
class Duration:
    """A stretch of time, said in seconds, minutes or hours."""

    seconds: float

    def say(self, lang: str | None = None) -> str:
        """Return the time in its natural unit."""
        for unit, length, limit in (
            ("seconds", 1, 100),
            ("minutes", 60, 6000),
            ("hours", 3600, float("inf")),
        ):
            if self.seconds < limit:
                count = self.seconds / length
                return say(f"lab.time.{unit}", lang, count=f"{count:.2g}" if count < 10 else f"{count:.0f}")
        raise ValueError(f"not a stretch of time: {self.seconds}")


def is_share(measure: str) -> bool:
    """Return whether a measure is a share of samples."""
    return measure.endswith("accuracy") or measure in _SHARES


def lower_is_better(measure: str) -> bool:
    """Return whether the small numbers of a measure are the good ones."""
    return measure.endswith(_LOWER_IS_BETTER)
