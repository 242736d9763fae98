"""`koubai bench`: the same training on koubai and on its peers, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from koubai.cli.benchmarks import benchmark
from koubai.cli.output import option, whole


def bench(
    file: Annotated[
        Path | None, option("bench.option.file", name="--json", allow_leading_hyphen=False)
    ] = None,
    *,
    workloads: Annotated[str, option("bench.option.workloads")] = "",
    engines: Annotated[str, option("bench.option.engines")] = "",
    rounds: Annotated[int, whole("bench.option.rounds")] = 5,
    threads: Annotated[int | None, whole("bench.option.threads")] = None,
    seconds: Annotated[float, option("bench.option.seconds")] = 0.5,
) -> None:
    """Time workloads on engines and peers; write the numbers to FILE if one is given."""
    benchmark("speed.command").bench(
        file, workloads=workloads, engines=engines, rounds=rounds, threads=threads, seconds=seconds
    )
