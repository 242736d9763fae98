"""One training run of an experiment: a recipe in, scores, history and exhibits out."""

from __future__ import annotations

import numpy as np

from koubai.data.dataset import Dataset
from koubai.lab.exhibits import exhibits_of
from koubai.lab.gradients import first_to_last
from koubai.lab.outcome import Context, Outcome
from koubai.train.recipe import Recipe
from koubai.train.session import Observation, Session
from koubai.train.train import Run, train


def run_recipe(recipe: Recipe, context: Context) -> Outcome:
    """Train a recipe to its end and score it on every part of its data."""
    dataset = recipe.data.load(context.data_dir)

    def progress(session: Session) -> None:
        loss = session.history.last("loss")
        context.report(session.step, recipe.steps, float("nan") if loss is None else loss)

    run = train(
        recipe,
        dataset=dataset,
        engine=context.engine,
        threads=context.threads,
        observation=observation(recipe, context),
        on_progress=progress,
    )
    return Outcome(
        scores=scores_of(run),
        history=run.history,
        exhibits=exhibits_of(run.session, context.watch) if context.exhibits else (),
        collapsed=is_constant(run, dataset),
        stopped_by=run.stopped_by,
        engine=run.session.program.engine,
    )


def observation(recipe: Recipe, context: Context) -> Observation:
    """Return the watching of a run; numbers a run become distances between updates."""
    watch = context.watch
    return Observation(
        tap_every=max(1, recipe.steps // watch.taps) if watch.taps else 0,
        first_until=1 if watch.taps else 0,
        units=False,
        evaluate_every=max(1, recipe.steps // watch.evaluations) if watch.evaluations else 0,
        evaluate_rows=watch.evaluate_rows,
    )


def scores_of(run: Run) -> dict[str, float]:
    """Return the final scores of every part, the gap between training and test, and sizes of gradients."""
    scores = {}
    for part, score in run.scores.items():
        scores[f"{part}_loss"] = score.loss
        if score.accuracy is not None:
            scores[f"{part}_accuracy"] = score.accuracy
    if "train_accuracy" in scores and "test_accuracy" in scores:
        scores["gap"] = scores["train_accuracy"] - scores["test_accuracy"]
    ratio = first_to_last(run.history)
    if ratio is not None:
        scores["first_to_last_gradient"] = ratio
    return scores | norms(run.session) | chance(run.session.dataset)


def chance(dataset: Dataset) -> dict[str, float]:
    """Return the share of the largest test class: what a constant answer reaches at best."""
    if dataset.classes is None or len(dataset.t_test) == 0:
        return {}
    return {"chance": float(np.bincount(dataset.t_test).max() / len(dataset.t_test))}


def norms(session: Session) -> dict[str, float]:
    """Return the Euclidean norms of all weights together and of all biases together at the end."""
    squares = {"weight_norm": 0.0, "bias_norm": 0.0}
    specs = session.network.param_specs
    for path, array in session.state().weights.params.items():
        kind = "weight_norm" if specs[path].penalized else "bias_norm"
        squares[kind] += float((array.astype(np.float64) ** 2).sum())
    return {kind: float(np.sqrt(square)) for kind, square in squares.items()}


def is_constant(run: Run, dataset: Dataset) -> bool:
    """Return whether the network gives every test sample the same class: its accuracy is a class share.

    A network that learned nothing ends here, whatever its score happens to be.
    """
    if dataset.classes is None or len(dataset.x_test) < 2:
        return False
    decided = run.recipe.loss.decide(run.predict(dataset.x_test))
    return bool((decided == decided[0]).all())
