"""The curves of runs as one long table: a row for every number that was recorded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from koubai.lab.perform.run_result import RunResult
from koubai.probes.history import History

COLUMNS = ("arm", "seed", "step", "path", "quantity", "value")


@dataclass(frozen=True, eq=False)
class Curves:
    """The history of one run, which run it is, and its recipe as plain values; `arm` is "" for one alone."""

    arm: str
    seed: int
    history: History
    settings: Mapping[str, Any] = field(default_factory=dict)


def curves_of(runs: Sequence[RunResult]) -> list[Curves]:
    """Return the curves of an experiment's runs."""
    return [Curves(run.arm, run.seed, run.history) for run in runs]


def by_step(history: History) -> list[tuple[int, dict[str, float]]]:
    """Return what was recorded step by step, named quantity/path as dashboards group it."""
    found: dict[int, dict[str, float]] = {}
    for place, quantity in history.names:
        steps, values = history.series(quantity, place)
        for step, value in zip(steps.tolist(), values.tolist(), strict=True):
            found.setdefault(int(step), {})[f"{quantity}/{place}" if place else quantity] = value
    return sorted(found.items())


def curve_rows(runs: Sequence[Curves]) -> Iterator[tuple[str, int, int, str, str, float]]:
    """Yield (arm, seed, step, path, quantity, value), run by run, curve by curve, in order of steps."""
    for run in runs:
        for path, quantity in run.history.names:
            steps, values = run.history.series(quantity, path)
            for step, value in zip(steps.tolist(), values.tolist(), strict=True):
                yield run.arm, run.seed, step, path, quantity, value
