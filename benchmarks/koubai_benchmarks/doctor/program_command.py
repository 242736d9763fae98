"""`koubai doctor bench programs`: the doctor's scores on training scripts, each run as it is and under it.

With a file (`--out`), each run is a line there as soon as it is over, and a bench that was interrupted goes
on behind the last one (`program_record.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

from koubai.cli.output import console, print_json, print_table, style
from koubai.words import say
from koubai_benchmarks.doctor.program import Program, hash_of, own_programs, read_programs
from koubai_benchmarks.doctor.program_record import Record
from koubai_benchmarks.doctor.program_run import ProgramRow, run_cost, run_program
from koubai_benchmarks.doctor.program_score import LONG, Labeled, labeled, report

_SHARES = (
    "alarms",
    "detected",
    "right_first",
    "right_named",
    "right_two",
    "called_healthy",
    "not_judged_faulty",
    "not_judged_healthy",
    "harmful",
    "broken",
)


def bench_programs(
    folder: Path | None,
    *,
    seeds: int | None = None,
    budget: float | None = None,
    out: Path | None = None,
    threads: int = 1,
    names_only: bool = False,
) -> int:
    """Run the programs of a folder (None: koubai's own), `threads` at a time, and print the scores.

    `names_only` leaves out what watching costs, which is measured one program at a time.
    """
    programs = read_programs(own_programs() if folder is None else folder)
    console(stderr=True).print(
        say("doctor.bench.programs.set", count=len(programs), hash=hash_of(programs)), soft_wrap=True
    )
    record = Record(out, budget)
    wanted = range(1 if seeds is None else seeds)
    _judge(programs, wanted, record, threads)
    rows = _of(record, programs, wanted)
    if not names_only:
        _time(programs, rows, record)
    costs = [
        row
        for p in programs
        for seed in wanted
        if (row := record.costs.get((p.id, p.hash, seed))) is not None
    ]
    result = report(programs, rows, costs)
    if style.json:
        print_json(result)
    else:
        _print(result, labeled(rows, programs))
    return 0


def _judge(programs: Sequence[Program], seeds: Sequence[int], record: Record, threads: int) -> None:
    """Run what has not been run yet."""
    stop = Event()
    tasks: list[Callable[[], ProgramRow]] = [
        partial(run_program, program, seed, fixed=fixed, budget=record.budget, stop=stop)
        for program in programs
        for seed in seeds
        for fixed in program.runs()
        if (program.id, program.hash, seed, fixed) not in record.verdicts
    ]
    with ThreadPoolExecutor(max(1, threads)) as pool:
        try:
            for done in as_completed([pool.submit(task) for task in tasks]):
                record.add(done.result())
                _told(done.result())
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)


def _of(record: Record, programs: Sequence[Program], seeds: Sequence[int]) -> list[ProgramRow]:
    return [
        record.verdicts[p.id, p.hash, seed, fixed] for p in programs for seed in seeds for fixed in p.runs()
    ]


def _time(programs: Sequence[Program], rows: Sequence[ProgramRow], record: Record) -> None:
    """Measure what watching costs, where a program takes long enough to tell."""
    by_id = {program.id: program for program in programs}
    for row in rows:
        if row.fixed or row.cpu < LONG or (row.program, row.hash, row.seed) in record.costs:
            continue
        cost = run_cost(by_id[row.program], row.seed)
        record.add(cost)
        times = "-" if cost.watched is None else f"{cost.watched / cost.cpu:.2f}"
        _note(f"{cost.program} {cost.seed} {cost.cpu:.1f} s x {times}")


def _told(row: ProgramRow) -> None:
    names = ", ".join(found.name for found in row.found) or row.verdict
    twin = " --fixed" if row.fixed else ""
    metric = "-" if row.metric is None else f"{row.metric:.4g}"
    broken = f" BROKEN: {row.broken}" if row.broken else ""
    _note(f"{row.program}{twin} {row.seed} [{metric}] {names}{broken}")


def _note(text: str) -> None:
    console(stderr=True).print(text, markup=False, soft_wrap=True)


def _print(result: dict[str, Any], runs: Sequence[Labeled]) -> None:
    words = "doctor.bench.programs"
    table = []
    for name in _SHARES:
        table.append([say(f"{words}.{name}"), *_share(result[name])])
        if name == "harmful" and result["harmful_doubled"] is not None:
            table.append([say(f"{words}.harmful_doubled"), f"{result['harmful_doubled']:.1%}", "", ""])
    for name in ("median", "worst"):
        value = result["cost"][name]
        if value is not None:
            table.append([say(f"{words}.cost_{name}"), f"{value:.2f}", "", str(result["cost"]["n"])])
    columns = [say("doctor.bench.measure"), "", "", say(f"{words}.runs")]
    print_table(columns, table, right=(1, 2, 3))
    if result["calibration"]:
        print_table(
            [say(f"{words}.confidence"), *(["", ""]), say(f"{words}.runs")],
            [[f"{one['confidence']:.2f}", *_share(one["right"])] for one in result["calibration"]],
            right=(1, 2, 3),
        )
    for line in _wrong(runs):
        console().print(line, markup=False, soft_wrap=True)


def _share(share: dict[str, Any]) -> tuple[str, str, str]:
    """Return a share, its interval and of how many it is."""
    if share["value"] is None:
        return "-", "", "0"
    return f"{share['value']:.1%}", f"[{share['low']:.1%}, {share['high']:.1%}]", str(share["n"])


def _wrong(runs: Sequence[Labeled]) -> Iterator[str]:
    """Go through the runs of which something else should have been said, three lines each."""
    for run in runs:
        row = run.row
        missed = run.label == "faulty" and not run.right(1)
        if missed or row.broken or (run.label == "healthy" and row.found):
            said = [found.name for found in row.found] or [row.verdict]
            said += [say("doctor.bench.programs.broke", how=row.broken)] if row.broken else []
            right = say("doctor.bench.right")
            yield f"{row.program}{' --fixed' if row.fixed else ''}"
            yield f"  {right}: {', '.join(run.program.accept) or run.label}"
            yield f"  {say('doctor.bench.programs.said')}: {', '.join(said)}"
