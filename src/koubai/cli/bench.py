"""`koubai bench`: the same training on koubai and on its peers, side by side."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from koubai.cli.output import console, live, option, print_json, print_table, style
from koubai.words import say

if TYPE_CHECKING:
    from koubai.bench.report import Report
    from koubai.bench.rows import Row

_NUMBERS = tuple(range(2, 10))


def bench(
    file: Annotated[
        Path | None, option("bench.option.file", name="--json", allow_leading_hyphen=False)
    ] = None,
    *,
    workloads: Annotated[str, option("bench.option.workloads")] = "",
    engines: Annotated[str, option("bench.option.engines")] = "",
    rounds: Annotated[int, option("bench.option.rounds")] = 5,
    threads: Annotated[int | None, option("bench.option.threads")] = None,
    seconds: Annotated[float, option("bench.option.seconds")] = 0.5,
) -> None:
    """Time workloads on engines and peers; write the numbers to FILE if one is given."""
    from koubai.bench.conductor import Settings
    from koubai.bench.machine import usable_cores
    from koubai.bench.report import run_benchmark

    settings = Settings(threads or usable_cores(), rounds, seconds)
    report = run_benchmark(_names(workloads), _names(engines), settings, _progress)
    if file is not None:
        file.write_text(json.dumps(report.to_json(), indent=2) + "\n", encoding="utf-8")
    if style.json and file is None:
        print_json(report.to_json())
    else:
        _show(report)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _progress(line: str) -> None:
    if live():
        print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)
    else:
        print(line, file=sys.stderr, flush=True)


def _show(report: Report) -> None:
    """Print machine, table, floors and what is missing."""
    out, machine = console(), report.machine
    out.print(say("bench.machine", threads=machine.threads, bandwidth=machine.gigabytes_per_second))
    for precision, gflops in machine.gflops.items():
        out.print(say("bench.peak", precision=precision, gflops=gflops, library=machine.library[precision]))
    columns = [
        "workload",
        "engine",
        "precision",
        "min",
        "median",
        "eager",
        "best",
        "gflops",
        "share",
        "memory",
    ]
    print_table(
        [say(f"bench.column.{name}") for name in columns], list(map(_cells, report.rows)), right=_NUMBERS
    )
    out.print(say("bench.note"))
    floors = [
        [
            *(floor.workload, f"{floor.flops / 1e6:,.1f}", f"{floor.bytes / 1e6:,.1f}"),
            *(f"{floor.ms_computing:.4f}", f"{floor.ms_moving:.4f}"),
        ]
        for floor in report.floors
    ]
    if floors:
        names = ["workload", "megaflops", "megabytes", "computing", "moving"]
        print_table([say(f"bench.column.{name}") for name in names], floors, right=(1, 2, 3, 4))
    for missing in report.absent:
        out.print(say("bench.absent", workload=missing.workload, engine=missing.engine, why=missing.why))


def _cells(row: Row) -> list[str]:
    def cell(value: float | None, form: str) -> str:
        return "-" if value is None else format(value, form)

    return [
        *(row.workload, row.engine, row.precision, f"{row.ms_min:.4g}", f"{row.ms_median:.4g}"),
        *(cell(row.ratio_to_torch_eager, ".2f"), cell(row.ratio_to_best_peer, ".2f")),
        *(cell(row.gflops, ".1f"), cell(row.share_of_peak, ".0%"), cell(row.peak_mb, ",.0f")),
    ]
