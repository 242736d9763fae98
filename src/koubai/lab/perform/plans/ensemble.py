"""Ensemble: several networks asked together, thinned ones of one training or ones trained apart."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from koubai.core.checks import whole
from koubai.core.errors import UnknownName
from koubai.core.params import Array
from koubai.data.dataset import DataSource
from koubai.lab.perform.outcome import Context, Outcome
from koubai.lab.perform.plans.plan import LabPlan, shifted
from koubai.lab.perform.training import outcome_of, run_of
from koubai.train.recipe import Recipe
from koubai.train.train import Run

Members = Literal["whole", "thinned", "apart"]
_OF_ONE = ("train_accuracy", "train_loss", "gap")  # scores of a network asked alone, no part of the question
_APART = 1000  # seeds between two networks trained apart, so that no replica shares one


@dataclass(frozen=True, kw_only=True)
class Ensemble(LabPlan):
    """`count` networks whose probabilities are averaged on the test part.

    | members | are                                                                                |
    |---------|------------------------------------------------------------------------------------|
    | whole   | the trained network as it is used after training; `count` plays no role            |
    | thinned | that network with a dropout mask each, the masks of the updates after the last one |
    | apart   | networks trained apart, each with its own first weights and order of samples       |
    """

    registry_name = "ensemble"
    recipe: Recipe
    members: Members = "whole"
    count: int = 1

    def __post_init__(self) -> None:
        if self.members not in get_args(Members):
            raise UnknownName("members", self.members, get_args(Members), where="Ensemble")
        whole(self, 1, count=self.count)

    @property
    def data(self) -> DataSource:
        """What is trained on."""
        return self.recipe.data

    def recipes(self) -> list[Recipe]:
        """The trainings: one, or as many as are trained apart."""
        count = self.count if self.members == "apart" else 1
        return [self.recipe.edit(seed=self.seed + _APART * i) for i in range(count)]

    def perform(self, context: Context) -> Outcome:
        """Train; scores on the test part are those of the mean probabilities, all else the first's."""
        recipes = self.recipes()
        total, first, seconds = np.zeros(0), None, 0.0
        for i, recipe in enumerate(recipes):
            report = shifted(context.report, i * recipe.steps, len(recipes) * recipe.steps)
            inner = replace(context, report=report, exhibits=context.exhibits and i == 0)
            run, dataset = run_of(recipe, inner)
            asked = self._probabilities(run, np.ascontiguousarray(dataset.inputs("test")[:], recipe.dtype))
            total = asked if first is None else total + asked
            seconds += run.seconds - run.startup
            first = first or outcome_of(run, dataset, inner)
        assert first is not None  # there is at least one training
        mean, t = total / len(recipes), dataset.t_test
        scores = {
            "test_accuracy": float((mean.argmax(axis=1) == t).mean()),
            "test_loss": float(-np.log(np.maximum(mean[np.arange(len(t)), t], 1e-300)).mean()),
        }
        kept = {name: score for name, score in first.scores.items() if name not in _OF_ONE}
        return Outcome(**(vars(first) | {"scores": {**kept, **scores}, "seconds": seconds}))

    def _probabilities(self, run: Run, x: Array) -> Array:
        """Return the members' mean probabilities for prepared inputs, (N, K)."""
        loss, session = run.recipe.loss, run.session
        if self.members != "thinned":
            return loss.probabilities(session.outputs(x))
        root = session.network.bind(session.state().weights, training=True, seed=run.recipe.seed)
        total = np.zeros(0)
        for i in range(self.count):
            for cell in root.walk():
                cell.step = run.recipe.steps + 1 + i
            one = loss.probabilities(root.forward(x))
            total = one if i == 0 else total + one
        return total / self.count
