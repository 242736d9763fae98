"""What the commands about experiments share: naming one by a word, showing how it goes."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from koubai.cli.output import console, live

if TYPE_CHECKING:
    from koubai.lab.declare.experiment import Experiment
    from koubai.lab.order import Order
    from koubai.lab.perform.progress import CampaignProgress

_PLAIN_EVERY = 5.0  # seconds between two lines off a terminal
_LIVE_EVERY = 0.2
_LIVE_SHARE = 50  # a table of ten thousand runs takes a while to make: a fiftieth of the time goes there
RUNS = Path("koubai-runs")


def catalog_name(target: str) -> str:
    """Return the catalog's name of an experiment that is asked for by a word it shows: 勾配消失.

    What is no such word, a file's path among it, stays as it is.
    """
    from koubai.lab.catalog import catalog_entries
    from koubai.lab.experiments.entry import catalog
    from koubai.lab.order import is_file

    if target.replace("-", "_") in catalog() or is_file(target) or "/" in target:
        return target
    from koubai.study.glossary import experiment_named, folded

    wanted = folded(target)
    own = (entry.name() for entry in catalog_entries() if wanted in map(folded, entry.also))
    return next(own, None) or experiment_named(target) or target


def order_in(folder: Path) -> Order:
    """Return what was asked for in a folder of runs; one may have asked for an experiment by a word."""
    from koubai.lab.order import Order

    order = Order.read(folder)
    return order if order.file is not None else replace(order, target=catalog_name(order.target))


@contextmanager
def shown(experiment: Experiment) -> Iterator[Callable[[CampaignProgress], None]]:
    """Show how the runs come in: the live table on a terminal, else a line every few seconds."""
    if not live():
        yield lines()
        return
    from rich.live import Live

    from koubai.report.terminal import live_view

    due, screen = [0.0], console(stderr=True)
    with Live(console=screen, auto_refresh=False, transient=True) as view:

        def table(progress: CampaignProgress) -> None:
            if (started := time.monotonic()) > due[0]:
                view.update(live_view(experiment, progress.runs, progress, width=screen.width), refresh=True)
                took = time.monotonic() - started
                due[0] = started + max(_LIVE_EVERY, _LIVE_SHARE * took)

        yield table


def lines(title: str = "") -> Callable[[CampaignProgress], None]:
    """Return what prints a line every few seconds, for logs."""
    from koubai.report.terminal import progress_line

    last = [0.0, -1.0]

    def line(progress: CampaignProgress) -> None:
        ended = progress.done + progress.failed + progress.reused
        due = time.monotonic() - last[0] > _PLAIN_EVERY
        if ended != last[1] and (due or ended == progress.total):
            last[:] = time.monotonic(), ended
            print(f"{title}{progress_line(progress)}", file=sys.stderr, flush=True)

    return line


def again() -> str:
    """Return the command that was called, to be called again."""
    return shlex.join(["koubai", *sys.argv[1:]])
