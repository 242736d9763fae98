"""A trial on a copy: from one stored step of a run, unchanged and changed, pair by pair, with a verdict.

One pair is one seed: both begin with the same weights and see the same batches. The first pair has the run's
own seed; the others see the batches in other orders, and from the start they have other initial weights.
What decides is the loss on samples that were held out, at the end.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from math import isfinite
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from koubai.core.signals import quietly
from koubai.core.statistics import mean, mean_interval, sd, seeds_needed, sign_flip_p
from koubai.doctor.patient.facts import held_part
from koubai.doctor.visit.session_clinic import fork_result, open_fork
from koubai.engines.engine import TrainingState
from koubai.page.watch.look import NotPossible, changed, failure_told, opened
from koubai.train.recipe import Recipe
from koubai.train.safe_folder import SafeFolder
from koubai.train.session import Session

PAIRS = 5
ALPHA = 0.05
ARMS = ("unchanged", "changed")
_SECONDS = 60.0  # of training for all runs together
_LEAST, _MOST = 20, 5000  # updates of one run
_FIRST = 10  # updates that tell the speed
_EVERY = 0.2  # seconds between two events
_MOST_PAIRS = 10_000


def trial(pipe: Connection, folder: SafeFolder, data_dir: Path | None, step: int, change: str) -> None:
    """Send the events of a trial; the body of a process."""
    quietly()
    try:
        with np.errstate(all="ignore"):
            for event in perform_trial(opened(folder, data_dir, step), step, change):
                pipe.send(event)
    except Exception as error:  # whatever a run holds, the page says it
        pipe.send({"kind": "failed", "why": failure_told(error)})


def perform_trial(
    session: Session, step: int, change: str, seconds: float = _SECONDS
) -> Iterator[dict[str, Any]]:
    """Yield how many updates are made, the losses of every run, its end, and the verdict.

    Raises:
        NotPossible: no state of that step is stored, or the change does not fit.
    """
    other = changed(change, session.recipe, session.dataset)
    if other is None or step != session.step:
        raise NotPossible("runs.no_trial")
    state = session.state() if step else None
    recipes = dict(zip(ARMS, (session.recipe, other), strict=True))
    steps = _length(session, state, seconds)
    yield {"kind": "length", "from": step, "steps": steps}
    part = held_part(session.dataset)
    part = part if len(getattr(session.dataset, f"x_{part}")) else "train"
    ends: dict[str, list[float]] = {arm: [] for arm in ARMS}
    for pair in range(PAIRS):
        for arm, recipe in recipes.items():
            fork = _fork(session, recipe, state, pair, step + steps)
            yield from _train(fork, arm, pair, steps)
            skill, loss = fork_result(fork, part, session.dataset)
            ends[arm].append(loss)
            yield {"kind": "run", "arm": arm, "pair": pair, "loss": _plain(loss), "skill": _plain(skill)}
    yield {"kind": "end", "part": part, **conclude_trial(ends["unchanged"], ends["changed"])}


def _fork(session: Session, recipe: Recipe, state: TrainingState | None, pair: int, end: int) -> Session:
    recipe = replace(recipe, seed=recipe.seed + pair, steps=max(end, 1), early_stopping=None)
    return open_fork(session, recipe, None, state)


def _length(session: Session, state: TrainingState | None, seconds: float) -> int:
    """Return how many updates each run makes: those that were planned, or as many as the time allows."""
    done = state.step if state is not None else 0
    wanted = session.recipe.steps - done if done < session.recipe.steps else session.recipe.steps // 4
    fork = _fork(session, session.recipe, state, 0, done + 2 * _FIRST)
    fork.advance(_FIRST)  # it compiles
    started = time.perf_counter()
    fork.advance(_FIRST)
    each = (time.perf_counter() - started) / _FIRST
    fitting = int(seconds / (len(ARMS) * PAIRS) / max(each, 1e-9))
    return max(_LEAST, min(wanted, fitting, _MOST))


def _train(fork: Session, arm: str, pair: int, steps: int) -> Iterator[dict[str, Any]]:
    told, waiting = time.perf_counter(), []
    left, first = steps, fork.step
    while left > 0 and fork.stopped_by is None:
        losses = fork.advance(min(left, 20))
        left -= max(len(losses), 1)
        waiting.append(losses)
        if time.perf_counter() - told > _EVERY or left <= 0 or fork.stopped_by is not None:
            values = np.concatenate(waiting)
            numbers = np.arange(first + 1, first + 1 + len(values))
            yield {"kind": "losses", "arm": arm, "pair": pair, "steps": numbers, "values": values}
            first, waiting, told = fork.step, [], time.perf_counter()


def conclude_trial(unchanged: list[float], changed: list[float]) -> dict[str, Any]:
    """Return the verdict on paired losses: better, worse, or open; with what it rests on.

    A run that broke off counts as lost to one that did not; then only wins are counted, and no difference is
    told.
    """
    broken = not all(map(isfinite, (*unchanged, *changed)))
    pairs = list(zip(unchanged, changed, strict=True))
    wins = sum(_beats(b, a) for a, b in pairs)
    losses = sum(_beats(a, b) for a, b in pairs)
    d = [float(_beats(b, a) - _beats(a, b)) if broken else a - b for a, b in pairs]
    better, worse = sign_flip_p(d, "greater"), sign_flip_p(d, "less")
    interval = None if broken else mean_interval(d)
    verdict = "open"
    if better <= ALPHA and (broken or (interval is not None and interval.low > 0)):
        verdict = "better"
    elif worse <= ALPHA and (broken or (interval is not None and interval.high < 0)):
        verdict = "worse"
    more = None
    if verdict == "open" and not broken:
        wanted = seeds_needed(mean(d), sd(d))
        more = max(1, int(wanted) - len(d)) if wanted <= _MOST_PAIRS else None
    return {
        "verdict": verdict,
        "broken": [sum(not isfinite(loss) for loss in arm) for arm in (unchanged, changed)],
        "difference": None if broken else mean(d),
        "low": None if interval is None else interval.low,
        "high": None if interval is None else interval.high,
        "wins": wins,
        "losses": losses,
        "pairs": len(d),
        "p": min(better, worse),
        "more": more,
    }


def _beats(mine: float, theirs: float) -> bool:
    return isfinite(mine) and not mine >= theirs


def _plain(value: float) -> float | None:
    return float(value) if isfinite(value) else None
