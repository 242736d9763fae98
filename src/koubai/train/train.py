"""The loop: a session run to its end, with evaluation, early stopping, checkpoints and progress."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from koubai.core.params import Array
from koubai.data.dataset import Dataset
from koubai.data.levels import Inputs
from koubai.data.preparation import Preparation
from koubai.engines.engine import TrainingState
from koubai.network.network import Network, Weights
from koubai.probes.history import History
from koubai.train.asked import Asked
from koubai.train.folder import RunFolder
from koubai.train.folder_writer import RunWriter
from koubai.train.interrupt import Interrupt
from koubai.train.recipe import Recipe
from koubai.train.salvage import salvage as go_back
from koubai.train.session import Observation, Score, Session

_STRETCH = 0.2  # seconds between two looks at the clock, at Ctrl-C and at whoever watches
_LONGEST = 2000  # updates in one stretch
_SAVE = 30.0  # seconds between two checkpoints, unless steps are asked for
_FIRST_SAVE = 5.0  # seconds before the first: whoever watches the run can examine it from then on

OnProgress = Callable[[Session], None]


@dataclass
class Run(Asked):
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
    threads: int = 1,
    observation: Observation | None = None,
    on_progress: OnProgress | None = None,
    progress_every: int = 0,
    folder: str | Path | None = None,
    save_every: int = 0,
    overwrite: bool = False,
    start: TrainingState | None = None,
) -> Run:
    """Train a recipe from its first step to its last and return the run.

    Args:
        recipe: what decides the run.
        dataset: arrays to use instead of loading those of the recipe.
        data_dir: where files of data sets lie.
        engine: "auto", "native", "reference" or "torch".
        threads: how many threads it may use.
        observation: what is watched, and when (None: some fifty taps and ten evaluations).
        on_progress: called after every stretch of updates; may set `session.stopped_by` to end the run.
        progress_every: updates after which it is called in any case; the stretches between follow the clock.
        folder: a run's folder (see koubai.train.folder) to write to; must not hold a run yet.
        save_every: updates between two checkpoints; 0 writes one soon, then every half minute. One is always
            written at the end.
        overwrite: whether a run that is in the folder already is removed, once this one is ready to begin.
        start: a state to go on from, at its step, instead of initial weights.
    """
    session = Session(
        recipe,
        dataset=dataset,
        data_dir=data_dir,
        engine=engine,
        threads=threads,
        observation=observation or default_observation(recipe),
    )
    if start is not None:
        session.restore(start)
    if folder is None:
        return finish(session, on_progress, progress_every=progress_every)
    place = RunWriter(folder)
    with place.held():
        if overwrite:
            place.clear()
        place.begin(session)
        return finish(
            session, on_progress, progress_every=progress_every, folder=place, save_every=save_every
        )


def resume(
    folder: str | Path,
    *,
    dataset: Dataset | None = None,
    data_dir: Path | None = None,
    engine: str | None = None,
    threads: int | None = None,
    on_progress: OnProgress | None = None,
    save_every: int = 0,
    salvage: bool = False,
) -> Run:
    """Continue the run in a folder from its latest checkpoint and return it; a finished run is only read.

    On the engine and with the threads it began with (the default) it goes on bit for bit as if it had
    never stopped. With `salvage` a damaged run goes back to its newest sound checkpoint first.

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
) -> Run:
    """Run a session from where it stands to the end of its recipe; `seconds` were spent before.

    Ctrl-C finishes the step and returns the run so far, which `finish` or `resume` continues.
    """
    if session.stopped_by == "interrupted":
        session.stopped_by = None
    with Interrupt() as interrupt:
        started = time.perf_counter() - seconds
        return _Loop(session, interrupt, on_progress, progress_every, folder, save_every, started).run()


