"""What a person is told about a run: how it ended, how it goes on, what it reached."""

from __future__ import annotations

from typing import Any

from koubai.train.session import Score
from koubai.train.train import Run
from koubai.words import say

_WORTH_SAYING = 0.1  # seconds


def ended(run: Run) -> str:
    """Return why and where a run ended, as a sentence."""
    session = run.session
    seconds = run.seconds - run.startup
    facts: dict[str, Any] = {"step": session.step, "steps": run.recipe.steps, "seconds": seconds}
    match run.stopped_by:
        case None:
            apart = run.startup >= _WORTH_SAYING
            key = "train.ended.whole_apart" if apart else "train.ended.whole"
            return say(key, engine=session.program.engine, startup=run.startup, **facts)
        case "early stopping":
            best = session.best.step if session.best is not None else session.step
            return say("train.ended.early_stopping", best=best, **facts)
        case "not finite":
            return say("train.ended.not_finite", **facts)
        case "interrupted":
            return say("train.ended.interrupted", **facts)
    return say("train.ended.other", reason=run.stopped_by, **facts)


def go_on(run: Run) -> str:
    """Return how an interrupted run is continued."""
    if run.folder is None:
        return say("train.go_on.python")
    return say("train.go_on.command", folder=run.folder)


def score_rows(scores: dict[str, Score]) -> list[list[str]]:
    """Return the scores as rows of text, the first one the heads of the columns."""
    rows = [[say(f"train.column.{name}") for name in ("part", "samples", "loss", "accuracy")]]
    for part, score in scores.items():
        accuracy = "" if score.accuracy is None else f"{score.accuracy:.4f}"
        rows.append([say(f"train.part.{part}"), f"{score.count:,}", f"{score.loss:.4f}", accuracy])
    return rows
