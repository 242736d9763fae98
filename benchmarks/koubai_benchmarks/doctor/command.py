"""`koubai doctor bench`: the doctor's scores on its cases, beside those of two published rule sets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from koubai.cli.output import console, print_json, print_table, style
from koubai.core.errors import KoubaiError, UnknownName
from koubai.words import say
from koubai_benchmarks.doctor.case import Case, own_cases, read_cases
from koubai_benchmarks.doctor.overhead import LOADS, Overhead, overhead
from koubai_benchmarks.doctor.program_command import bench_programs
from koubai_benchmarks.doctor.prove import proofs, remedies_proven
from koubai_benchmarks.doctor.run import CaseRow, run_cases
from koubai_benchmarks.doctor.score import report, score

PROGRAMS = "programs"
RUNS = 20.0  # what trials of a recipe may cost, in runs
_SHARES = ("healthy_alarm_rate", "detection", "top1", "top2", "layer_within_one")


def parts(cases: Path | None) -> tuple[str, ...]:
    """Return what can be asked of the benchmark: the splits its cases name, and what is no case."""
    return ("all", *sorted({case.split for case in _cases(cases)}), "overhead", "peers", PROGRAMS)


def cost(engine: str, threads: int) -> int:
    """Measure what watching costs, and print it."""
    found = {}
    for name, share in _overheads(engine, threads):
        found[name] = share.to_dict()
        console(stderr=True).print(f"{name} {_share(found[name])}", markup=False, soft_wrap=True)
    if style.json:
        print_json({"overheads": found})
    else:
        columns = [say("doctor.bench.model"), say("doctor.bench.overhead")]
        print_table(columns, [[name, _share(share)] for name, share in found.items()])
    return 0


def _overheads(engine: str, threads: int) -> Iterator[tuple[str, Overhead]]:
    """Yield name -> overhead of every load, then of the same in PyTorch where PyTorch is installed."""
    for load in LOADS.values():
        yield load.name, overhead(load, engine, threads)
    if find_spec("torch") is not None:
        from koubai_benchmarks.doctor.overhead_watch import LOOPS, watch_overhead

        for name in LOOPS:
            yield f"{name} (koubai.watch)", watch_overhead(name)


def peers(cases: Path | None, seeds: int | None) -> int:
    """Run other tools, and `koubai.watch`, on the PyTorch twins of the cases; print their scores."""
    from koubai_benchmarks.doctor.peers import installed, run_peers

    chosen = _cases(cases)
    rows = []
    for row in run_peers(chosen, seeds):
        rows.append(row)
        said = "; ".join(
            f"{tool}: {', '.join(names) or say('doctor.bench.silent')}"
            for tool, names in row.baselines.items()
        )
        console(stderr=True).print(
            f"{row.case} {row.seed} [{row.label}] {said}", markup=False, soft_wrap=True
        )
    found = {tool: score(rows, chosen, tool).to_dict() for tool in installed()}
    if style.json:
        print_json({"tools": found})
    else:
        table = [
            [say(f"doctor.bench.{name}"), *(_share(found[tool][name]) for tool in found)]
            for name in _SHARES
            if name != "layer_within_one"
        ]
        print_table([say("doctor.bench.measure"), *found], table)
    return 0


def _cases(path: Path | None) -> list[Case]:
    return read_cases(path) if path is not None else own_cases()


def bench(
    part: str,
    cases: Path | None,
    *,
    seeds: int | None,
    budget: float | None,
    engine: str,
    threads: int,
    names_only: bool = False,
    out: Path | None = None,
) -> int:
    """Run the cases (koubai's own, or those of a file or folder) of a split and print the scores.

    `part` is a split, "all", "overhead" (what watching costs), "peers" (other tools) or "programs" (training
    scripts; `out` keeps their rows). `names_only` leaves out what takes longest: the proofs of the remedies,
    and the timing.
    """
    if part == PROGRAMS:
        return bench_programs(
            cases, seeds=seeds, budget=budget, out=out, threads=threads, names_only=names_only
        )
    if out is not None:
        raise KoubaiError(say("doctor.cli.out_of_script"), where="--out", got=part)
    known = parts(cases)
    if part not in known:
        raise UnknownName("part", part, known, where="koubai doctor bench")
    if part == "overhead":
        return cost(engine, threads)
    if part == "peers":
        return peers(cases, seeds)
    chosen = [case for case in _cases(cases) if part in ("all", case.split)]
    rows: list[CaseRow] = []
    most = RUNS if budget is None else budget
    for row in run_cases(chosen, seeds=seeds, budget=most, engine=engine, threads=threads):
        rows.append(row)
        _progress(row)
    extra = {} if names_only else _proven_and_timed(chosen, rows, engine, threads)
    result = report(rows, chosen, extra)
    if style.json:
        print_json(result)
    else:
        _print(result, chosen)
    return 0


def _proven_and_timed(
    cases: Sequence[Case], rows: Sequence[CaseRow], engine: str, threads: int
) -> dict[str, Any]:
    proven = proofs(cases, rows, engine=engine, threads=threads)
    return {
        "remedy_beats_placebo": remedies_proven(proven).to_dict(),
        "overhead": overhead(LOADS["mlp"], engine, threads).to_dict(),
        "proofs": {case: proof.to_dict() if proof is not None else None for case, proof in proven.items()},
    }


def _progress(row: CaseRow) -> None:
    names = ", ".join(row.names) or say("doctor.bench.silent")
    line = f"{row.case} {row.seed} [{row.label}] {names}"
    console(stderr=True).print(line, markup=False, soft_wrap=True)


def _print(result: dict[str, Any], cases: Sequence[Case]) -> None:
    splits = result["splits"] if len(result["splits"]) > 1 else {}
    systems = {
        "koubai": result,
        **{f"koubai ({split})": scores for split, scores in splits.items()},
        **result["baselines"],
    }
    rest = [""] * (len(systems) - 1)
    columns = [say("doctor.bench.measure"), *systems]
    rows = [
        [say(f"doctor.bench.{name}"), *(_share(system[name]) for system in systems.values())]
        for name in _SHARES
    ]
    rows += [
        [say(f"doctor.bench.{name}"), _share(result[name]), *rest]
        for name in ("remedy_beats_placebo", "overhead")
        if name in result
    ]
    rows += [
        [say(f"doctor.bench.{name}"), "-" if result[name] is None else f"{result[name]:.2g}", *rest]
        for name in ("alarm_at", "steps_spent")
    ]
    print_table(columns, rows)
    accept = {case.id: ", ".join(sorted(case.accept)) for case in cases}
    table = [
        [
            case,
            accept.get(case, ""),
            "; ".join(f"{name} {count}" for name, count in sorted(names.items(), key=lambda i: -i[1])),
        ]
        for case, names in result["confusion"].items()
    ]
    print_table([say("doctor.bench.case"), say("doctor.bench.right"), say("doctor.bench.named")], table)


def _share(share: dict[str, Any]) -> str:
    if share["value"] is None:
        return "-"
    return f"{share['value']:.1%} [{share['low']:.1%}, {share['high']:.1%}] n={share['n']}"
