"""scikit-learn's callbacks (`set_callbacks`, since scikit-learn 1.9): their tasks are an estimator's epochs.

Where the installed scikit-learn has none, estimators have no `set_callbacks`, and nothing here does anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from koubai.core.params import Array
from koubai.sklearn.learned import Learned
from koubai.train.session import Session

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # scikit-learn before 1.9
    Fit = TypeVar("Fit", bound=Callable[..., Any])

    class CallbackSupportMixin:  # type: ignore[no-redef]  # in the place of theirs
        """Nothing to support."""

    def with_callbacks(method: Fit) -> Fit:
        """Return the method as it is."""
        return method


__all__ = ["CallbackSupportMixin", "Epochs", "with_callbacks"]


class Epochs:
    """Tells an estimator's callbacks of its fit and of each epoch; give it as `on_progress`.

    A callback gets X, y and metadata as they were given to `fit`, and the estimator as if training ended
    there. What one returns as true ends the training.
    """

    def __init__(
        self, estimator: Any, given: tuple[Array, Array], weights: Any, first: int, epoch: int, epochs: int
    ) -> None:
        metadata: Mapping[str, Any] | None = None if weights is None else {"sample_weight": weights}
        self.estimator, self.epoch, self.next = estimator, epoch, first + epoch
        self.told = {"estimator": estimator, "X": given[0], "y": given[1], "metadata": metadata}
        self.whole = estimator._init_callback_context(max_subtasks=epochs)
        self.whole.call_on_fit_task_begin(**self.told)
        self.task = self._begin()

    @staticmethod
    def wanted(estimator: Any) -> bool:
        """Whether any callbacks are set."""
        return bool(getattr(estimator, "_skl_callbacks", ()))

    def _begin(self) -> Any:
        task = self.whole.subcontext(task_name="epoch")
        task.call_on_fit_task_begin(**self.told)
        return task

    def __call__(self, session: Session) -> None:
        """End an epoch's task where it is over, and begin the next."""
        if session.step < self.next or self.task is None:
            return
        self.next += self.epoch

        def as_it_stands() -> dict[str, Any]:
            return {"_learned": Learned.of_session(session)}

        stop = self.task.call_on_fit_task_end(**self.told, reconstruction_attributes=as_it_stands)
        self.task = None
        if stop:
            session.stopped_by = session.stopped_by or "callback"
        if session.stopped_by is None and session.step < session.recipe.steps:
            self.task = self._begin()

    def end(self) -> None:
        """End what is still open, then the fit: the estimator is trained."""
        if self.task is not None:
            self.task.call_on_fit_task_end(estimator=self.estimator)
        self.whole.call_on_fit_task_end(**self.told, reconstruction_attributes={})
