"""The loop: a session run to its end, with evaluation, early stopping, checkpoints and progress."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from koubai.train.folder_writer import RunWriter
from koubai.train.interrupt import Interrupt
from koubai.train.moments import Moment, OnEvaluation
from koubai.train.session import Score, Session

_STRETCH = 0.2  # seconds between two looks at the clock, at Ctrl-C and at whoever watches
_LONGEST = 2000  # updates in one stretch
_SAVE = 30.0  # seconds between two checkpoints, unless steps are asked for
_FIRST_SAVE = 5.0  # seconds before the first: whoever watches the run can examine it from then on

OnProgress = Callable[[Session], None]


@dataclass
class Loop:
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
    | began, before  | the step and the seconds at which it began here                     |
    | callbacks      | called after every evaluation with the Moment                       |
    | failed         | what one of them raised                                             |
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
    callbacks: Sequence[OnEvaluation] = ()
    failed: BaseException | None = None

    def __post_init__(self) -> None:
        self.began, self.before = self.session.step, self.seconds

    @property
    def seconds(self) -> float:
        """How long the run has taken so far."""
        return time.perf_counter() - self.started

    def run(self) -> None:
        """Run the session to its end."""
        if self.looks_first:
            self.evaluate()
        while self.goes_on:
            steps, start = self.next_steps(), time.perf_counter()
            self.session.advance(steps)
            self.keep_pace(steps, time.perf_counter() - start)
            self.look()
        self.end()

    @property
    def looks_first(self) -> bool:
        """Whether initial weights are still to be evaluated."""
        return self.session.step == 0 and self.session.history.last("train_loss") is None

    @property
    def goes_on(self) -> bool:
        """Whether there are steps left."""
        return self.session.step < self.session.recipe.steps and self.session.stopped_by is None

    @property
    def evaluates(self) -> bool:
        """Whether the step just made is one after which to evaluate."""
        return self.due(self.session.observation.evaluate_every)

    def look(self) -> None:
        """After some steps: evaluate if that is due, hear who wants it to stop, report, save."""
        session = self.session
        if self.evaluates:
            self.evaluate()
        if self.interrupt.requested and session.step < session.recipe.steps:
            session.stopped_by = session.stopped_by or "interrupted"
        if self.on_progress is not None:
            self.on_progress(session)
        why = session.ranks.gather(session.stopped_by)  # whoever stops, all stop
        session.stopped_by = next(filter(None, why), None)
        self.save()

    def next_steps(self) -> int:
        """Return about as many updates as fit between two looks at the clock."""
        session = self.session
        marks = (session.observation.evaluate_every, self.save_every, self.progress_every)
        to_marks = [every - session.step % every for every in marks if every]
        return min(session.recipe.steps - session.step, *to_marks, *session.ranks.gather(self.pace))

    def keep_pace(self, steps: int, spent: float) -> None:
        """Note that so many updates were asked for, and the seconds they took."""
        self.pace = max(1, min(4 * self.pace, _LONGEST, int(steps * _STRETCH / max(spent, 1e-9))))
        if not self.startup and self.session.step > self.began:
            self.startup = self.seconds - self.before

    def due(self, every: int) -> bool:
        """Whether something is due that happens every so many updates."""
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
        self.tell()

    def tell(self) -> None:
        """Call the callbacks; where one raises, write down what is trained first, so that it can go on."""
        for callback in self.callbacks:
            try:
                callback(Moment.of(self.session, self.scores))
            except BaseException as error:
                self.failed = error
                if self.folder is not None:
                    self.folder.checkpoint(self.session, self.seconds)
                raise

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

    def end(self) -> None:
        """Evaluate where the run ended; finish its folder unless it is to be resumed."""
        session = self.session
        if session.stopped_by == "interrupted":
            self.scores = session.scores()
        elif self.last_look() < session.step:
            self.scores = session.record_scores()
            self.tell()
        if session.stopped_by != "interrupted" and self.folder is not None:
            self.folder.checkpoint(session, self.seconds)
        if session.stopped_by == "early stopping" and session.best is not None:
            session.program.restore(session.best)
            self.scores = session.scores()
        self.scores = self.scores or session.scores()
        if session.stopped_by != "interrupted" and self.folder is not None:
            self.folder.finish(session, self.scores, self.seconds, self.startup)

    def last_look(self) -> int:
        """Return the step of the latest recorded scores, -1 without any."""
        steps = self.session.history.series("train_loss")[0]
        return int(steps[-1]) if len(steps) else -1
