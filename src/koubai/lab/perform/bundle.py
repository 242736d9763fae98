"""Performing tasks one after another; runs of one seed that share their batches train side by side.

Side by side a run has the bits that it has alone: only the time it takes tells the difference.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import lru_cache

from koubai.core.errors import KoubaiError
from koubai.core.layer import Layer
from koubai.core.memory import allowing
from koubai.core.params import Shape
from koubai.engines.sizes import network_bytes
from koubai.lab.perform.channel import Line, of_this_process
from koubai.lab.perform.outcome import Outcome, Stopped
from koubai.lab.perform.run_result import RunResult
from koubai.lab.perform.training import observation, outcome_of, reporting
from koubai.lab.perform.work import Task, context_of, perform_task, result_of
from koubai.layers.flatten import Flatten
from koubai.layers.linear import Linear
from koubai.network.network import Network
from koubai.train.bundle import bundled, finish_bundle
from koubai.train.recipe import Recipe
from koubai.train.session import Session

MOST = 4  # runs: weights and gradients of more would leave the cache of a core
# Of a first layer that pays; docs/engine.md has what was measured.
_INPUTS, _UNITS, _SHARE = 256, (16, 128), 0.5
_BYTES = 1 << 26  # of a run: the larger gain nothing, and would need the memory of several at once
_WORK = 10**12  # multiply-adds of a run: a stop costs all that run at a time, so none takes long


def perform_all(tasks: Sequence[Task], line: Line | None = None) -> list[RunResult]:
    """Do tasks, those that share batches at once; raises Stopped when the lab asked to end.

    Where some are done by then, it returns these instead.
    """
    line, done = line or of_this_process(), list[RunResult]()
    try:
        while len(done) < len(tasks):
            if line.stopped():
                raise Stopped
            left = tasks[len(done) :]
            together = left[: fellows(left)] if line.threads(left[0].threads) == 1 else left[:1]
            found = _side_by_side(together, line) if len(together) > 1 else None
            done += found or [perform_task(left[0], line)]
    except Stopped:
        if not done:
            raise
    return done


def fellows(tasks: Sequence[Task]) -> int:
    """Return how many tasks, from the first one on, can train side by side, if they get a thread each."""
    kind, count = _kind(tasks[0]), 1
    while kind is not None and count < min(MOST, len(tasks)) and _kind(tasks[count]) == kind:
        count += 1
    return count


def _kind(task: Task) -> tuple[object, ...] | None:
    """Return what such tasks have in common; None for one that trains by itself."""
    recipe = task.plan
    if not isinstance(recipe, Recipe) or task.engine not in ("auto", "native") or task.device != "cpu":
        return None
    if recipe.dtype != "float32" or recipe.precision != "float32" or recipe.data.augment:
        return None
    try:
        shape = recipe.data.load(task.data_dir).in_shape
        units = _first_units(
            recipe.network, shape, recipe.batch_size, len(recipe.optimizer.slots), recipe.steps
        )
    except (KoubaiError, TypeError):  # by itself it says why; or a layer that has no hash
        return None
    same = recipe.data, recipe.batch_size, recipe.replacement, recipe.steps, recipe.seed
    return (units, *same, task.observations, task.data_dir) if units is not None else None


@lru_cache(maxsize=256)
def _first_units(layer: Layer, shape: Shape, batch_size: int, slots: int, steps: int) -> int | None:
    """Return how many units the dense layer has that sees the inputs first; None where nothing is gained."""
    network = Network(layer, shape)
    first = next((cell for cell in network.leaves if not isinstance(cell.layer, Flatten)), None)
    if first is None or not isinstance(first.layer, Linear):
        return None
    units, inputs = first.out_shape[-1], first.in_shape[-1]
    if not _UNITS[0] <= units <= _UNITS[1] or inputs < _INPUTS:
        return None
    if units * inputs < _SHARE * network.multiply_adds:
        return None
    large = sum(network_bytes(network, batch_size=batch_size, slots=slots).values()) > _BYTES
    long = 3 * network.multiply_adds * batch_size * steps > _WORK
    return None if large or long else int(units)


def _side_by_side(tasks: Sequence[Task], line: Line) -> list[RunResult] | None:
    """Do tasks at once; None where they cannot, or one fails: by itself it says why, and costs no other."""
    started = time.perf_counter()
    try:
        with allowing(tasks[0].allow_memory):
            outcomes = _train(tasks, line)
    except Stopped:
        raise
    except Exception:
        return None
    took = (time.perf_counter() - started) / len(tasks)
    if outcomes is None:
        return None
    return [result_of(task, outcome, took) for task, outcome in zip(tasks, outcomes, strict=True)]


def _train(tasks: Sequence[Task], line: Line) -> list[Outcome] | None:
    contexts = [context_of(task, line) for task in tasks]
    sessions = [
        Session(
            task.plan,
            data_dir=task.data_dir,
            engine=task.engine,
            device=task.device,
            observation=observation(task.plan, context),
        )
        for task, context in zip(tasks, contexts, strict=True)
    ]
    bundle = bundled(sessions)
    if bundle is None:
        return None
    runs = finish_bundle(sessions, bundle, [reporting(context) for context in contexts])
    if any(run.stopped_by == "interrupted" for run in runs):
        raise Stopped
    pairs = zip(runs, contexts, strict=True)
    return [outcome_of(run, run.session.dataset, context) for run, context in pairs]
