"""`koubai demo`: the main job on bundled data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from koubai.cli.order import Order
from koubai.cli.output import option
from koubai.cli.run import run_and_show


def demo(
    *,
    seeds: Annotated[int | None, option("lab.cli.run.seeds")] = None,
    threads: Annotated[int | None, option("lab.cli.run.threads")] = None,
    out: Annotated[Path | None, option("lab.cli.run.out")] = None,
) -> int:
    """Which activation and initialization let a deep network learn? On the bundled digits, in seconds."""
    return run_and_show(Order("vanishing-gradient", data="digits", seeds=seeds), threads=threads, out=out)
