"""`koubai check`: every mistake of an experiment file at once, its time, and what its seeds cannot decide."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from koubai.cli.experiments import named
from koubai.cli.output import console, option, print_json, style, whole
from koubai.words import say


def check(
    file: Annotated[str, option("lab.cli.check.file")],
    *,
    engine: Annotated[str, option("lab.cli.run.engine")] = "auto",
    threads: Annotated[int | None, whole("lab.cli.run.threads")] = None,
    data_dir: Annotated[Path | None, option("lab.cli.run.data_dir")] = None,
) -> None:
    """Check a file; every arm is trained for a moment, so that it is known to work."""
    from koubai.lab.conclude.power import warnings_of
    from koubai.lab.declare.measures import Duration
    from koubai.lab.order import find
    from koubai.lab.perform.estimate import estimate
    from koubai.lab.start import usable_cores

    experiment = find(named(file))
    found = estimate(experiment, engine=engine, threads=threads or usable_cores(), data_dir=data_dir)
    warnings = [sentence.say() for sentence in warnings_of(experiment)]
    if style.json:
        print_json(asdict(found) | {"runs": found.runs, "warnings": warnings})
        return
    text = say("lab.cli.check.estimate", time=Duration(found.seconds).say(), runs=found.runs, **asdict(found))
    console().print(text, markup=False)
    for warning in warnings:
        console().print(warning, markup=False)