@dataclass
class _Loop:
    """One pass through the loop; all that a resumed run needs lies in the session and its folder.

    | field          | meaning                                                             |
    |----------------|---------------------------------------------------------------------|
    | progress_every | updates after which `on_progress` is called in any case; 0: by time |
    | save_every     | updates between two checkpoints; 0: by time                         |
    | started        | when the run began, less the pauses since                           |
    | saved          | when the latest checkpoint was written                              |
    | stored         | whether one was written here                                        |
    | pace           | updates in the next stretch, if nothing is due before               |
    | startup        | seconds until the first update here was made                        |
    """

    session: Session
    interrupt: Interrupt
    on_progress: OnProgress | None
    progress_every: int
    folder: RunWriter | None
    save_every: int
    started: float
    saved: float = field(default_factory=time.perf_counter)
    stored: bool = False
    pace: int = 1
    startup: float = 0.0
    scores: dict[str, Score] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self.started

    def run(self) -> Run:
        session, before, began = self.session, self.seconds, self.session.step
        if session.step == 0 and session.history.last("train_loss") is None:
            self.evaluate()
        while session.step < session.recipe.steps and session.stopped_by is None:
            self.stretch()
            if not self.startup and session.step > began:
                self.startup = self.seconds - before
            if self.due(session.observation.evaluate_every):
                self.evaluate()
            if self.interrupt.requested and session.step < session.recipe.steps:
                session.stopped_by = session.stopped_by or "interrupted"
            if self.on_progress is not None:
                self.on_progress(session)
            why = session.ranks.gather(session.stopped_by)  # whoever stops, all stop
            session.stopped_by = next(filter(None, why), None)
            self.save()
        return self.end()

    def stretch(self) -> None:
        """Advance about as many updates as fit between two looks at the clock."""
        session = self.session
        marks = (session.observation.evaluate_every, self.save_every, self.progress_every)
        to_marks = [every - session.step % every for every in marks if every]
        steps = min(session.recipe.steps - session.step, *to_marks, *session.ranks.gather(self.pace))
        start = time.perf_counter()
        session.advance(steps)
        spent = time.perf_counter() - start
        self.pace = max(1, min(4 * self.pace, _LONGEST, int(steps * _STRETCH / max(spent, 1e-9))))

    def due(self, every: int) -> bool:
        return bool(every) and self.session.step % every == 0

    def evaluate(self) -> None:
        """Record the scores; under early stopping keep the best weights, or end."""
        session, stopping = self.session, self.session.recipe.early_stopping
        self.scores = session.record_scores()
        if stopping is not None:
            losses = list(session.history.series("val_loss")[1])
            if stopping.best(losses) == len(losses) - 1:
                session.best = session.state()
            if stopping.should_stop(losses):
                session.stopped_by = session.stopped_by or "early stopping"

    def save(self) -> None:
        """Write a checkpoint if one is due; else what the history has gained."""
        if self.folder is None:
            return
        wait = _SAVE if self.stored else _FIRST_SAVE
        late = not self.save_every and time.perf_counter() - self.saved > wait
        if late or self.due(self.save_every) or self.session.stopped_by == "interrupted":
            self.folder.checkpoint(self.session, self.seconds)
            self.saved, self.stored = time.perf_counter(), True
        else:
            self.folder.record(self.session.history)

    def end(self) -> Run:
        """Evaluate where the run ended; finish its folder unless it is to be resumed."""
        session = self.session
        if session.stopped_by == "interrupted":
            self.scores = session.scores()
        elif self.last_look() < session.step:
            self.scores = session.record_scores()
        if session.stopped_by != "interrupted" and self.folder is not None:
            self.folder.checkpoint(session, self.seconds)
        if session.stopped_by == "early stopping" and session.best is not None:
            session.program.restore(session.best)
            self.scores = session.scores()
        self.scores = self.scores or session.scores()
        if session.stopped_by != "interrupted" and self.folder is not None:
            self.folder.finish(session, self.scores, self.seconds)
        return Run(
            session.recipe,
            session.history,
            self.scores,
            session,
            session.stopped_by,
            self.seconds,
            None if self.folder is None else self.folder.path,
            self.startup,
        )

    def last_look(self) -> int:
        """Return the step of the latest recorded scores, -1 without any."""
        steps = self.session.history.series("train_loss")[0]
        return int(steps[-1]) if len(steps) else -1
