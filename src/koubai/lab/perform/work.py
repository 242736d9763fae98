"""One task of an experiment: small to send to another process, performed there, its result sent back."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from koubai.core.errors import KoubaiError
from koubai.core.memory import allowed, allowing
from koubai.lab.declare.experiment import Experiment, Observations
from koubai.lab.perform.channel import Line
from koubai.lab.perform.outcome import Context, Outcome, Stopped
from koubai.lab.perform.run_result import RunResult
from koubai.lab.perform.training import run_recipe
from koubai.probes.history import History
from koubai.train.recipe import Recipe

BY_WORKER = 0  # threads of a run that its worker decides on
_SCORES = 2  # counts up when a score comes to mean something else, so that older runs are made again


@dataclass(frozen=True)
class Task:
    """One arm with one seed. `key` names its result: plan, data, engine, device and what is watched."""

    arm: str
    seed: int
    plan: Any
    key: str
    observations: Observations
    engine: str
    threads: int  # or BY_WORKER
    data_dir: Path | None
    exhibits: bool
    device: str = "cpu"  # never "auto": see `settled_device`
    allow_memory: bool = False  # whether sizes are not held against the memory, in whatever process


def tasks_of(
    experiment: Experiment,
    *,
    engine: str = "auto",
    threads: int = 1,
    data_dir: Path | None = None,
    device: str = "cpu",
) -> list[Task]:
    """Return every run of an experiment, seed by seed, so that what is done first is already paired."""
    tasks = []
    for i, seed in enumerate(experiment.seeds):
        for arm in experiment.arms:
            plan = experiment.plan(arm, seed)
            key = key_of(plan, experiment.observations, engine, data_dir, exhibits=i == 0, device=device)
            tasks.append(
                Task(
                    arm.name,
                    seed,
                    plan,
                    key,
                    experiment.observations,
                    engine,
                    threads,
                    data_dir,
                    exhibits=i == 0,
                    device=device,
                    allow_memory=allowed(),
                )
            )
    return tasks


def key_of(
    plan: Any,
    observations: Observations,
    engine: str,
    data_dir: Path | None,
    *,
    exhibits: bool,
    device: str = "cpu",
) -> str:
    """Return 16 hexadecimal digits that name a result: equal keys, equal results.

    GPUs of a kind are one: "cuda:1" is asked for like "cuda". The CPU goes unnamed, as it did before there
    was another device.
    """
    data = plan.data.load(data_dir).sha256 if hasattr(plan, "data") else ""
    watched = (
        asdict(observations)
        if exhibits
        else asdict(replace(observations, histograms=False, filters=False, weights=False, layers=False))
    )
    kind = device.partition(":")[0]
    parts = [_SCORES, plan.hash, data, engine, watched, *([] if kind == "cpu" else [kind])]
    text = json.dumps(parts, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def perform_task(task: Task, line: Line) -> RunResult:
    """Do one task; raises Stopped when the lab asked it to end.

    A failure is a result that tells it: the others go on, and an exception may not survive the way home.
    """
    started = time.perf_counter()
    try:
        with allowing(task.allow_memory):
            outcome = _perform(task, line)
    except Stopped:
        raise
    except KoubaiError as error:
        return failed(task, error.whole())
    except Exception as error:  # a bug in one arm must not cost the others
        return failed(task, f"{type(error).__name__}: {error}")
    return result_of(task, outcome, time.perf_counter() - started)


def result_of(task: Task, outcome: Outcome, took: float) -> RunResult:
    """Return the result of a task, of which so many seconds are its own."""
    seconds = took if outcome.seconds is None else outcome.seconds
    return RunResult(
        arm=task.arm,
        seed=task.seed,
        plan_hash=task.plan.hash,
        key=task.key,
        scores=dict(outcome.scores),
        history=outcome.history,
        seconds=seconds,
        collapsed=outcome.collapsed,
        stopped_by=outcome.stopped_by,
        exhibits=outcome.exhibits,
        engine=outcome.engine,
        device=outcome.device,
        startup=max(0.0, took - seconds),
    )


def context_of(task: Task, line: Line) -> Context:
    """Return what a task is performed with."""
    return Context(
        task.observations,
        task.engine,
        line.threads(task.threads),
        task.data_dir,
        task.exhibits,
        task.device,
        report=lambda step, steps, loss: line.report(task.key, step, steps, loss),
    )


def _perform(task: Task, line: Line) -> Outcome:
    context = context_of(task, line)
    if isinstance(task.plan, Recipe):
        return run_recipe(task.plan, context)
    outcome: Outcome = task.plan.perform(context)
    return outcome


def failed(task: Task, sentence: str) -> RunResult:
    """Return the result of a run that failed."""
    return RunResult(
        task.arm,
        task.seed,
        task.plan.hash,
        task.key,
        {},
        History(),
        0.0,
        failure=sentence,
        engine=task.engine,
    )
