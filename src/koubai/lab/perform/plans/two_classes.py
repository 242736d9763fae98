"""Two classes in the plane, parted by the perceptron's rule, or by a network with one hidden layer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from koubai.core import random
from koubai.core.params import Array
from koubai.data.dataset import Dataset, DataSource
from koubai.lab.perform.outcome import Context, Outcome
from koubai.lab.perform.plans.plan import LabPlan
from koubai.lab.perform.run_result import Exhibit
from koubai.layers.activations import Step
from koubai.layers.linear import Linear
from koubai.layers.sequential import Sequential
from koubai.models.model import activation_named
from koubai.optim.adam import Adam
from koubai.probes.history import History
from koubai.train.recipe import Recipe
from koubai.train.train import train

_GRID = 60  # points along each axis of the drawn plane
_STEPS, _RATE = 500, 0.02  # updates of a network, and their rate


@dataclass(frozen=True, kw_only=True)
class TwoClasses(LabPlan):
    """`hidden` 0: the perceptron, learned by Rosenblatt's rule; else a network learned by gradients.

        y = step(w x + b)        w <- w + (t - y) x,  b <- b + (t - y)      for one sample after another

    The rule changes nothing at a sample that is answered rightly. If a line parts the classes it ends after
    finitely many corrections (Novikoff 1962), else never; `rounds` over the samples are made at most.
    """

    registry_name = "two_classes"
    points: DataSource
    hidden: int = 0
    activation: str = "step"
    rounds: int = 50

    def recipes(self) -> list[Recipe]:
        """Return the network's training, where there is a network."""
        return [self._recipe()] if self.hidden else []

    def perform(self, context: Context) -> Outcome:
        """Learn, and answer every place of the plane."""
        data = self.points.load(context.data_dir)
        answer, scores, history = self._network(data, context) if self.hidden else self._perceptron(data)
        for part in ("train", "test"):
            right = answer(np.asarray(data.inputs(part))) == getattr(data, f"t_{part}")
            scores[f"{part}_accuracy"] = float(right.mean())
        return Outcome(scores, history, (_plane(data, answer),) if context.exhibits else (), engine="formula")

    def _perceptron(self, data: Dataset) -> tuple[Callable[[Array], Array], dict[str, float], History]:
        x, t = np.asarray(data.x_train, np.float64), data.t_train
        w, b, mistakes, history = np.zeros(x.shape[1]), 0.0, 0, History()
        step = Step()
        for number in range(1, self.rounds + 1):
            mistakes = 0
            for i in random.permutation(random.key(self.seed, "perceptron", number), len(x)):
                error = t[i] - float(step.value(x[i] @ w + b))
                w, b = w + error * x[i], b + error
                mistakes += error != 0
            history.add(number, "", "mistakes", mistakes)
            if mistakes == 0:
                break
        scores = {"rounds": float(number), "mistakes": float(mistakes)}
        return (lambda points: (points @ w + b >= 0).astype(np.int64)), scores, history

    def _recipe(self) -> Recipe:
        hidden = activation_named(self.activation, "two classes")
        network = Sequential(Linear(self.hidden), hidden, Linear(2))
        return Recipe(
            network, self.points, optimizer=Adam(_RATE), batch_size=20, steps=_STEPS, seed=self.seed
        )

    def _network(
        self, data: Dataset, context: Context
    ) -> tuple[Callable[[Array], Array], dict[str, float], History]:
        recipe = self._recipe()
        run = train(recipe, dataset=data, engine="reference", threads=context.threads)
        before = run.session.network.initialize(recipe.seed).params["0.weight"]
        moved = float(np.linalg.norm(run.session.state().weights.params["0.weight"] - before))

        def answer(points: Array) -> Array:
            return recipe.loss.decide(run.session.outputs(np.ascontiguousarray(points, np.float32)))

        return answer, {"hidden_moved": moved}, run.history


def _plane(data: Dataset, answer: Callable[[Array], Array]) -> Exhibit:
    """Return the training points with their classes, and the answer at every place around them."""
    points = np.asarray(data.x_train, np.float64)
    low, high = points.min(axis=0), points.max(axis=0)
    margin = 0.1 * (high - low)
    axes = [np.linspace(a, b, _GRID) for a, b in zip(low - margin, high + margin, strict=True)]
    mesh = np.stack(np.meshgrid(*axes, indexing="xy"), axis=-1)
    values = answer(mesh.reshape(-1, 2)).reshape(_GRID, _GRID)
    arrays = {"x": axes[0], "y": axes[1], "values": values.astype(np.float64)}
    return Exhibit("plane", "", arrays | {"points": points, "classes": data.t_train.astype(np.float64)})
