"""The loop: a session run to its end, with evaluation, early stopping and progress."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from koubai.core.params import Array
from koubai.data.dataset import Dataset
from koubai.probes.history import History
from koubai.train.recipe import Recipe
from koubai.train.session import Observation, Score, Session

_CHUNK = 200  # updates between two looks at the clock and at Ctrl-C


@dataclass
class Run:
    """A finished (or stopped) training run."""

    recipe: Recipe
    history: History
    scores: dict[str, Score]
    session: Session
    stopped_by: str | None = None

    def predict(self, x: Array) -> Array:
        """Return the network's outputs for inputs x (n, ...)."""
        return self.session.program.predict(x)


def train(
    recipe: Recipe,
    *,
    dataset: Dataset | None = None,
    data_dir: Path | None = None,
    engine: str = "auto",
    threads: int = 1,
    observation: Observation | None = None,
    on_progress: Callable[[Session], None] | None = None,
) -> Run:
    """Train a recipe from its first step to its last and return the run.

    `on_progress` is called after every stretch of updates and after every evaluation.
    """
    observation = observation or default_observation(recipe)
    session = Session(
        recipe, dataset=dataset, data_dir=data_dir, engine=engine, threads=threads, observation=observation
    )
    return finish(session, on_progress)


def default_observation(recipe: Recipe) -> Observation:
    """Return the usual watching: some fifty taps and ten evaluations a run."""
    return Observation(
        tap_every=max(1, recipe.steps // 50),
        first_until=1,
        evaluate_every=max(1, recipe.steps // 10),
        evaluate_rows=10_000,
    )


def finish(session: Session, on_progress: Callable[[Session], None] | None = None) -> Run:
    """Run a session from where it stands to the end of its recipe."""
    recipe, watch = session.recipe, session.observation
    stopping = recipe.early_stopping
    scores = session.record_scores() if session.step == 0 else {}
    best = session.state() if stopping else None
    while session.step < recipe.steps and session.stopped_by is None:
        to_evaluation = (
            watch.evaluate_every - session.step % watch.evaluate_every if watch.evaluate_every else _CHUNK
        )
        session.advance(min(_CHUNK, to_evaluation, recipe.steps - session.step))
        due = watch.evaluate_every and session.step % watch.evaluate_every == 0
        if due or session.step == recipe.steps or session.stopped_by:
            scores = session.record_scores()
            if stopping:
                losses = list(session.history.series("val_loss")[1])
                if stopping.best(losses) == len(losses) - 1:
                    best = session.state()
                if stopping.should_stop(losses):
                    session.stopped_by = "early stopping"
        if on_progress is not None:
            on_progress(session)
    if session.stopped_by == "early stopping" and best is not None:
        session.program.restore(best)
        scores = {part: session.evaluate(part) for part in scores}
    return Run(recipe, session.history, scores, session, session.stopped_by)
