"""One whole benchmark: every workload asked for, with the machine's limits, as a value and as JSON."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from koubai.core.errors import UnknownName
from koubai.words import say
from koubai_benchmarks.speed.conductor import Settings, Timing, time_workload
from koubai_benchmarks.speed.experiment import EXPERIMENT, time_experiment
from koubai_benchmarks.speed.floor import floor_of
from koubai_benchmarks.speed.machine import PINS, Machine, measure_machine
from koubai_benchmarks.speed.peers import peers
from koubai_benchmarks.speed.peers.peer import Peer
from koubai_benchmarks.speed.rows import WorkloadRow, compare, workload_rows
from koubai_benchmarks.speed.workload import WORKLOADS, Workload

_PACKAGES = ("koubai", "numpy", "torch", "tensorflow-cpu", "jax", "keras", "scikit-learn")


@dataclass(frozen=True)
class FloorRow:
    """What a step of a workload needs at least, and how long that takes at the machine's measured limits."""

    workload: str
    precision: str
    flops: int
    bytes: int
    ms_computing: float
    ms_moving: float


@dataclass(frozen=True)
class Absent:
    """An engine or peer without a row, and why."""

    workload: str
    engine: str
    why: str


@dataclass
class Report:
    """Everything one benchmark found."""

    machine: Machine
    settings: Settings
    rows: list[WorkloadRow] = field(default_factory=list)
    floors: list[FloorRow] = field(default_factory=list)
    absent: list[Absent] = field(default_factory=list)
    kernels: dict[str, str] = field(
        default_factory=dict
    )  # what computes the products of each engine and peer

    @property
    def doubtful(self) -> list[WorkloadRow]:
        """Rows that did all that is counted, and faster than the peak: then that was measured too low."""
        return [row for row in self.rows if not row.transforms and (row.share_of_peak or 0) > 1]

    def add_workload(self, workload: Workload, timings: Sequence[Timing]) -> None:
        """Take in the timings of one workload."""
        self.rows += workload_rows(workload, timings, self.machine)
        floor = floor_of(workload)
        times = floor.milliseconds(self.machine, workload.precision)
        self.floors.append(FloorRow(workload.name, workload.precision, floor.flops, floor.bytes, *times))
        self._add_absent(workload.name, timings)

    def add_experiment(self, timings: Sequence[Timing]) -> None:
        """Take in the wall times of the experiment."""
        self.rows += compare(EXPERIMENT, "float32", timings)
        self._add_absent(EXPERIMENT, timings)

    def _add_absent(self, workload: str, timings: Sequence[Timing]) -> None:
        self.kernels |= {t.engine: t.kernels for t in timings if t.kernels}
        self.absent += [Absent(workload, t.engine, t.absent) for t in timings if t.absent is not None]

    def absent_by_reason(self) -> dict[tuple[str, str], list[str]]:
        """Return the workloads of every engine and reason that left it without a row."""
        found: dict[tuple[str, str], list[str]] = {}
        for row in self.absent:
            found.setdefault((row.engine, row.why), []).append(row.workload)
        return found

    def to_json(self) -> dict[str, Any]:
        """Return plain values; `rows` is the table."""
        return {
            "rows": [asdict(row) for row in self.rows],
            "floors": [asdict(row) for row in self.floors],
            "absent": [asdict(row) for row in self.absent],
            "machine": {**asdict(self.machine), "processor": processor()},
            "settings": asdict(self.settings),
            "kernels": self.kernels,
            "doubtful": [[row.workload, row.engine] for row in self.doubtful],
            "unset": unset(),
            "versions": versions(),
        }


def run_benchmark(
    workloads: Sequence[str],
    engines: Sequence[str],
    settings: Settings,
    tell: Callable[[str], None],
) -> Report:
    """Run workloads with engines and peers; where none is named, all workloads and the usual contenders."""
    names = list(workloads) or [*WORKLOADS, EXPERIMENT]
    for name in names:
        if name not in WORKLOADS and name != EXPERIMENT:
            raise UnknownName("workload", name, [*WORKLOADS, EXPERIMENT])
    contenders = choose(engines)
    tell(say("bench.progress.machine"))
    report = Report(measure_machine(settings.threads), settings)
    for name in names:
        if name == EXPERIMENT:
            report.add_experiment(time_experiment(contenders, settings, tell))
        else:
            workload = WORKLOADS[name]
            report.add_workload(workload, time_workload(workload, contenders, settings, tell))
    return report


def choose(engines: Sequence[str]) -> list[Peer]:
    """Return the engines and peers of these names; without names, all that run by default."""
    known = peers()
    for name in engines:
        if name not in known:
            raise UnknownName("engine or peer", name, known)
    return [known[name] for name in engines] or [peer for peer in known.values() if peer.by_default]


def unset() -> list[str]:
    """Return the variables that no process of the benchmark had, though they are set here."""
    return [name for name in PINS if name in os.environ]


def versions() -> dict[str, str | None]:
    """Return the installed version of koubai and of every peer; None where there is none."""
    found: dict[str, str | None] = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    return found


def processor() -> str:
    """Return the processor's name as the system tells it."""
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as lines:
            named = next((line for line in lines if line.startswith("model name")), "")
    except OSError:
        named = ""
    return named.partition(":")[2].strip() or platform.processor() or platform.machine()
