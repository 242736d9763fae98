"""Early stopping: end a run when the validation loss no longer falls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class EarlyStopping:
    """Stop after `patience` evaluations without a validation loss lower by `min_delta`; keep the best.

    Source: Prechelt 1998, "Early stopping - but when?", criterion UP.
    """

    patience: int = 5
    min_delta: float = 0.0

    def best(self, losses: Sequence[float]) -> int:
        """Return the position of the last loss that counted as an improvement."""
        best = 0
        for i, loss in enumerate(losses):
            if loss < losses[best] - self.min_delta:
                best = i
        return best

    def should_stop(self, losses: Sequence[float]) -> bool:
        """Return whether the validation losses so far end the run."""
        return bool(losses) and len(losses) - 1 - self.best(losses) >= self.patience
