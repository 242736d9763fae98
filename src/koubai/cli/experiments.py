"""What the commands about experiments share: finding one, changing it, showing how it goes."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from koubai.cli.output import console, live
from koubai.core.errors import KoubaiError, SettingError
from koubai.words import say

if TYPE_CHECKING:
    from koubai.lab.experiment import Experiment
    from koubai.lab.progress import Progress

_PLAIN_EVERY = 5.0  # seconds between two lines off a terminal
_LIVE_EVERY = 0.2
RUNS = Path("koubai-runs")


def find(target: str, data: str | None = None) -> Experiment:
    """Return the experiment in a file, or the catalogue's of this name."""
    from koubai.lab.catalog import build, catalog
    from koubai.lab.experiment_file import read_experiment

    if target.endswith(".toml") or Path(target).is_file():
        experiment = read_experiment(Path(target))
        return experiment if data is None else change(experiment, {"data": data})
    if target.replace("-", "_") not in catalog() and ("/" in target or Path(target).exists()):
        raise KoubaiError(say("lab.cli.not_a_file"), where=target, hint="koubai new")
    return build(called(target), data)


def called(target: str) -> str:
    """Return the catalogue's name of an experiment that is asked for by a word it shows: 勾配消失."""
    from koubai.lab.catalog import catalog, listing

    if target.replace("-", "_") in catalog():
        return target
    from koubai.study.glossary import experiment_named, folded

    wanted = folded(target)
    own = (entry.name() for entry in listing() if wanted in map(folded, entry.also))
    return next(own, None) or experiment_named(target) or target


def change(experiment: Experiment, edits: dict[str, Any]) -> Experiment:
    """Return the experiment with edits of what all its arms share."""
    return replace(experiment, base=experiment.base.edit(**edits))


def adapt(experiment: Experiment, *, seeds: int | None, steps: int | None, vary: list[str]) -> Experiment:
    """Return the experiment as the command line overrides it."""
    from koubai.lab.experiment import MOST_SEEDS
    from koubai.lab.experiment_file import parse_vary

    if steps is not None:
        where = "steps" if hasattr(experiment.base, "steps") else "recipe.steps"
        experiment = change(experiment, {where: steps})
    for text in vary:
        experiment = experiment.vary(*parse_vary(text))
    if seeds is not None:
        if not 1 <= seeds <= MOST_SEEDS:
            raise SettingError(say("lab.cli.seeds"), expected=f"1 <= --seeds <= {MOST_SEEDS}", got=seeds)
        experiment = replace(experiment, seeds=tuple(range(seeds)))
    return experiment


@contextmanager
def shown(experiment: Experiment) -> Iterator[Callable[[Progress], None]]:
    """Show how the runs come in: the live table on a terminal, else a line every few seconds."""
    if not live():
        yield lines()
        return
    from rich.live import Live

    from koubai.report.terminal import live_view

    last, screen = [0.0], console(stderr=True)
    with Live(console=screen, auto_refresh=False, transient=True) as view:

        def table(progress: Progress) -> None:
            if time.monotonic() - last[0] > _LIVE_EVERY:
                last[0] = time.monotonic()
                view.update(live_view(experiment, progress.runs, progress, width=screen.width), refresh=True)

        yield table


def lines(title: str = "") -> Callable[[Progress], None]:
    """Return what prints a line every few seconds, for logs."""
    from koubai.report.terminal import progress_line

    last = [0.0, -1.0]

    def line(progress: Progress) -> None:
        ended = progress.done + progress.failed + progress.reused
        due = time.monotonic() - last[0] > _PLAIN_EVERY
        if ended != last[1] and (due or ended == progress.total):
            last[:] = time.monotonic(), ended
            print(f"{title}{progress_line(progress)}", file=sys.stderr, flush=True)

    return line


def again() -> str:
    """Return the command that was called, to be called again."""
    return shlex.join(["koubai", *sys.argv[1:]])
