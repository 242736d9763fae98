"""What a person is told about a run: how it ended, how it goes on, what it reached."""

from __future__ import annotations

from math import nan
from typing import Any

import numpy as np

from koubai.train.session import Score, Session
from koubai.train.train import Run
from koubai.words import say

_WORTH_SAYING = 0.1  # seconds
_MOST_CLASSES = 12  # of a matrix that is shown


def ended(run: Run) -> str:
    """Return why and where a run ended, as a sentence."""
    session = run.session
    seconds = run.seconds - run.startup
    facts: dict[str, Any] = {"step": session.step, "steps": run.recipe.steps, "seconds": seconds}
    match run.stopped_by:
        case None:
            apart = run.startup >= _WORTH_SAYING
            key = "train.ended.whole_apart" if apart else "train.ended.whole"
            used: dict[str, Any] = {"engine": _engine(session), "threads": session.threads}
            return say(key, startup=run.startup, **used, **facts)
        case "early stopping":
            best = session.best.step if session.best is not None else session.step
            return say("train.ended.early_stopping", best=best, **facts)
        case "not finite":
            return say("train.ended.not_finite", **facts)
        case "interrupted":
            return say("train.ended.interrupted", **facts)
    return say("train.ended.other", reason=run.stopped_by, **facts)


def _engine(session: Session) -> str:
    """Return the engine's name, with the device where that is not the CPU."""
    engine, device = session.program.engine, session.computed_on
    return engine if device == "cpu" else f"{engine}, {device}"


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


def measure_rows(scores: dict[str, Score]) -> list[list[str]]:
    """Return the metrics that are numbers as rows of text, a column for each part; [] without any."""
    names = dict.fromkeys(
        name
        for score in scores.values()
        for name, value in score.measures.items()
        if isinstance(value, float)
    )
    if not names:
        return []
    rows = [[say("train.column.metric"), *(say(f"train.part.{part}") for part in scores)]]
    rows += [[name, *(f"{score.measures.get(name, nan):.4g}" for score in scores.values())] for name in names]
    return rows


def matrices(scores: dict[str, Score], names: tuple[str, ...] = ()) -> list[tuple[str, list[list[str]]]]:
    """Return the metrics that are arrays, of the last part there is: a sentence and rows of text for each.

    A large one has its sentence only. `names` are those of the classes.
    """
    found: list[tuple[str, list[list[str]]]] = []
    part, score = list(scores.items())[-1] if scores else ("", None)
    for name, value in score.measures.items() if score is not None else ():
        if isinstance(value, float):
            continue
        array = np.atleast_2d(np.array(value))
        said = {"name": name, "part": say(f"train.part.{part}"), "key": part}
        if max(array.shape) > _MOST_CLASSES or array.ndim > 2:
            shape = " x ".join(map(str, array.shape))
            found.append((say("train.matrix.large", shape=shape, **said), []))
            continue
        heads = list(names) if len(names) == array.shape[1] else list(map(str, range(array.shape[1])))
        sides = heads if array.shape[0] == array.shape[1] else [""] * array.shape[0]
        cells = [[f"{cell:.4g}" for cell in row] for row in array]
        rows = [[say("train.column.true") if name == "confusion_matrix" else "", *heads]]
        rows += [[side, *row] for side, row in zip(sides, cells, strict=True)]
        key = "confusion" if name == "confusion_matrix" else "other"
        found.append((say(f"train.matrix.{key}", **said), rows))
    return found
