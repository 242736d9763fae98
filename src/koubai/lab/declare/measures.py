"""Measures: how a score is called, written, and which end of it is the good one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from koubai.core.params import Array
from koubai.core.statistics import Interval, mean_intervals
from koubai.words import entries, say

_SHARES = (
    *("gap", "zero_weights", "small_weights", "zero_activations", "distinct_units"),
    *("chance", "chance_limit"),
    *("global_share", "passed_shallow", "left_deep"),
)
_LOWER_IS_BETTER = ("loss", "gap", "distance", "final_value", "error", "steps_near_saddle")
_EXACT = (
    *("parameters", "multiply_adds", "columns", "error"),
    *("distance", "final_value", "turns", "steps_near_saddle"),
)
_COUNTS = (
    "parameters",
    "multiply_adds",
    "columns",
    "turns",
    "steps_near_saddle",
    "good_rates",
    "shared_rates",
)
_LARGE = 1000  # from which a count is written in full

MEASURES = (
    *(f"{part}_{score}" for part in ("test", "train", "val") for score in ("accuracy", "loss")),
    "gap",
    "first_to_last_gradient",
    "first_to_last_gradient_later",
    "first_to_last_weight_gradient",
    "weight_factor",
    "derivative_factor",
    "gradient_factor",
    "last_to_first_activation",
    "zero_activations",
    "off_center",
    "weight_norm",
    "bias_norm",
    "zero_weights",
    "small_weights",
    "distinct_units",
    "chance",
    "chance_limit",
    "parameters",
    "multiply_adds",
)
"""The scores of a training run; which of them it has depends on its data and its network."""


@dataclass(frozen=True)
class Measured:
    """A number of a measure as a learner reads it: accuracy in percent, else three digits.

    A signed number is a difference; that of two shares is in percentage points, as a gap always is.
    """

    measure: str
    value: float
    signed: bool = False

    def say(self, lang: str | None = None) -> str:
        """Return the number as text."""
        if is_share(self.measure):
            if self.signed or self.measure == "gap":
                sign = "+" if self.signed else ""
                return say("lab.points", lang, points=f"{100 * self.value:{sign}.1f}")
            return f"{self.value:.1%}"
        sign = "+" if self.signed else ""
        if is_exact(self.measure) and abs(self.value) >= _LARGE:
            return f"{self.value:{sign},.0f}"
        return f"{self.value:{sign}.3g}"


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


def interval_of(measure: str, values: Sequence[float], *, differences: bool = False) -> Interval | None:
    """Return the interval of a mean, without what no such mean can be; None for fewer than two values.

    Few seeds give wide intervals: a share ends at 0 and 1 all the same, a difference of shares at -1 and 1.

    >>> found = interval_of("test_accuracy", [0.9, 1.0])
    >>> round(found.low, 3), found.high
    (0.315, 1.0)
    """
    return intervals_of(measure, np.array([values], float), differences=differences)[0]


def intervals_of(measure: str, rows: Array, *, differences: bool = False) -> list[Interval | None]:
    """Return the same of every row, (k, n)."""
    made = mean_intervals(rows)
    if not is_share(measure):
        return made
    least = -1.0 if differences or measure == "gap" else 0.0
    return [found and replace(found, low=max(found.low, least), high=min(found.high, 1.0)) for found in made]


def is_exact(measure: str) -> bool:
    """Return whether nothing random is in a measure, so that one run decides: counts, and descents."""
    return measure in _EXACT


def degree(measure: str) -> str:
    """Return how one says which is the top: "high" for shares, "count" for what is counted, else "large"."""
    if measure in _COUNTS:
        return "count"
    return "high" if is_share(measure) and measure != "gap" else "large"


def factor_name(factor: str, lang: str | None = None) -> str:
    """Return what a learner calls an experiment's factor; one of a user's own keeps its name."""
    name = factor.rsplit(".", 1)[-1].replace("_", " ")
    key = "factor." + re.sub(r"\W+", "_", name)
    return say(f"lab.{key}", lang) if key in entries("lab") else name


def lower_is_better(measure: str) -> bool:
    """Return whether the small numbers of a measure are the good ones."""
    return measure.endswith(_LOWER_IS_BETTER)
