"""Rates: one optimizer at many learning rates on several networks; how many of the rates are good."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from koubai.core.params import Array
from koubai.data.dataset import DataSource
from koubai.lab.declare.experiment import Observations
from koubai.lab.perform.outcome import Context, Outcome
from koubai.lab.perform.plans.plan import LabPlan, shifted
from koubai.lab.perform.training import run_recipe
from koubai.probes.history import History
from koubai.train.recipe import Recipe

WITHIN = 0.05  # how far below its optimizer's best on a network a rate may be and still is good


@dataclass(frozen=True, kw_only=True)
class Rates(LabPlan):
    """`recipe` trained at every rate with every activation; a rate is good where it comes near the best.

    The validation part decides. Where even the best rate is no better than chance, none is good.
    """

    registry_name = "rates"
    recipe: Recipe
    rates: tuple[float, ...]
    activations: tuple[str, ...] = ("relu", "sigmoid")

    @property
    def data(self) -> DataSource:
        """What is trained on."""
        return self.recipe.data

    def recipes(self) -> list[Recipe]:
        """All trainings: by activation, then by rate."""
        return [
            self.recipe.edit(**{"network.activation": name, "optimizer.learning_rate": rate}, seed=self.seed)
            for name in self.activations
            for rate in self.rates
        ]

    def perform(self, context: Context) -> Outcome:
        """Train all; the scores count good rates: with the first activation, and with all of them at once."""
        recipes, steps = self.recipes(), self.recipe.steps
        outcomes = [
            run_recipe(
                recipe,
                replace(
                    context,
                    observations=Observations(taps=0, evaluations=0),
                    exhibits=False,
                    report=shifted(context.report, i * steps, len(recipes) * steps),
                ),
            )
            for i, recipe in enumerate(recipes)
        ]
        found = np.array([outcome.scores["val_accuracy"] for outcome in outcomes])
        found = found.reshape(len(self.activations), len(self.rates))
        limit = outcomes[0].scores["chance_limit"]
        good = good_rates(found, limit)
        history = History()
        for name, accuracies in zip(self.activations, found, strict=True):
            history.add_series(name, "val_accuracy", np.arange(len(self.rates)), accuracies)
        return Outcome(
            scores={
                "good_rates": float(good[0].sum()),
                "shared_rates": float(good.all(axis=0).sum()),
                "best_accuracy": float(found.max(axis=1).mean()),
                "chance_limit": limit,
            },
            history=history,
            engine=outcomes[0].engine,
            device=outcomes[0].device,
            seconds=sum(outcome.seconds or 0.0 for outcome in outcomes),
        )


def good_rates(accuracies: Array, limit: float) -> Array:
    """Return which rates are good (networks, rates), from accuracies and what guessing can reach."""
    best = accuracies.max(axis=1, keepdims=True)
    good: Array = (accuracies >= best - WITHIN) & (best > limit)
    return good
