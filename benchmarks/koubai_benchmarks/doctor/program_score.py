"""Scores of the doctor on programs, labeled by outcome.

A first name is the first finding at a warning or above.

| measure         | share of                                                                               |
|-----------------|----------------------------------------------------------------------------------------|
| alarms          | healthy runs with a finding                                                            |
| detected        | faulty runs with a finding                                                             |
| right_first     | faulty runs whose first name is right; where no name is, none is right                 |
| right_named     | the same, of those for which the doctor has a name                                     |
| right_two       | faulty runs with a right name among the first two                                      |
| called_healthy  | faulty runs that were called healthy                                                   |
| not_judged      | faulty and healthy runs of which the doctor said that it could not judge               |
| harmful         | faulty and healthy runs with harmful advice (below)                                    |
| broken          | runs of any label whose exit code or prints the doctor changed, that it did not answer |
|                 | for, or that took too long under it                                                    |

**Harmful advice** is a first name that is not right (on a healthy run none is) and whose remedies no trial
has shown to help (a relief of `CURED` or more). A name that says that the cause was not found gives no
advice of its own and is not counted. Each counts twice in `harmful_doubled`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from koubai.doctor.diagnoses.diagnosis import CURED
from koubai_benchmarks.doctor.calibration import Bin, calibration
from koubai_benchmarks.doctor.program import Program, hash_of
from koubai_benchmarks.doctor.program_run import CostRow, ProgramRow
from koubai_benchmarks.doctor.share import Share

CLEARLY = 0.05
"""A metric is clearly worse than the twin's by more than this share of the larger of both."""
LONG = 2.0
"""CPU seconds from which on a program tells what watching costs; a shorter one tells what starting costs."""
_NO_CAUSE = "not_learning"


@dataclass(frozen=True)
class Labeled:
    """A run with its label.

    | label   | meaning                                                                           |
    |---------|-----------------------------------------------------------------------------------|
    | faulty  | of a faulty program, and it ended clearly worse than its twin under the same seed |
    | lucky   | of a faulty program that ended no worse: not counted                              |
    | healthy | of a healthy program, or a twin                                                   |
    | failed  | of a healthy program or a twin that ended with an error: not counted              |
    """

    row: ProgramRow
    program: Program
    label: str

    @property
    def first(self) -> str | None:
        """The first name."""
        return self.row.found[0].name if self.row.found else None

    def right(self, names: int) -> bool:
        """Whether a right name is among the first ones."""
        return self.label == "faulty" and any(f.name in self.program.accept for f in self.row.found[:names])

    @property
    def harmful(self) -> bool:
        """Whether the first name is harmful advice."""
        if not self.row.found or self.right(1) or self.first == _NO_CAUSE:
            return False
        relief = self.row.found[0].relief
        return relief is None or relief < CURED


def is_worse(metric: float | None, twin: float | None, *, higher: bool) -> bool:
    """Whether a metric is clearly worse than the twin's; none is the worst of all.

    >>> is_worse(0.90, 0.97, higher=True), is_worse(0.95, 0.97, higher=True)
    (True, False)
    >>> is_worse(None, 0.5, higher=False)
    True
    """
    if metric is None or twin is None:
        return metric is None and twin is not None
    gap = twin - metric if higher else metric - twin
    return gap > CLEARLY * max(abs(metric), abs(twin))


def labeled(rows: Iterable[ProgramRow], programs: Iterable[Program]) -> list[Labeled]:
    """Return the rows with their labels; those of a faulty program without its twin's row are left out."""
    by_id = {program.id: program for program in programs}
    by_key = {row.key: row for row in rows}
    found = []
    for row in by_key.values():
        program = by_id[row.program]
        if not program.faulty or row.fixed:
            found.append(Labeled(row, program, "healthy" if row.code == 0 else "failed"))
        elif (twin := by_key.get((row.program, row.seed, True))) is not None:
            worse = is_worse(row.metric, twin.metric, higher=program.higher)
            found.append(Labeled(row, program, "faulty" if worse else "lucky"))
    return found


def score(runs: Sequence[Labeled]) -> dict[str, Share]:
    """Return the shares."""
    faulty = [run for run in runs if run.label == "faulty"]
    healthy = [run for run in runs if run.label == "healthy"]
    both = faulty + healthy
    return {
        "alarms": Share(sum(bool(run.row.found) for run in healthy), len(healthy)),
        "detected": Share(sum(bool(run.row.found) for run in faulty), len(faulty)),
        "right_first": Share(sum(run.right(1) for run in faulty), len(faulty)),
        "right_named": Share(
            sum(run.right(1) for run in faulty), sum(bool(run.program.accept) for run in faulty)
        ),
        "right_two": Share(sum(run.right(2) for run in faulty), len(faulty)),
        "called_healthy": Share(sum(run.row.verdict == "healthy" for run in faulty), len(faulty)),
        "not_judged_faulty": Share(sum(run.row.verdict == "not_judged" for run in faulty), len(faulty)),
        "not_judged_healthy": Share(sum(run.row.verdict == "not_judged" for run in healthy), len(healthy)),
        "harmful": Share(sum(run.harmful for run in both), len(both)),
        "broken": Share(sum(bool(run.row.broken) for run in runs), len(runs)),
    }


def calibration_of(runs: Iterable[Labeled]) -> list[Bin]:
    """Return the calibration of the first names, but for the one that names no cause."""
    return calibration(
        (run.row.found[0].confidence, run.right(1))
        for run in runs
        if run.row.found and run.first != _NO_CAUSE and run.label in ("faulty", "healthy")
    )


def cost(rows: Iterable[CostRow]) -> dict[str, Any]:
    """Return CPU time watched without trials over CPU time alone, of programs that take long enough."""
    shares = [row.watched / row.cpu for row in rows if row.cpu >= LONG and row.watched is not None]
    return {
        "median": median(shares) if shares else None,
        "worst": max(shares, default=None),
        "n": len(shares),
    }


def report(
    programs: Sequence[Program], rows: Sequence[ProgramRow], costs: Sequence[CostRow]
) -> dict[str, Any]:
    """Return the whole result as plain values."""
    runs = labeled(rows, programs)
    shares = {name: share.to_dict() for name, share in score(runs).items()}
    harmful = shares["harmful"]["value"]
    return {
        "set": hash_of(programs),
        "programs": len(programs),
        **shares,
        "harmful_doubled": None if harmful is None else 2 * harmful,
        "labels": {
            label: sum(run.label == label for run in runs)
            for label in ("faulty", "lucky", "healthy", "failed")
        },
        "calibration": [one.to_dict() for one in calibration_of(runs)],
        "cost": cost(costs),
        "runs": [
            {
                "label": run.label,
                "accept": list(run.program.accept),
                "harmful": run.harmful,
                **run.row.to_dict(),
            }
            for run in runs
        ],
        "costs": [row.to_dict() for row in costs],
    }
