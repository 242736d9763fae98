"""What is attacked: folders of tiny runs with all kinds of state, each with the result it must lead to."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import koubai as kb
from koubai.data.sources.blobs import Blobs
from koubai.lab.campaign import run_experiment
from koubai.lab.declare.experiment import Arm, Experiment, Observations
from koubai.lab.perform.executors import thread_workers
from koubai.lab.perform.store import Store
from koubai.models.mlp import Mlp
from koubai.optim.sgd import SGD
from koubai.train import Observation, Recipe, train
from koubai.train.model_file import save
from support.runs import Stopper

WATCH = Observation(tap_every=20, first_until=1, evaluate_every=15, evaluate_rows=100)


def recipe(**edits: Any) -> Recipe:
    """Return a run with dropout, running statistics, Adam and a schedule, done in a tenth of a second."""
    net = kb.Sequential(kb.Linear(6), kb.BatchNorm(), kb.Sigmoid(), kb.Dropout(0.3), kb.Linear(3))
    settings = {"optimizer": kb.Adam(0.05), "schedule": kb.CosineDecay(100), "batch_size": 16, "steps": 60}
    return Recipe(net, Blobs(n=200, cluster_std=6.0), seed=4, **settings).edit(**edits)


def experiment(seeds: int = 2) -> Experiment:
    """Return two arms of short trainings, with exhibits."""
    base = Recipe(Mlp((5,), classes=3), Blobs(n=200), optimizer=SGD(0.1), steps=20, batch_size=20)
    arms = (Arm("narrow"), Arm("wide", {"network.hidden": (7,)}))
    observations = Observations(taps=3, evaluations=2, histograms=True, weights=True)
    return Experiment(
        name="trainings", base=base, arms=arms, seeds=tuple(range(seeds)), observations=observations
    )


def run_it(what: Experiment, folder: Path) -> Any:
    """Run an experiment in threads of this process, with a store."""
    with thread_workers(2) as workers:
        return run_experiment(what, workers, store=Store(folder), engine="reference")


@dataclass(frozen=True)
class Case:
    """A folder in `path`; `truth` is the run, or the results, it leads to; `others` are folders like it."""

    name: str
    path: Path
    truth: Any
    others: tuple[Path, ...] = ()


def run_cases(place: Path) -> list[Case]:
    """Make run folders: ended, ended early with a best checkpoint, stopped, and as a kill leaves one."""
    stopping = {"early_stopping": kb.EarlyStopping(1), "data.validation": 60, "steps": 300}
    early, other = recipe(**stopping), place / "other"
    train(recipe(seed=5), engine="reference", observation=WATCH, folder=other, save_every=10)
    cases = []
    for name, one, on_progress in (
        ("ended", recipe(), None),
        ("early", early, None),
        ("stopped", recipe(), Stopper(35)),
    ):
        before = place / f"{name}-before"
        keep = on_progress or _Copier(place / name, before, 25)
        train(
            one,
            engine="reference",
            observation=WATCH,
            folder=place / name,
            save_every=10,
            progress_every=1,
            on_progress=keep,
        )
        truth = train(one, engine="reference", observation=WATCH)
        others = (other, before) if on_progress is None else (other,)
        cases.append(Case(name, place / name, truth, others))
    killed = _Copier(place / "whole", place / "killed", 47)
    train(
        recipe(),
        engine="reference",
        observation=WATCH,
        folder=place / "whole",
        save_every=10,
        progress_every=1,
        on_progress=killed,
    )
    return [*cases, Case("killed", place / "killed", cases[0].truth, (other, place / "ended-before"))]


def store_case(place: Path) -> Case:
    """Make the store of an experiment."""
    return Case("store", place / "store", run_it(experiment(), place / "store"))


def model_case(place: Path) -> Case:
    """Make a file of weights with its recipe beside it, and the same of another run."""
    runs = {}
    for name, seed in (("model", 4), ("other-model", 5)):
        runs[name] = run = train(recipe(seed=seed), engine="reference", observation=WATCH)
        weights = run.session.state().weights
        save(place / name / "net", run.recipe, run.session.network, weights, run.preparation)
    return Case("model", place / "model", runs["model"], (place / "other-model",))


class _Copier:
    """Copies a run's folder once a step is reached: as it would be if the process were killed there."""

    def __init__(self, folder: Path, to: Path, step: int) -> None:
        self.folder, self.to, self.step = folder, to, step

    def __call__(self, session: Any) -> None:
        if session.step >= self.step and not self.to.exists():
            shutil.copytree(self.folder, self.to)


def quietly(act: Callable[[], Any]) -> Any:
    """Return what a call returns, without its warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return act()
