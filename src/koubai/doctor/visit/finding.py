"""Finding: what is wrong, as a value that explains itself."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from koubai.core.params import Array
from koubai.doctor.patient.beside import levels
from koubai.doctor.patient.clinic import Trial
from koubai.doctor.patient.place import Place

SEVERITIES = ("info", "warn", "severe")


@dataclass(frozen=True)
class Measure:
    """One number of the evidence, with the threshold it is held against beside it.

    `name` is an entry of words/doctor.toml under `measure`. `above` says on which side of the threshold the
    number is sick; a measure without threshold is there to be read.
    """

    name: str
    value: float
    threshold: float | None = None
    above: bool = True

    @property
    def sick(self) -> bool:
        """Whether the number lies on the sick side."""
        if self.threshold is None:
            return False
        return self.value > self.threshold if self.above else self.value < self.threshold


@dataclass(frozen=True)
class Considered:
    """Another diagnosis that was thought of, and why it is not the name given.

    | reason      | meaning                                                          |
    |-------------|------------------------------------------------------------------|
    | follows     | it is there, and follows from this finding                       |
    | less_likely | it is there too; the evidence for this finding is stronger       |
    | not_cured   | its sign is there, but treating it did not help (`relief`)       |
    | no_harm     | its sign is there, but the run does not suffer from it           |
    | too_short   | its sign is there, but the run is too short to tell without one  |
    |             | of its treatments tried                                          |
    """

    name: str
    reason: str
    relief: float | None = None


@dataclass(frozen=True)
class Finding:
    """One diagnosis of one run.

    | field      | meaning                                                                              |
    |------------|--------------------------------------------------------------------------------------|
    | code, name | K003, vanishing_gradient: what `koubai explain` takes                                |
    | severity   | info: to know; warn: the run does worse than it should; severe: it learns hardly at all, |
    |            | and that is known (`diagnosis.severity_of`)                                          |
    | layer      | path of the first bad layer, or None for the whole run                               |
    | place      | line of the user's program it is about, where there is one and it is known          |
    | first_step | first update at which the sign is seen; 0 = in the initial weights                   |
    | measures   | the numbers, each with its threshold                                                 |
    | series     | curves for a figure, by name: (steps, values)                                        |
    | trials     | the interventions that were tried for it                                             |
    | certain    | whether the sign alone proves the name                                               |
    | relief     | share of the missing skill that the best treatment brought in a trial, or None       |
    | reliefs    | the same of every remedy that was tried for it, by name                              |
    | confidence | share of such names that were right on programs from outside (`diagnosis.confidence_of`) |
    | suspected  | whether only a sign speaks for this cause, and no trial on this run confirms it        |
    | considered | other diagnoses and why not                                                          |
    | remedies   | names of remedies, the first to be tried first                                       |
    | details    | values for the sentences about it                                                    |
    """

    code: str
    name: str
    severity: str
    layer: str | None = None
    place: Place | None = None
    first_step: int | None = None
    measures: tuple[Measure, ...] = ()
    confidence: float = 0.5
    suspected: bool = False
    certain: bool = False
    relief: float | None = None
    reliefs: Mapping[str, float] = field(default_factory=dict)
    considered: tuple[Considered, ...] = ()
    remedies: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    series: Mapping[str, tuple[Array, Array]] = field(default_factory=dict, repr=False)
    trials: tuple[Trial, ...] = field(default=(), repr=False)

    @property
    def alarm(self) -> bool:
        """Whether it is more than information."""
        return self.severity != "info"

    def at_least(self, severity: str) -> bool:
        """Whether this finding is as severe as `severity` or more."""
        return SEVERITIES.index(self.severity) >= SEVERITIES.index(severity)

    def _repr_html_(self) -> str:
        from koubai.doctor.answer.markup import findings_html

        return findings_html([self])

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that standard JSON can hold (NaN and infinities as strings)."""
        return {
            "code": self.code,
            "name": self.name,
            "severity": self.severity,
            "layer": self.layer,
            "place": self.place.to_dict() if self.place is not None else None,
            "first_step": self.first_step,
            "confidence": _plain(self.confidence),
            "suspected": self.suspected,
            "relief": _plain(self.relief),
            "evidence": [
                {
                    "measure": m.name,
                    "value": _plain(m.value),
                    "threshold": _plain(m.threshold),
                    "sick": "above" if m.above else "below",
                }
                for m in self.measures
            ],
            "trials": [trial_values(trial) for trial in self.trials],
            "considered": [
                {"name": c.name, "reason": c.reason, "relief": _plain(c.relief)} for c in self.considered
            ],
            "remedies": list(self.remedies),
            "details": {key: _plain(value) for key, value in self.details.items()},
            "series": {
                name: {"steps": [int(s) for s in steps], "values": [_plain(float(v)) for v in values]}
                for name, (steps, values) in self.series.items()
            },
        }


def trial_values(trial: Trial) -> dict[str, Any]:
    """Return a trial as plain values."""
    return {
        "change": str(trial.change),
        "start": trial.start,
        "steps": len(trial.losses),
        "train_skill": _plain(trial.train_skill),
        "held_skill": _plain(trial.held_skill),
        "way": trial.way,
        **_compared(trial),
    }


def _compared(trial: Trial) -> dict[str, Any]:
    """Return what a short trial is compared with: the unchanged run over the same updates."""
    if trial.beside is None:
        return {}
    reached = levels(trial)
    return {
        "loss": _plain(reached.changed),
        "unchanged_loss": _plain(reached.unchanged),
        "run_loss": _plain(reached.run),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
