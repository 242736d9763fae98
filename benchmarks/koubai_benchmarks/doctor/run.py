"""Running the benchmark: every case over its seeds, labeled by outcome against its fixed twin."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from math import isfinite, sqrt
from typing import Any

import numpy as np

from koubai.doctor.diagnose import consult
from koubai.doctor.patient.patient import Patient
from koubai.doctor.visit.consultation import Consultation
from koubai.doctor.visit.finding import Finding
from koubai.doctor.visit.reference import chance_of
from koubai.doctor.visit.session_patient import session_patient
from koubai.train.recipe import Recipe
from koubai.train.session import Session
from koubai.train.train import default_observation
from koubai_benchmarks.doctor.baselines import autotrainer, debugger
from koubai_benchmarks.doctor.case import Case

LOOKS = (0.25, 0.5, 0.75, 1.0)  # shares of a run at which the doctor is asked
BASELINES: dict[str, Callable[[Patient], list[str]]] = {"autotrainer": autotrainer, "debugger": debugger}


@dataclass(frozen=True)
class CaseRow:
    """One run and what was said of it.

    | label   | meaning                                                                                |
    |---------|----------------------------------------------------------------------------------------|
    | faulty  | a sick recipe that ended worse than its twin under the same seed                       |
    | lucky   | a sick recipe that ended no worse: neither sick nor healthy, counted on its own        |
    | healthy | a control, or a fixed twin that learned                                                |
    | unfixed | a twin that did not learn under this seed (XOR in a local minimum): not counted        |
    """

    case: str
    family: str
    seed: int
    label: str
    names: tuple[str, ...]
    layer: str | None
    layer_distance: int | None
    first_alarm: float | None
    remedy: str | None
    skill: float
    twin_skill: float
    steps_spent: float
    seconds: float
    baselines: dict[str, tuple[str, ...]]
    confidence: float | None = None  # in the first name

    @property
    def alarm(self) -> bool:
        """Whether anything was said at any look."""
        return self.first_alarm is not None


def run_cases(
    cases: Iterable[Case],
    *,
    seeds: int | None = None,
    budget: float = 30.0,
    engine: str = "auto",
    threads: int = 1,
) -> Iterator[CaseRow]:
    """Yield a row a run: the sick recipe (or control) and, for a sick case, its twin too.

    `seeds` limits the seeds of each case.

    Raises:
        DataError: the data of a case are not there.
    """
    for case in cases:
        for seed in case.seeds[:seeds]:
            yield from run_seed(case, seed, budget=budget, engine=engine, threads=threads)


def run_seed(case: Case, seed: int, *, budget: float, engine: str, threads: int) -> Iterator[CaseRow]:
    """Yield the rows of one case under one seed."""
    began = time.perf_counter()
    first = examine_run(case.sick(seed), budget=budget, engine=engine, threads=threads)
    seconds = time.perf_counter() - began
    if case.healthy:
        yield _row(case, seed, "healthy", first, float("nan"), seconds)
        return
    began = time.perf_counter()
    second = examine_run(case.twin(seed), budget=budget, engine=engine, threads=threads)
    twin_seconds = time.perf_counter() - began
    label = "faulty" if is_worse(first, second) else "lucky"
    yield _row(case, seed, label, first, second.skill, seconds)
    twin_label = "healthy" if learned(second) else "unfixed"
    yield _row(replace(case, id=f"{case.id} fixed"), seed, twin_label, second, float("nan"), twin_seconds)


@dataclass(frozen=True)
class Examined:
    """One run under the doctor's eyes; `target_scale` is the unit of its losses."""

    patient: Patient
    skill: float
    held_loss: float
    noise: float
    findings: tuple[Finding, ...]
    first_alarm: float | None
    steps_spent: float
    target_scale: str = "raw"


