"""Training: a recipe, a folder or a session run to its end, and the run that comes of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from koubai.core.params import Array
from koubai.data.dataset import Dataset
from koubai.data.levels import Inputs
from koubai.data.preparation import Preparation
from koubai.engines.engine import Observation, TrainingState
from koubai.network.network import Network, Weights
from koubai.probes.history import History
from koubai.train.folder import RunFolder
from koubai.train.folder_writer import RunWriter
from koubai.train.interrupt import Interrupt
from koubai.train.loop import Loop, OnProgress
from koubai.train.metrics import Metric
from koubai.train.moments import OnEvaluation
from koubai.train.predictor import Predictor
from koubai.train.recipe import Recipe
from koubai.train.salvage import salvage as go_back
from koubai.train.session import Score, Session
from koubai.words import say


@dataclass
class Run(Predictor):
    """A finished (or stopped) training run.

    `stopped_by` tells why it ended before its last step, None if it did not; "interrupted" can be resumed.
    `startup` is the part of `seconds` that went by until this process had made its first update: code is
    compiled then.
    """

    recipe: Recipe
    history: History
    scores: dict[str, Score]
    session: Session
    stopped_by: str | None = None
    seconds: float = 0.0
    folder: Path | None = None
    startup: float = 0.0

    @property
    def preparation(self) -> Preparation:
        """How inputs and targets were prepared."""
        return self.session.dataset.preparation

    def _learned(self) -> tuple[Network, Preparation]:
        return self.session.network, self.preparation

    def _weights(self) -> Weights:
        return self.session.state().weights

    def _outputs(self, x: Inputs) -> Array:
        return self.session.outputs(x)


def train(
    recipe: Recipe,
    *,
    dataset: Dataset | None = None,
    data_dir: Path | None = None,
    engine: str = "auto",
    threads: int | str = 1,
    device: str = "auto",
    observation: Observation | None = None,
    on_progress: OnProgress | None = None,
    progress_every: int = 0,
    folder: str | Path | None = None,
    save_every: int = 0,
    overwrite: bool = False,
    start: TrainingState | None = None,
    own_metrics: Sequence[Metric] = (),
    callbacks: Sequence[OnEvaluation] = (),
) -> Run:
    """Train a recipe from its first step to its last and return the run.

    Args:
        recipe: what decides the run.
        dataset: arrays to use instead of loading those of the recipe.
        data_dir: where files of data sets lie.
        engine: "auto", "native", "reference" or "torch".
        threads: how many threads it takes, or "auto": see koubai.engines.threads.
        device: "auto", "cpu", "gpu", "cuda", "cuda:1" ... or "mps"; GPUs are the torch engine's.
        observation: what is watched, and when (None: some fifty taps and ten evaluations).
        on_progress: called after every stretch of updates; may set `session.stopped_by` to end the run.
        progress_every: updates after which it is called in any case; the stretches between follow the clock.
        folder: a run's folder (see koubai.train.folder) to write to; must not hold a run yet.
        save_every: updates between two checkpoints; 0 writes one soon, then every half minute. One is always
            written at the end.
        overwrite: whether a run that is in the folder already is removed, once this one is ready to begin.
        start: a state to go on from, at its step, instead of initial weights.
        own_metrics: functions measured beside the metrics of the recipe.
        callbacks: each is called after every evaluation with a Moment. What one raises ends the run and goes
            on to the caller, with the run so far as its `koubai_run`.
    """
    session = Session(
        recipe,
        dataset=dataset,
        data_dir=data_dir,
        engine=engine,
        threads=threads,
        device=device,
        observation=observation or default_observation(recipe),
        own_metrics=own_metrics,
    )
    if start is not None:
        session.restore(start)
    go = partial(finish, session, on_progress, progress_every=progress_every, callbacks=callbacks)
    if folder is None:
        return go()
    place = RunWriter(folder)
    with place.held():
        if overwrite:
            place.clear()
        place.begin(session)
        return go(folder=place, save_every=save_every)


def resume(
    folder: str | Path,
    *,
    dataset: Dataset | None = None,
    data_dir: Path | None = None,
    engine: str | None = None,
    threads: int | str | None = None,
    device: str | None = None,
    on_progress: OnProgress | None = None,
    save_every: int = 0,
    salvage: bool = False,
) -> Run:
    """Continue the run in a folder from its latest checkpoint and return it; a finished run is only read.

    On the engine and device and with the threads it began with (the default) it goes on bit for bit as if it
    had never stopped. With `salvage` a damaged run goes back to its newest sound checkpoint first.

    Raises:
        RunError: a file that it goes on from is damaged or missing; the error says what is still whole.
    """
    place = RunWriter(folder)
    if salvage:
        with place.held():
            go_back(place)
    recipe, settings = place.recipe, place.settings
    known = settings["data_dir"]
    session = Session(
        recipe,
        dataset=dataset,
        data_dir=data_dir or (Path(known) if known else None),
        engine=engine or settings["engine"],
        threads=threads or settings["threads"],
        device=device or settings.get("device", "auto"),
        observation=settings["observation"],
    )
    if place.finished:
        return reopened(place, session)
    with place.held():
        seconds = place.resume(session)
        return finish(session, on_progress, folder=place, save_every=save_every, seconds=seconds)


def reopened(place: RunFolder, session: Session) -> Run:
    """Return a finished run as it ended."""
    place.restore(session)
    if session.stopped_by == "early stopping" and session.best is not None:
        session.program.restore(session.best)
    result = place.result
    return Run(
        session.recipe,
        session.history,
        result["scores"],
        session,
        session.stopped_by,
        result["seconds"],
        place.path,
        result.get("startup", 0.0),  # earlier versions did not tell it apart
    )


def default_observation(recipe: Recipe) -> Observation:
    """Return the usual watching: some fifty taps and ten evaluations a run.

    Units are not told apart: neither the doctor nor a report reads them step by step.
    """
    return Observation(
        tap_every=max(1, recipe.steps // 50),
        first_until=1,
        units=False,
        evaluate_every=max(1, recipe.steps // 10),
        evaluate_rows=10_000,
    )


def finish(
    session: Session,
    on_progress: OnProgress | None = None,
    *,
    progress_every: int = 0,
    folder: RunWriter | None = None,
    save_every: int = 0,
    seconds: float = 0.0,
    callbacks: Sequence[OnEvaluation] = (),
) -> Run:
    """Run a session from where it stands to the end of its recipe; `seconds` were spent before.

    Ctrl-C finishes the step and returns the run so far, which `finish` or `resume` continues.
    """
    if session.stopped_by == "interrupted":
        session.stopped_by = None
    with Interrupt() as interrupt:
        started = time.perf_counter() - seconds
        loop = Loop(
            session, interrupt, on_progress, progress_every, folder, save_every, started, callbacks=callbacks
        )
        try:
            loop.run()
        except BaseException as error:
            if error is loop.failed:
                _keep(error, ended(loop))
            raise
        return ended(loop)


def ended(loop: Loop) -> Run:
    """Return the run as it stands."""
    session, folder = loop.session, loop.folder
    return Run(
        session.recipe,
        session.history,
        loop.scores,
        session,
        session.stopped_by,
        loop.seconds,
        None if folder is None else folder.path,
        loop.startup,
    )


def _keep(error: BaseException, run: Run) -> None:
    """Give what a callback raised the run so far, and a line that says so."""
    run.stopped_by = "interrupted"
    with suppress(AttributeError, TypeError):  # an exception that takes no attributes
        error.koubai_run = run  # type: ignore[attr-defined]  # any exception may carry more
    key = "train.callback_failed" if run.folder is None else "train.callback_failed_in_folder"
    error.add_note(say(key, step=run.session.step, folder=run.folder))
