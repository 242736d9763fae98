"""Scores of the benchmark: shares with exact intervals, a confusion table, the baselines beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from koubai_benchmarks.doctor.calibration import Bin, calibration
from koubai_benchmarks.doctor.case import Case
from koubai_benchmarks.doctor.run import BASELINES, CaseRow, to_dict
from koubai_benchmarks.doctor.share import Share


@dataclass(frozen=True)
class Scores:
    """What `koubai doctor bench` prints.

    | field              | share of                                                                      |
    |--------------------|-------------------------------------------------------------------------------|
    | healthy_alarm_rate | healthy runs with an alarm at any look                                        |
    | detection          | faulty runs with a finding at the end                                         |
    | top1, top2         | faulty runs whose first (or second) name is right                             |
    | layer_within_one   | faulty runs with a right first name whose layer is off by one at most         |
    """

    healthy_alarm_rate: Share
    detection: Share
    top1: Share
    top2: Share
    layer_within_one: Share
    lucky_alarm_rate: Share
    alarm_at: float | None  # median over faulty runs of the share of the run at the first alarm
    steps_spent: float | None  # median over faulty runs of training spent on trials, in runs

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            name: value.to_dict() if isinstance(value, Share) else value
            for name, value in self.__dict__.items()
        }


def score(rows: Sequence[CaseRow], cases: Iterable[Case], system: str = "koubai") -> Scores:
    """Score one system ("koubai" or a baseline) on the rows of a benchmark."""
    accept = {case.id: case.accept for case in cases}
    healthy = [row for row in rows if row.label == "healthy"]
    faulty = [row for row in rows if row.label == "faulty"]
    lucky = [row for row in rows if row.label == "lucky"]
    named = [(row, names_of(row, system)) for row in faulty]
    right = [row for row, names in named if names[:1] and names[0] in accept[row.case]]
    placed = [row for row in right if row.layer_distance is not None] if system == "koubai" else []
    alarms = [row.first_alarm for row in faulty if row.first_alarm is not None]
    return Scores(
        Share(sum(_alarmed(row, system) for row in healthy), len(healthy)),
        Share(sum(bool(names) for _, names in named), len(faulty)),
        Share(len(right), len(faulty)),
        Share(sum(bool(accept[row.case] & set(names[:2])) for row, names in named), len(faulty)),
        Share(sum(row.layer_distance in (0, 1) for row in placed), len(placed)),
        Share(sum(_alarmed(row, system) for row in lucky), len(lucky)),
        float(np.median(alarms)) if alarms else None,
        float(np.median([row.steps_spent for row in faulty])) if faulty else None,
    )


def names_of(row: CaseRow, system: str) -> tuple[str, ...]:
    """Return the names a system gave at the end of a run."""
    return row.names if system == "koubai" else row.baselines[system]


def _alarmed(row: CaseRow, system: str) -> bool:
    return row.alarm if system == "koubai" else bool(row.baselines[system])


def confusion(rows: Sequence[CaseRow]) -> dict[str, dict[str, int]]:
    """Return case -> first name -> count over faulty runs ('silent' for none)."""
    table: dict[str, Counter[str]] = {}
    for row in rows:
        if row.label == "faulty":
            table.setdefault(row.case, Counter())[row.names[0] if row.names else "silent"] += 1
    return {case: dict(counts) for case, counts in table.items()}


def calibration_of(rows: Iterable[CaseRow], cases: Iterable[Case]) -> list[Bin]:
    """Return the calibration of the first names: on a healthy run none is right."""
    accept = {case.id: case.accept for case in cases}
    return calibration(
        (row.confidence, row.label == "faulty" and row.names[0] in accept[row.case])
        for row in rows
        if row.confidence is not None and row.label in ("faulty", "healthy")
    )


def report(
    rows: Sequence[CaseRow], cases: Sequence[Case], extra: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the benchmark's whole result as plain values; by family and by split too."""
    families = sorted({row.family for row in rows})
    splits = {case.id: case.split for case in cases}
    by_split = {
        split: [row for row in rows if splits.get(row.case.removesuffix(" fixed")) == split]
        for split in sorted(set(splits.values()))
    }
    return {
        **score(rows, cases).to_dict(),
        **(extra or {}),
        "baselines": _baselines(rows, cases),
        "families": {
            family: score([row for row in rows if row.family == family], cases).to_dict()
            for family in families
        },
        "splits": {
            split: {**score(part, cases).to_dict(), "baselines": _baselines(part, cases)}
            for split, part in by_split.items()
        },
        "confusion": confusion(rows),
        "calibration": [one.to_dict() for one in calibration_of(rows, cases)],
        "cases": [to_dict(row) for row in rows],
    }


def _baselines(rows: Sequence[CaseRow], cases: Sequence[Case]) -> dict[str, Any]:
    return {name: score(rows, cases, name).to_dict() for name in BASELINES}
