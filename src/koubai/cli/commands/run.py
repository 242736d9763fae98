"""`koubai run`: an experiment of the catalog or of one's own, with a table, verdicts and a report."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from koubai.cli.experiments import RUNS, again, catalog_name, shown
from koubai.cli.failures import USER_ERROR
from koubai.cli.output import console, option, print_json, print_table, style, whole
from koubai.cli.streams import INTERRUPTED
from koubai.lab.order import Order
from koubai.words import say

if TYPE_CHECKING:
    from koubai.lab.conclude.result import ExperimentResult

    Closing = Callable[[ExperimentResult], dict[str, Any]]


def run(
    target: Annotated[str | None, option("lab.cli.run.target")] = None,
    *,
    data: Annotated[str | None, option("lab.cli.run.data")] = None,
    seeds: Annotated[int | None, whole("lab.cli.run.seeds")] = None,
    steps: Annotated[int | None, whole("lab.cli.run.steps")] = None,
    vary: Annotated[list[str] | None, option("lab.cli.run.vary", negative="")] = None,
    engine: Annotated[str, option("lab.cli.run.engine")] = "auto",
    threads: Annotated[int | None, whole("lab.cli.run.threads")] = None,
    out: Annotated[Path | None, option("lab.cli.run.out")] = None,
    cluster: Annotated[str | None, option("lab.cli.run.cluster")] = None,
    data_dir: Annotated[Path | None, option("lab.cli.run.data_dir")] = None,
    device: Annotated[str, option("cli.run.device")] = "auto",
) -> int:
    """Run an experiment; without a name, list the catalog."""
    if target is None:
        return list_catalog()
    order = Order.of(
        catalog_name(target),
        data=data,
        seeds=seeds,
        steps=steps,
        vary=tuple(vary or ()),
        engine=engine,
        data_dir=str(data_dir.absolute()) if data_dir else None,
        device=device,
    )
    return run_and_show(order, threads=threads, out=out, cluster=cluster)


def run_and_show(
    order: Order,
    *,
    threads: int | None = None,
    out: Path | None = None,
    cluster: str | None = None,
    closing: Closing | None = None,
) -> int:
    """Run, print, write result.json and report.html beside the runs; return the exit code.

    `closing` looks at a complete result: it prints what it found, or returns it for the JSON.
    """
    from koubai.lab import start
    from koubai.lab.perform.device import settled_device
    from koubai.report import write_html

    experiment = order.experiment()
    folder = out or RUNS / experiment.name
    device = settled_device(
        experiment,
        engine=order.engine,
        device=order.device,
        elsewhere=cluster is not None,
        data_dir=Path(order.data_dir) if order.data_dir else None,
    )
    replace(order, device=device).keep(folder)
    with shown(experiment) as on_progress:
        result = start.run(
            experiment,
            out=folder,
            engine=order.engine,
            threads=threads,
            cluster=cluster,
            data_dir=order.data_dir,
            device=device,
            on_progress=on_progress,
        )
    report = write_html(result, folder / "report.html")
    show(result, folder, report, closing if not result.pending else None)
    if result.stopped_by == "interrupt":
        return INTERRUPTED
    lost = result.stopped_by == "scheduler"
    return USER_ERROR if lost or any(run.failure for run in result.runs) else 0


def show(result: ExperimentResult, folder: Path, report: Path, closing: Closing | None = None) -> None:
    """Print a result for a person or a program, and keep the latter in the folder."""
    from koubai.engines.choose import engine_title
    from koubai.lab.conclude.export import to_json
    from koubai.report.terminal import print_result

    plain = to_json(result) | {"report": str(report)}
    text = json.dumps(plain, ensure_ascii=False, indent=1)
    (folder / "result.json").write_text(text, encoding="utf-8", newline="\n")
    if style.json:
        print_json(plain | (closing(result) if closing is not None else {}))
        return
    screen = console()
    print_result(screen, result, plain=style.plain)
    engines = sorted({run.engine for run in result.runs if run.engine})
    if engines:
        screen.print(say("lab.cli.engine", engine=", ".join(map(engine_title, engines))), markup=False)
    if result.pending:
        key = f"lab.cli.stopped.{result.stopped_by or 'interrupt'}"
        screen.print(say(key, pending=result.pending, command=again()), markup=False, soft_wrap=True)
    if closing is not None:
        closing(result)
    screen.print(say("lab.cli.report", path=report), markup=False, soft_wrap=True)


def list_catalog() -> int:
    """Print the names of the catalog with their questions."""
    from koubai.lab.catalog import catalog_entries

    columns = ("name", "question", "data")
    rows = [
        [entry.name(), say(f"experiments.{entry.registry_name}.question"), ", ".join(entry.data)]
        for entry in catalog_entries()
    ]
    if style.json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        unneeded = say("lab.cli.no_data")
        table = [[*row, unneeded if data == "none" else data] for *row, data in rows]
        print_table([say(f"lab.cli.column.{name}") for name in columns], table)
    return 0
