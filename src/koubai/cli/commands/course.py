"""`koubai course`: every number of the course beside ours."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from koubai.cli.experiments import RUNS, again, lines
from koubai.cli.output import console, option, print_json, print_table, style, whole
from koubai.cli.streams import INTERRUPTED
from koubai.words import say

if TYPE_CHECKING:
    from koubai.lab.replay import CourseRow

_COLUMNS = ("experiment", "arm", "published", "ours", "interval", "inside", "seconds")


def course(
    *,
    data_dir: Annotated[Path | None, option("lab.cli.run.data_dir")] = None,
    seeds: Annotated[int, whole("lab.cli.run.seeds")] = 5,
    engine: Annotated[str, option("lab.cli.run.engine")] = "auto",
    threads: Annotated[int | None, whole("lab.cli.run.threads")] = None,
    out: Annotated[Path | None, option("lab.cli.run.out")] = None,
    device: Annotated[str, option("cli.run.device")] = "auto",
) -> int:
    """Run them all on MNIST and print the table."""
    from koubai.lab.replay import course_rows

    found = course_rows(
        data_dir=data_dir,
        seeds=seeds,
        out=out or RUNS / "course",
        engine=engine,
        threads=threads,
        device=device,
        on_experiment=lambda experiment: lines(f"{experiment.name}: "),
    )
    rows: list[CourseRow] = []
    code = 0
    try:
        rows += found
    except KeyboardInterrupt:
        code = INTERRUPTED
        print(say("lab.cli.course.stopped", command=again()), file=sys.stderr)
    show(rows)
    return code


def show(rows: list[CourseRow]) -> None:
    """Print the tables: numbers quoted, what was simulated, checks of our own; and what does not fit."""
    if style.json:
        print_json([asdict(row) for row in rows])
        return
    for title, kinds in (
        ("quoted", ("quoted", "beside")),
        ("simulated", ("simulated",)),
        ("check", ("check",)),
    ):
        own = [row for row in rows if row.kind in kinds]
        if own:
            console().print(say(f"lab.cli.course.title_{title}"))
            headings = [say(f"lab.cli.course.{column}") for column in _COLUMNS]
            print_table(headings, [_cells(row) for row in own], right=(2, 3, 4, 6))
    _summary(rows)


def _summary(rows: list[CourseRow]) -> None:
    """Say how many quoted numbers ours agree with, by mean and by interval, and which do not fit."""
    from koubai.lab.replay import EXPLAINED, misfits

    quoted = [row for row in rows if row.kind == "quoted"]
    both, mean, interval = (
        sum(bool(getattr(row, name)) for row in quoted) for name in ("inside", "by_mean", "by_interval")
    )
    said = say("lab.cli.course.summary", total=len(quoted), both=both, mean=mean, interval=interval)
    if quoted:
        console().print(said)
    checks = [row for row in rows if row.kind == "check"]
    if checks:
        right = sum(bool(row.inside) for row in checks)
        console().print(say("lab.cli.course.checks", right=right, total=len(checks)))
    for row in misfits(rows):
        values = {"arm": f"{row.experiment}, {row.arm}", "ours": f"{row.mean:.4f}", "p": f"{row.p:.2g}"}
        console().print(say("lab.cli.course.misfit", published=f"{row.published_mean:.4f}", **values))
        if (row.experiment, row.arm) == EXPLAINED:
            console().print(say("lab.cli.course.explained"))


def _cells(row: CourseRow) -> list[str]:
    """Return a row as text: accuracies with four digits, distances from an exact path as powers of ten."""
    exact = row.published_mean == 0.0
    digits = ".1e" if exact else ".4f"
    published = "" if row.published_mean is None else "0" if exact else f"{row.published_mean:{digits}}"
    if row.published_sd:
        published += f" ± {row.published_sd:g}"
    known = row.low is not None and row.high is not None and not exact
    interval = f"{row.low:{digits}} – {row.high:{digits}}" if known else ""
    inside = "" if row.inside is None else say(f"lab.cli.course.{'yes' if row.inside else 'no'}")
    arm = f"{row.arm} ({row.defect})" if row.defect else row.arm
    return [row.experiment, arm, published, f"{row.mean:{digits}}", interval, inside, f"{row.seconds:.1f}"]
