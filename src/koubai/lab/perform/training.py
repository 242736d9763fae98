"""One training run of an experiment: a recipe in, scores, history and exhibits out."""

from __future__ import annotations

import numpy as np

from koubai.core import random
from koubai.core.params import Array
from koubai.data.dataset import Dataset
from koubai.engines.engine import Observation
from koubai.lab.declare.experiment import Observations
from koubai.lab.perform.exhibits import exhibits_of
from koubai.lab.perform.gradients import factor_scores, ratios
from koubai.lab.perform.outcome import Context, Outcome, Stopped
from koubai.layers.activations import Activation
from koubai.layers.linear import Linear
from koubai.probes.histograms import activations
from koubai.probes.history import History
from koubai.probes.packed import rounded
from koubai.train.loop import OnProgress
from koubai.train.recipe import Recipe
from koubai.train.session import Session
from koubai.train.train import Run, train

_SAMPLES = 500  # inputs on which the signal is measured
NEAR_ZERO = 1e-3


def run_recipe(recipe: Recipe, context: Context) -> Outcome:
    """Train a recipe to its end and score it on every part of its data."""
    return outcome_of(*run_of(recipe, context), context)


def run_of(recipe: Recipe, context: Context) -> tuple[Run, Dataset]:
    """Train a recipe to its end; return the finished run and its data. Raises Stopped when asked to end."""
    dataset = recipe.data.load(context.data_dir)
    run = train(
        recipe,
        dataset=dataset,
        engine=context.engine,
        device=context.device,
        threads=context.threads,
        observation=observation(recipe, context),
        on_progress=reporting(context),
    )
    if run.stopped_by == "interrupted":
        raise Stopped
    return run, dataset


def reporting(context: Context) -> OnProgress:
    """Return what reports where a session stands; raises Stopped when it is to end."""

    def report(session: Session) -> None:
        loss = session.history.last("loss")
        context.report(session.step, session.recipe.steps, float("nan") if loss is None else loss)

    return report


def outcome_of(run: Run, dataset: Dataset, context: Context) -> Outcome:
    """Return what came out of a finished run: scores, history, exhibits."""
    return Outcome(
        scores=scores_of(run, context.observations),
        history=_short(run),
        exhibits=exhibits_of(run.session, context.observations) if context.exhibits else (),
        collapsed=is_constant(run, dataset),
        stopped_by=run.stopped_by,
        engine=run.session.program.engine,
        device=run.session.computed_on,
        seconds=run.seconds - run.startup,
    )


def _short(run: Run) -> History:
    """Return the run's history, the losses of batches and what was measured inside with 24 bits a number."""
    measured = [name for name in run.history.columns if name[0] or name[1] == "loss"]
    return History(rounded(run.history.columns, measured), run.history.vectors)


