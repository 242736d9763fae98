"""Finished runs of free play, in the lab's store: the same question is answered at once the second time.

A run is kept under the name that the lab gives to its recipe, data and engine, and what free play watches.
Its last look is an exhibit of kind "look", as one text.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from koubai.core.errors import RunError
from koubai.lab.declare.experiment import Observations
from koubai.lab.perform.run_result import Exhibit, RunResult
from koubai.lab.perform.store import Store
from koubai.lab.perform.work import key_of
from koubai.probes.history import History
from koubai.train.recipe import Recipe

TAPS, EVALUATIONS = 100, 40
"""Columns of the map of gradients, and evaluations, of a whole run."""
_FORMAT = 1  # counts up when something else is kept
_QUANTITIES = ("loss", "train_loss", "train_accuracy", "test_loss", "test_accuracy")
_FLOW = "activation_gradient_rms"


@dataclass(frozen=True)
class Finished:
    """A run as it was kept: its history, its last look, its scores."""

    history: History
    look: dict[str, Any]
    scores: dict[str, float]


def key(recipe: Recipe, data_dir: Path | None) -> str:
    """Return the name of a finished run."""
    watched = Observations(taps=TAPS, evaluations=EVALUATIONS)
    own = f"play {_FORMAT} {key_of(recipe, watched, 'auto', data_dir, exhibits=True)}"
    return hashlib.sha256(own.encode()).hexdigest()[:16]


def load(store: Path, name: str) -> Finished | None:
    """Return a run that was kept; None where there is none, or one that cannot be read."""
    try:
        run = Store(store).load(name, "play", 0)
    except RunError:
        return None
    if run is None:
        return None
    text = bytes(run.exhibits[0].arrays["text"].astype(np.uint8)).decode()
    return Finished(run.history, json.loads(text), dict(run.scores))


def save(
    store: Path, name: str, recipe: Recipe, history: History, look: dict[str, Any], scores: dict[str, float]
) -> None:
    """Keep a finished run; what else was watched on the way, step by step, is left away."""
    text = np.frombuffer(json.dumps(look).encode(), np.uint8).astype(np.float32)
    run = RunResult(
        arm="play",
        seed=recipe.seed,
        plan_hash=recipe.hash,
        key=name,
        scores=scores,
        history=_thinned(history, recipe.steps),
        seconds=0.0,
        exhibits=(Exhibit("look", "", {"text": text}),),
    )
    Store(store).save(run)


def _thinned(history: History, steps: int) -> History:
    """Return what a run that nobody stopped on the way would have recorded."""
    kept, every = History(), max(1, steps // TAPS)
    for quantity in _QUANTITIES:
        kept.add_series("", quantity, *history.series(quantity))
    for path in history.paths(_FLOW):
        at, values = history.series(_FLOW, path)
        wanted = (at == 1) | (at % every == 0)
        kept.add_series(path, _FLOW, at[wanted], values[wanted])
    return kept
