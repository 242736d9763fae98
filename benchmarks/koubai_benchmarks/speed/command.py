"""What `koubai bench` prints."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

from koubai.cli.output import console, live, print_json, print_table, style
from koubai.words import say
from koubai_benchmarks.speed.conductor import Settings
from koubai_benchmarks.speed.machine import usable_cores
from koubai_benchmarks.speed.report import Report, processor, run_benchmark, unset
from koubai_benchmarks.speed.rows import WorkloadRow


def bench(
    file: Path | None, *, workloads: str, engines: str, rounds: int, threads: int | None, seconds: float
) -> None:
    """Time workloads on engines and peers; write the numbers to `file` if one is given."""
    settings = Settings(threads or usable_cores(), rounds, seconds)
    report = run_benchmark(_names(workloads), _names(engines), settings, _progress)
    if file is not None:
        file.write_text(json.dumps(report.to_json(), indent=2) + "\n", encoding="utf-8")
    if style.json and file is None:
        print_json(report.to_json())
    else:
        show(report)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _progress(line: str) -> None:
    if live():
        print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)
    else:
        print(line, file=sys.stderr, flush=True)


def show(report: Report) -> None:
    """Print the machine, a table a workload with its floor, and what is missing."""
    out, machine = console(), report.machine
    out.print(say("bench.processor", processor=processor()))
    out.print(say("bench.machine", threads=machine.threads, bandwidth=machine.gigabytes_per_second))
    for precision, gflops in machine.gflops.items():
        out.print(say("bench.peak", precision=precision, gflops=gflops, library=machine.library[precision]))
    columns = ["engine", "min", "median", "eager", "best", "gflops", "share", "memory"]
    names = [say(f"bench.column.{name}") for name in columns]
    floors = {floor.workload: floor for floor in report.floors}
    for workload in dict.fromkeys(row.workload for row in report.rows):
        rows = [row for row in report.rows if row.workload == workload]
        out.print("\n" + say("bench.title", workload=workload, precision=rows[0].precision))
        print_table(names, list(map(_cells, rows)), right=tuple(range(1, len(columns))))
        if workload in floors:
            out.print(say("bench.floor", **asdict(floors[workload])))
    for row in (row for row in report.rows if row.transforms):
        out.print(say("bench.transforms", workload=row.workload, engine=row.engine))
    for row in report.doubtful:
        out.print(say("bench.doubt", workload=row.workload, engine=row.engine))
    out.print("\n" + say("bench.note"))
    for engine, kernels in report.kernels.items():
        out.print(say("bench.kernels", engine=engine, kernels=kernels))
    if any("MKL" in kernels for kernels in report.kernels.values()) and "Intel" not in processor():
        out.print(say("bench.vendor"))
    if names := unset():
        out.print(say("bench.unset", names=", ".join(names)))
    for (engine, why), workloads in report.absent_by_reason().items():
        out.print(say("bench.absent", engine=engine, why=why, workloads=", ".join(workloads)))


def _cells(row: WorkloadRow) -> list[str]:
    def cell(value: float | None, form: str) -> str:
        return "-" if value is None else format(value, form)

    def milliseconds(value: float) -> str:
        return f"{value:.4g}" if value < 10_000 else f"{value:,.0f}"

    return [
        *(row.engine, milliseconds(row.ms_min), milliseconds(row.ms_median)),
        *(cell(row.ratio_to_torch_eager, ".2f"), cell(row.ratio_to_best_peer, ".2f")),
        *(cell(row.gflops, ".1f"), cell(row.share_of_peak, ".0%"), cell(row.peak_mb, ",.0f")),
    ]