def observation(recipe: Recipe, context: Context) -> Observation:
    """Return what a session observes; numbers per run become distances between updates."""
    observations = context.observations
    return Observation(
        tap_every=max(1, recipe.steps // observations.taps) if observations.taps else 0,
        first_until=1 if observations.taps else 0,
        units=False,
        evaluate_every=max(1, recipe.steps // observations.evaluations) if observations.evaluations else 0,
        evaluate_rows=observations.evaluate_rows,
    )


def scores_of(run: Run, observations: Observations) -> dict[str, float]:
    """Return the final scores of every part, the gap between training and test, and sizes of gradients."""
    scores = {}
    for part, score in run.scores.items():
        scores[f"{part}_loss"] = score.loss
        if score.accuracy is not None:
            scores[f"{part}_accuracy"] = score.accuracy
        scores |= {f"{part}_{name}": v for name, v in score.measures.items() if isinstance(v, float)}
    if "train_accuracy" in scores and "test_accuracy" in scores:
        scores["gap"] = scores["train_accuracy"] - scores["test_accuracy"]
    session = run.session
    sizes = {
        "parameters": float(session.network.parameter_count),
        "multiply_adds": float(session.network.multiply_adds),
    }
    scores |= ratios(run.history) | factor_scores(run.history)
    scores |= weights(session) | units(session) | chance(session.dataset) | sizes
    if observations.signal:
        scores |= signal(session)
    return scores | outputs(session) if observations.outputs else scores


def signal(session: Session) -> dict[str, float]:
    """Return how much of what tells samples apart the last activation layer has left of the first's.

    Taken at the initial weights, on the first test samples: the standard deviation over samples of each unit,
    and its root mean square over the units. (Units that differ from each other, and answer every sample
    alike, tell nothing apart: a standard deviation over both together would hide that.)
    """
    network, recipe = session.network, session.recipe
    x = np.ascontiguousarray(session.dataset.inputs("test")[:_SAMPLES], recipe.dtype)
    hidden = [cell.path for cell in network.leaves if isinstance(cell.layer, Activation)]
    if len(x) == 0 or len(hidden) < 2:
        return {}
    outputs = activations(network, network.initialize(recipe.seed, recipe.dtype), x)
    first, last = (
        float(np.sqrt(outputs[path].var(axis=0, dtype=np.float64).mean())) for path in (hidden[0], hidden[-1])
    )
    return {"last_to_first_activation": last / first} if first > 0 else {}


def outputs(session: Session) -> dict[str, float]:
    """Return how sparse and how far off center the outputs of the activations are, at the end of training.

    Over all of them, on the first test samples: the share of exact zeros; and the root mean square of the
    units' means over samples, over that of their standard deviations.
    """
    x = np.ascontiguousarray(session.dataset.inputs("test")[:_SAMPLES], session.recipe.dtype)
    hidden = [cell.path for cell in session.network.leaves if isinstance(cell.layer, Activation)]
    if len(x) == 0 or not hidden:
        return {}
    found = activations(session.network, session.state().weights, x)
    y = np.concatenate([found[path].reshape(len(x), -1).astype(np.float64) for path in hidden], axis=1)
    squares, variances = float((y.mean(axis=0) ** 2).mean()), float(y.var(axis=0).mean())
    off = {"off_center": float(np.sqrt(squares / variances))} if variances > 0 else {}
    return {"zero_activations": float((y == 0).mean())} | off


def units(session: Session) -> dict[str, float]:
    """Return how many different units the first linear layer has at the end, as a share of its units."""
    for cell in session.network.leaves:
        if isinstance(cell.layer, Linear):
            columns = session.state().weights.params[f"{cell.path}.weight"].T
            return {"distinct_units": _distinct(columns) / len(columns)}
    return {}


def _distinct(rows: Array) -> int:
    """Return the number of different rows; sums in another order may tell twins apart by some 1e-7.

    Twins lie side by side in the order of any one projection, so only neighbors are compared.
    """
    rows = rows[np.argsort(rows @ random.generator(0, "projection").standard_normal(rows.shape[1]))]
    apart = np.abs(rows[1:] - rows[:-1]).max(axis=1) > 1e-4 * np.abs(rows).max()
    return 1 + int(apart.sum())


def chance(dataset: Dataset) -> dict[str, float]:
    """Return the share of the largest test class, which one answer for all reaches, and what guessing can.

    The limit lies three standard errors of a share above: one guess in a thousand gets further.
    """
    if dataset.classes is None or len(dataset.t_test) == 0:
        return {}
    share = float(np.bincount(dataset.t_test).max() / len(dataset.t_test))
    return {"chance": share, "chance_limit": share + 3 * (share * (1 - share) / len(dataset.t_test)) ** 0.5}


def weights(session: Session) -> dict[str, float]:
    """Return the norms of all weights and of all biases at the end, and the shares that are 0 and small.

    Zero means exactly zero, small means below .001 in size.
    """
    squares, zero, small, count = {"weight_norm": 0.0, "bias_norm": 0.0}, 0, 0, 0
    specs = session.network.param_specs
    for path, array in session.state().weights.params.items():
        kind = "weight_norm" if specs[path].penalized else "bias_norm"
        squares[kind] += float((array.astype(np.float64) ** 2).sum())
        if specs[path].penalized:
            zero += int((array == 0).sum())
            small += int((np.abs(array) < NEAR_ZERO).sum())
            count += array.size
    norms = {kind: float(np.sqrt(square)) for kind, square in squares.items()}
    return norms | {"zero_weights": zero / max(count, 1), "small_weights": small / max(count, 1)}


def is_constant(run: Run, dataset: Dataset) -> bool:
    """Return whether the network gives every test sample the same class: its accuracy is a class share.

    A network that learned nothing ends here, whatever its score happens to be.
    """
    if dataset.classes is None or len(dataset.t_test) < 2:
        return False
    decided = run.recipe.loss.decide(run.session.outputs(dataset.inputs("test")))
    return bool((decided == decided[0]).all())