def examine_run(recipe: Recipe, *, budget: float, engine: str, threads: int) -> Examined:
    """Train a recipe, asking the doctor at every look; the last one has the budget."""
    session = Session(recipe, engine=engine, threads=threads, observation=default_observation(recipe))
    findings: list[Finding] = []
    first_alarm = None
    patient = session_patient(session, budget=0)
    with np.errstate(all="ignore"):
        session.record_scores()
        for look in LOOKS:
            _advance(session, round(look * recipe.steps))
            last = look == LOOKS[-1] or session.stopped_by is not None
            patient = session_patient(session, budget=budget if last else 0, first=patient.first)
            findings = consult(Consultation(patient))
            if first_alarm is None and any(finding.alarm for finding in findings):
                first_alarm = session.step / recipe.steps
            if last:
                break
    held = patient.held_skill
    chance = chance_of(patient.data)
    left = patient.clinic.left if patient.clinic is not None else 0
    held_loss = patient.score(f"{patient.held}_loss") if patient.held is not None else None
    return Examined(
        patient,
        max(held, -1.0) if isfinite(held) else chance,
        held_loss if held_loss is not None else float("nan"),
        _noise(patient),
        tuple(findings),
        first_alarm,
        (int(budget * recipe.steps) - left) / recipe.steps,
        recipe.data.target_scale,
    )


def _noise(patient: Patient) -> float:
    """Standard error of a held-out skill: of a share where there are classes and enough samples."""
    n = len(patient.data.t_held) if patient.data.t_held is not None else 0
    if patient.data.classes is None or n < 40:
        return 0.01
    p = min(max(patient.held_skill, 0.5), 0.95) if isfinite(patient.held_skill) else 0.5
    return sqrt(p * (1 - p) / n)


def _advance(session: Session, until: int) -> None:
    """Train to a step, evaluating when due."""
    every = session.observation.evaluate_every
    while session.step < until and session.stopped_by is None:
        due = every - session.step % every if every else until
        session.advance(min(due, until - session.step))
        if every and session.step % every == 0:
            session.record_scores()


def is_worse(sick: Examined, twin: Examined) -> bool:
    """Whether a run ended worse than its twin.

    In skill by more than .02 and by more than chance explains (1.96 standard errors of the difference); or,
    where both have the same loss in the same units, with a held-out loss a quarter higher and a skill not
    surely better.
    """
    if twin.skill - sick.skill > max(0.02, 1.96 * sqrt(2) * sick.noise):
        return True
    same_loss = sick.patient.loss == twin.patient.loss and sick.target_scale == twin.target_scale
    return same_loss and sick.held_loss > 1.25 * twin.held_loss and sick.skill < twin.skill + sick.noise


def learned(twin: Examined) -> bool:
    """Whether a twin's fix worked under this seed: it stands above chance by half of what is left to 1."""
    chance = chance_of(twin.patient.data)
    return twin.skill > chance + 0.5 * (1 - chance) - 2 * twin.noise


def _row(case: Case, seed: int, label: str, seen: Examined, twin_skill: float, seconds: float) -> CaseRow:
    alarms = [finding for finding in seen.findings if finding.alarm]
    return CaseRow(
        case=case.id,
        family=case.family,
        seed=seed,
        label=label,
        names=tuple(finding.name for finding in alarms),
        layer=alarms[0].layer if alarms else None,
        layer_distance=layer_distance(seen.patient, alarms[0].layer, case.layer) if alarms else None,
        first_alarm=seen.first_alarm,
        remedy=alarms[0].remedies[0] if alarms and alarms[0].remedies else None,
        skill=seen.skill,
        twin_skill=twin_skill,
        steps_spent=seen.steps_spent,
        seconds=seconds,
        baselines={name: tuple(rules(seen.patient)) for name, rules in BASELINES.items()},
        confidence=alarms[0].confidence if alarms else None,
    )


def layer_distance(patient: Patient, named: str | None, right: str | None) -> int | None:
    """Return how many weighted layers lie between two places; None if either is no layer of the network."""
    blocks: dict[str, int] = {}
    block = 0
    for layer in patient.layers:
        block += layer.mixes
        blocks[layer.path] = block
    return abs(blocks[named] - blocks[right]) if named in blocks and right in blocks else None


def to_dict(row: CaseRow) -> dict[str, Any]:
    """Return a row as plain values."""
    plain = {**row.__dict__, "names": list(row.names), "alarm": row.alarm}
    plain["baselines"] = {name: list(names) for name, names in row.baselines.items()}
    return {k: (None if isinstance(v, float) and not isfinite(v) else v) for k, v in plain.items()}
