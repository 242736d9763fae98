"""Rows: timings set against each other and against the machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from koubai_benchmarks.speed.conductor import Timing
from koubai_benchmarks.speed.floor import floor_of
from koubai_benchmarks.speed.machine import Machine
from koubai_benchmarks.speed.workload import Workload

EAGER = ("torch-eager", "torch-eager-nhwc")


@dataclass(frozen=True)
class WorkloadRow:
    """One engine or peer on one workload.

    | field                 | meaning                                                                        |
    |-----------------------|--------------------------------------------------------------------------------|
    | ms_min, ms_median     | milliseconds per step over the rounds                                          |
    | ratio_to_torch_eager  | how many times faster than PyTorch eager in its better layout (by ms_min)      |
    | ratio_to_best_peer    | how many times faster than the fastest peer of all (by ms_min)                 |
    | gflops                | achieved, counting the floor's operations; None where they are not counted     |
    | share_of_peak         | gflops / the machine's measured peak in this precision                         |
    | transforms            | whether convolutions are done by Winograd's transforms, which multiply less    |
    |                       | than the floor counts, so that the share may be above 1                        |
    | peak_mb               | most resident memory of the process, MiB, with the library's own               |
    """

    workload: str
    engine: str
    precision: str
    ms_min: float
    ms_median: float
    ratio_to_torch_eager: float | None
    ratio_to_best_peer: float | None
    gflops: float | None = None
    share_of_peak: float | None = None
    peak_mb: float | None = None
    transforms: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the row as plain values."""
        return asdict(self)


def compare(
    name: str, precision: str, timings: Sequence[Timing], flops: int | None = None, peak: float | None = None
) -> list[WorkloadRow]:
    """Return a row for each timing that has rounds; `flops` a step, `peak` in GFLOP/s."""
    played = [timing for timing in timings if timing.ms]
    eager = min((min(t.ms) for t in played if t.engine in EAGER), default=None)
    best = min((min(t.ms) for t in played if not t.ours), default=None)
    rows = []
    for timing in played:
        ms = min(timing.ms)
        gflops = flops / ms / 1e6 if flops else None
        row = WorkloadRow(
            name,
            timing.engine,
            precision,
            ms,
            median(timing.ms),
            eager / ms if eager else None,
            best / ms if best else None,
            gflops,
            gflops / peak if gflops and peak else None,
            timing.peak_mb or None,
            timing.transforms,
        )
        rows.append(row)
    return rows


def workload_rows(workload: Workload, timings: Sequence[Timing], machine: Machine) -> list[WorkloadRow]:
    """Return the rows of a workload."""
    peak = machine.gflops.get(workload.precision)
    return compare(workload.name, workload.precision, timings, floor_of(workload).flops, peak)
