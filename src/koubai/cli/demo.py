"""`koubai demo`: the main job on bundled data, and the doctor's word on the arm that did worst."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from koubai.cli.order import Order
from koubai.cli.output import option, whole
from koubai.cli.run import run_and_show
from koubai.cli.worst import examine_worst


def demo(
    *,
    seeds: Annotated[int | None, whole("lab.cli.run.seeds")] = None,
    threads: Annotated[int | None, whole("lab.cli.run.threads")] = None,
    out: Annotated[Path | None, option("lab.cli.run.out")] = None,
) -> int:
    """Which activation and initialization let a deep network learn? On the bundled digits, in seconds."""
    order = Order("vanishing-gradient", data="digits", seeds=seeds)
    return run_and_show(order, threads=threads, out=out, closing=examine_worst)
