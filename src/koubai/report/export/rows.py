"""The curves of runs as one long table: a row for every number that was recorded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from koubai.lab.perform.run_result import RunResult
from koubai.probes.history import History

COLUMNS = ("arm", "seed", "step", "path", "quantity", "value")


@dataclass(frozen=True, eq=False)
class Curves:
    """The history of one run, and which run it is; `arm` is "" for a run on its own."""

    arm: str
    seed: int
    history: History


def curves_of(runs: Sequence[RunResult]) -> list[Curves]:
    """Return the curves of an experiment's runs."""
    return [Curves(run.arm, run.seed, run.history) for run in runs]


def rows(runs: Sequence[Curves]) -> Iterator[tuple[str, int, int, str, str, float]]:
    """Yield (arm, seed, step, path, quantity, value), run by run, curve by curve, in order of steps."""
    for run in runs:
        for path, quantity in run.history.columns:
            steps, values = run.history.series(quantity, path)
            for step, value in zip(steps.tolist(), values.tolist(), strict=True):
                yield run.arm, run.seed, step, path, quantity, value
