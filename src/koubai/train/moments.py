"""What a callback of `koubai.fit` is told each time a run is evaluated, and how it ends the run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from koubai.probes.history import History
from koubai.train.session import Score, Session


@dataclass(frozen=True, eq=False)
class Moment:
    """A run at an evaluation: before the first update, at times, and at its end.

    | field   | meaning                                                                 |
    |---------|-------------------------------------------------------------------------|
    | step    | updates made                                                            |
    | steps   | updates of the whole run                                                |
    | loss    | of the latest batch; None before the first                              |
    | scores  | by part: "train", "val", "test"; each with loss, accuracy and measures  |
    | history | all that was recorded so far; to be read                                |
    """

    step: int
    steps: int
    loss: float | None
    scores: Mapping[str, Score]
    history: History
    _session: Session

    @classmethod
    def of(cls, session: Session, scores: Mapping[str, Score]) -> Moment:
        """Return where a session stands."""
        loss = session.history.last("loss")
        return cls(session.step, session.recipe.steps, loss, scores, session.history, session)

    def stop(self, why: str = "callback") -> None:
        """End the run here; `run.stopped_by` says why. What is trained so far is kept."""
        self._session.stopped_by = self._session.stopped_by or why


OnEvaluation = Callable[[Moment], object]
