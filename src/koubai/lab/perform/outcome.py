"""What one piece of work is given and gives: the contract between the lab and every kind of plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from koubai.lab.declare.experiment import Observations
from koubai.lab.perform.run_result import Exhibit
from koubai.probes.history import History

Report = Callable[[int, int, float], None]
"""Called now and then with (step, steps, current loss); raises Stopped when the run is to end."""


class Stopped(Exception):
    """A run was asked to end before its last step; nothing of it is kept."""


@dataclass(frozen=True)
class Context:
    """How a plan is performed; never what comes out of it."""

    observations: Observations = Observations()
    engine: str = "auto"
    threads: int = 1
    data_dir: Path | None = None
    exhibits: bool = True
    device: str = "cpu"
    report: Report = lambda step, steps, loss: None


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came out of one plan; the fields are those of a RunResult (`seconds` None: all of it)."""

    scores: Mapping[str, float]
    history: History = field(default_factory=History)
    exhibits: tuple[Exhibit, ...] = ()
    collapsed: bool = False
    stopped_by: str | None = None
    engine: str = ""
    device: str = ""
    seconds: float | None = None
