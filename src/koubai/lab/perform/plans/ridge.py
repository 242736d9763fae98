"""Ridge: a linear layer under an L2 penalty on data drawn for every seed, beside the exact solutions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from koubai.core.errors import ConfigError, Problem
from koubai.core.params import Array
from koubai.data.dataset import DataSource
from koubai.lab.perform.outcome import Context, Outcome
from koubai.lab.perform.plans.plan import LabPlan
from koubai.lab.perform.training import outcome_of, run_of
from koubai.losses.mean_squared_error import MeanSquaredError
from koubai.penalties.p_norm import L2
from koubai.train.recipe import Recipe
from koubai.words.phrase import phrase


@dataclass(frozen=True, kw_only=True)
class Ridge(LabPlan):
    """`recipe` trains one linear layer with the mean squared error and at most L2 penalties.

    The descent's weights are compared with the two solutions in closed form: that of the penalty, and that of
    plain linear regression.
    """

    registry_name = "ridge"
    recipe: Recipe

    def __post_init__(self) -> None:
        recipe = self.recipe
        if not isinstance(recipe.loss, MeanSquaredError) or not all(type(p) is L2 for p in recipe.penalties):
            raise ConfigError("ridge", [Problem("recipe", phrase("not_a_ridge_regression"))])

    @property
    def data(self) -> DataSource:
        """What is trained on with this seed."""
        return self.recipes()[0].data

    def recipes(self) -> list[Recipe]:
        """The one training, with data of this seed."""
        return [self.recipe.edit(**{"data.seed": self.seed}, seed=self.seed)]

    def perform(self, context: Context) -> Outcome:
        """Train; the scores add how far the weights are from both, by the size of plain regression's."""
        (recipe,) = self.recipes()
        run, dataset = run_of(recipe, context)
        outcome = outcome_of(run, dataset, context)
        strength = sum(penalty.strength for penalty in recipe.penalties)
        x, t = np.asarray(dataset.inputs("train")[:], np.float64), dataset.t_train
        exact, plain = (ridge(x, t, value)[0] for value in (strength, 0.0))
        ours = next(w for path, w in run.session.state().weights.params.items() if path.endswith("weight"))
        size = float(np.linalg.norm(plain))
        scores = {
            "from_exact": float(np.linalg.norm(ours - exact)) / size,
            "from_least_squares": float(np.linalg.norm(ours - plain)) / size,
        }
        return Outcome(**(vars(outcome) | {"scores": {**outcome.scores, **scores}}))


def ridge(x: Array, t: Array, strength: float) -> tuple[Array, Array]:
    """Return weights (D, K) and biases (K,) that minimize mean (x w + b - t)^2 + (strength / 2) sum w^2.

    The bias is not in the penalty: with x and t shifted to mean 0 it drops out, and the gradient
    2 / (N K) x^T (x w - t) + strength w is 0 at w = (x^T x + N K strength / 2)^-1 x^T t.
    """
    x, t = x.reshape(len(x), -1), t.reshape(len(t), -1).astype(np.float64)
    center, middle = x.mean(axis=0), t.mean(axis=0)
    A = (x - center).T @ (x - center) + 0.5 * strength * t.size * np.eye(x.shape[1])
    w: Array = np.linalg.solve(A, (x - center).T @ (t - middle))
    return w, middle - center @ w
