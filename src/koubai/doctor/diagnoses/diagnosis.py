"""Diagnosis: a sign that is cheap to see, then confirmation by harm and by trial. To add one, add a file.

Every diagnosis module has a docstring with the same headings, from which the documentation is made:
What it is / Why it hurts / How it shows / Confused with / Sick recipe / Healthy look-alike / Remedies /
References. A threshold is a constant of the module. That docstring and words/diagnoses.toml do not repeat its
number, they have a slot for it: `{severe:.0%}` for `_SEVERE`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from koubai.core.params import Array
from koubai.core.registry import Registry
from koubai.doctor.patient.clinic import Trial
from koubai.doctor.patient.patient import Patient
from koubai.doctor.patient.place import place_of
from koubai.doctor.visit.consultation import Consultation
from koubai.doctor.visit.finding import Considered, Finding, Measure
from koubai.words import say

DIAGNOSES = Registry("diagnosis")
CURED = 0.3  # relief from which on a treatment speaks for the diagnosis it treats
SURE = 0.7  # relief from which on no other treatment need be tried


@dataclass(frozen=True)
class Sign:
    """What made a diagnosis think of itself: numbers, a layer, a step.

    `certain` means that the sign alone proves the name (equal rows, a softmax of one unit): harm is enough
    to confirm it, no trial is needed. `measured` means that the name says no more than what was measured, and
    that nothing can be learned with it: a loss that is NaN, no update at all. `note` means that it is told,
    as information, where it does no harm that is known. `by_hand` means a fault that no
    recipe can have, only a program: no remedy of the catalog treats it. `points_at` are roles of lines
    that this sign is about, before those of the name.
    """

    measures: tuple[Measure, ...] = ()
    layer: str | None = None
    first_step: int | None = None
    severity: str = ""
    certain: bool = False
    measured: bool = False
    note: bool = False
    by_hand: bool = False
    points_at: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    series: Mapping[str, tuple[Array, Array]] = field(default_factory=dict)


@dataclass(frozen=True)
class Diagnosis:
    """Base of all diagnoses.

    | attribute | meaning                                                                                |
    |-----------|----------------------------------------------------------------------------------------|
    | code      | stable: K001 ...                                                                       |
    | aliases   | other names people use, English and Japanese                                           |
    | depth     | how near to the root: 0 what the user wrote (data, labels, output), 1 initial weights, |
    |           | 2 learning rate, 3 architecture, 4 symptom                                             |
    | is_harm   | its sign is harm by itself, however well the run does                                  |
    | describes | it says what was measured, and blames nothing: it cannot be a mere suspicion           |
    | explains  | symptoms that follow from this one                                                     |
    | remedies  | registry names, in order                                                               |
    | experiment | the experiment of the lab that shows it, as `koubai run` takes it                      |
    | points_at | which line of a program it is about: the first of these roles that is known             |
    | specific  | those of them that cure this and little else: their relief confirms the name (None: all) |
    """

    registry_name: ClassVar[str] = ""
    code: ClassVar[str]
    aliases: ClassVar[tuple[str, ...]] = ()
    depth: ClassVar[int] = 4
    is_harm: ClassVar[bool] = False
    describes: ClassVar[bool] = False
    explains: ClassVar[tuple[str, ...]] = ()
    remedies: ClassVar[tuple[str, ...]] = ()
    specific: ClassVar[tuple[str, ...] | None] = None
    points_at: ClassVar[tuple[str, ...]] = ("layer", "loss", "backward", "model")
    experiment: ClassVar[str | None] = None

    @property
    def limits(self) -> dict[str, float]:
        """The numbers of its module that have a name: `_WARN = 0.2` is {"warn": 0.2}."""
        found = vars(sys.modules[type(self).__module__]).items()
        return {
            name.strip("_").lower(): value
            for name, value in found
            if name.isupper() and isinstance(value, int | float)
        }

    def words(self, part: str, lang: str | None = None) -> str:
        """Return what words/diagnoses.toml says of it, with its limits in their slots."""
        return say(f"diagnoses.{self.registry_name}.{part}", lang, **self.limits)

    def sign(self, visit: Consultation) -> Sign | None:
        """Return what speaks for this diagnosis, from records alone; None if nothing does."""
        raise NotImplementedError

    def harm(self, visit: Consultation, sign: Sign) -> bool:
        """Whether the run suffers: by default, whether it does clearly worse than simple learners."""
        return self.is_harm or visit.harmed

    def treat(self, visit: Consultation, sign: Sign) -> list[tuple[str, Trial | None]]:
        """Try remedies, named, until one helps; by default the specific ones.

        A diagnosis without remedies tries none: only the program, or whoever made the data, can mend it.
        """
        return until_sure(self, visit, self.remedies if self.specific is None else self.specific)

    def relief(self, visit: Consultation, trial: Trial) -> float:
        """How much a trial helped, in [0, 1]: by default, the share of the missing skill that it brought."""
        return visit.relief(trial) or 0.0

    def examine(self, visit: Consultation) -> Finding | Considered | None:
        """Return a finding, or what was considered and rejected, or None without any sign."""
        sign = self.sign(visit)
        if sign is None:
            return None
        if not self.harm(visit, sign):
            return self._harmless(visit, sign)
        tried = [(name, trial) for name, trial in self.treat(visit, sign) if trial is not None]
        reliefs = {name: self.relief(visit, trial) for name, trial in tried}
        relief = max(reliefs.values(), default=None)
        if relief is not None and relief < CURED and not sign.certain:
            return Considered(self.registry_name, "not_cured", relief)
        alone = relief is None and not (sign.certain or sign.measured)
        if alone and (visit.too_short or not self.stands_alone(visit, sign)):
            return Considered(self.registry_name, "too_short") if visit.too_short else None
        return self.finding(visit, sign, relief, reliefs, tuple(trial for _, trial in tried))

    def _harmless(self, visit: Consultation, sign: Sign) -> Finding | Considered:
        """Return what to say of a sign that does no harm that is known."""
        if sign.note:
            return self.finding(visit, replace(sign, severity="info"), None, {})
        return Considered(self.registry_name, "no_harm")

    def stands_alone(self, visit: Consultation, sign: Sign) -> bool:
        """Whether the sign and the harm are enough where nothing can be tried."""
        return True

    def may_follow(self, finding: Finding, root: Finding) -> bool:
        """Whether a finding of this name may follow from one that explains it; by default it may."""
        return True

    def told(self, sign: Sign, reliefs: Mapping[str, float]) -> Sign:
        """Return the sign with what the trials have added to what it says; by default nothing."""
        return sign

    def finding(
        self,
        visit: Consultation,
        sign: Sign,
        relief: float | None,
        reliefs: Mapping[str, float],
        trials: tuple[Trial, ...] = (),
    ) -> Finding:
        """Return the finding; remedies that helped come first, the best of them at the head."""
        sign = self.told(sign, reliefs)
        order = sorted(
            self._to_list(visit.patient, reliefs), key=lambda name: -round(reliefs.get(name, 0.0), 1)
        )
        severity = severity_of(sign, visit.shortfall, relief)
        proven = sign.certain or sign.measured or self.describes
        return Finding(
            code=self.code,
            name=self.registry_name,
            severity=severity,
            layer=sign.layer,
            place=place_of(visit.patient.places, sign.layer, (*sign.points_at, *self.points_at)),
            first_step=sign.first_step,
            measures=(*sign.measures, *harm_measures(visit)),
            confidence=confidence_of(relief, proven=proven),
            suspected=relief is None and not proven and severity != "info",
            certain=sign.certain,
            relief=relief,
            reliefs=reliefs,
            remedies=() if sign.by_hand else tuple(order),
            details={"skill": visit.skill, "goal": visit.goal, **sign.details},
            series=sign.series,
            trials=trials,
        )

    def _to_list(self, patient: Patient, tried: Mapping[str, float]) -> list[str]:
        """Return the remedies that were tried, and those that have something to change."""
        from koubai.doctor.remedies import REMEDIES

        return [name for name in self.remedies if name in tried or REMEDIES[name]().has_room(patient)]


def severity_of(sign: Sign, shortfall: float, relief: float | None) -> str:
    """The one rule of how severe a finding is: severe only of what is known, never of a guess.

    | severity | when                                                                                     |
    |----------|------------------------------------------------------------------------------------------|
    | severe   | more than half is missing (or the sign says so), and a treatment was tried and helped;   |
    |          | or the name says no more than what was measured, and nothing can be learned with it      |
    | warn     | every other harm: the sign speaks for the name, and nothing that was tried confirms it   |
    | info     | where the sign says so: good to know, harm is not known                                  |
    """
    wanted = sign.severity or ("severe" if shortfall > 0.5 else "warn")
    confirmed = sign.measured or (relief is not None and relief >= CURED)
    return "warn" if wanted == "severe" and not confirmed else wanted


def until_sure(
    diagnosis: Diagnosis, visit: Consultation, remedies: Iterable[str]
) -> list[tuple[str, Trial | None]]:
    """Try remedies in order, until one helps so much that no other need be tried."""
    tried: list[tuple[str, Trial | None]] = []
    for name in remedies:
        trial = visit.remedy(name)
        tried.append((name, trial))
        if trial is not None and diagnosis.relief(visit, trial) >= SURE:
            break
    return tried


def confidence_of(relief: float | None, *, proven: bool) -> float:
    """Return about how often names given on such evidence were right, on programs from outside.

    | evidence                                               | right    | confidence |
    |--------------------------------------------------------|----------|------------|
    | a sign that leaves room for other names, nothing tried | 7 of 23  | .25        |
    | a sign that proves itself, or a trial that helped      | 77 of 87 | .9         |
    | a trial that helped so much that no other was needed   | 16 of 17 | .95        |

    Measured: the first names on five sets of sealed programs when they were opened (docs/doctor-diary.md).
    `proven` also are names that only describe what was measured: of these there were too few to count.
    """
    if relief is not None and relief >= SURE:
        return 0.95
    return 0.9 if proven or relief is not None else 0.25


def harm_measures(visit: Consultation) -> tuple[Measure, ...]:
    """The numbers of the harm: what the run reached, and what is within reach."""
    if not visit.harmed or visit.reach is None:
        return (Measure("skill", visit.skill),) if visit.skill_known else ()
    return (Measure("skill", visit.skill, visit.goal, above=False),)


def known() -> dict[str, Diagnosis]:
    """Return one of each diagnosis, by name."""
    return {name: cls() for name, cls in DIAGNOSES.items()}
