"""Lesson 7: what an optimizer does to a gradient, and why one common rate compares rates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from koubai.core.params import Array
from koubai.lab.course.settings import COURSE_HIDDEN, GAUSS, source
from koubai.lab.declare.experiment import Arm, Experiment
from koubai.lab.perform.run_result import RunResult
from koubai.models.mlp import Mlp
from koubai.optim.adagrad import AdaGrad
from koubai.optim.adam import Adam
from koubai.optim.momentum import Momentum
from koubai.optim.optimizer import Optimizer as Rule
from koubai.optim.rmsprop import RMSProp
from koubai.optim.sgd import SGD
from koubai.study.lessons.lesson import LESSONS, Frame, Guess, Lesson, Wrong, looked_at
from koubai.study.lessons.rules import rows_of
from koubai.train.recipe import Recipe

STEPS = 1000
_UPDATES = 8
RATE, LARGE = 0.01, 3.0
RATES = (0.001, 0.01, 0.1, 1.0)
RULES: dict[str, Rule] = {
    "sgd": SGD(RATE),
    "momentum": Momentum(RATE),
    "adagrad": AdaGrad(RATE),
    "rmsprop": RMSProp(RATE),
    "adam": Adam(RATE),
    "sgd_large": SGD(LARGE),
}


@LESSONS.register
class Optimizers(Lesson):
    """Tiny gradients times .01 move nothing; a rule that divides by their size does.

    So does the plainest rule at its own rate: one common rate compares rates, not rules.
    """

    number = 7
    guess = Guess("order", tuple(RULES), low=1, high=len(RULES), start=1, step=1, share=True, tie=0.03)
    arms = tuple(RULES)
    reasons = ("size", "minimum", "sgd_weak", "memory")
    wrongs = (Wrong("sgd_weak", {"sgd_large": (5, 6)}), Wrong("same", {"sgd": (1, 3)}))
    usual = "sgd_weak"
    others = ("saddle",)
    slider = RATES
    slider_arms = ("sgd", "momentum", "adagrad", "rmsprop", "adam")
    slider_numbers = ("test_accuracy", "train_loss")
    rows = rows_of(RULES)
    questions = ("adam_first_step", "adagrad_step", "momentum_step")
    experiment_name = "optimizers"

    def experiment(self, seeds: Sequence[int]) -> Experiment:
        """Five rules at one rate, and the plainest of them at another."""
        network = Mlp(COURSE_HIDDEN, activation="sigmoid")
        base = Recipe(network, source("digits"), initializer=GAUSS, steps=STEPS)
        arms = tuple(Arm(name, {"optimizer": rule}) for name, rule in RULES.items())
        return self.experiment_of(base, arms, seeds, taps=1, evaluations=1, evaluate_rows=1)

    def beside(self, seeds: Sequence[int]) -> Experiment:
        """Each rule at every rate, with two seeds."""
        arms = tuple(
            Arm(f"{name} {rate:g}", {"optimizer": replace(RULES[name], learning_rate=rate)})
            for rate in RATES
            for name in self.slider_arms
        )
        experiment = self.experiment(seeds[:2])
        return replace(experiment, name=f"lesson-{self.registry_name}-rates", arms=arms)

    def facts(self, runs: Sequence[RunResult]) -> dict[str, float]:
        """Mean accuracies, and how large gradient and steps are at the first update of the trace."""
        facts = {"rate": RATE, "large": LARGE, "steps": STEPS}
        for arm in self.arms:
            mine = [run.scores["test_accuracy"] for run in runs if run.arm == arm]
            facts[f"{arm}_accuracy"] = float(np.mean(mine))
        first = self.trace()[0].places
        facts |= {"gradient": first["sgd"]["gradient"], "sgd_step": first["sgd"]["moved"]}
        moves = _moves(RULES["adagrad"])
        facts |= {"adagrad_first": float(moves[0]), "adagrad_last": float(moves[-1])}
        return facts | {"adam_step": first["adam"]["moved"], "times": first["adam"]["times"]}

    def trace(self) -> list[Frame]:
        """For each arm: gradient of the first weights, and how far they move (root mean squares)."""
        places: list[dict[str, dict[str, float]]] = [{} for _ in range(_UPDATES)]
        experiment = self.experiment((0,))
        for arm in experiment.arms:
            session = looked_at(experiment.plan(arm, 0), _UPDATES)
            path = next(path for path in session.network.param_specs if path.endswith("weight"))
            scale = float(1 / np.sqrt(np.prod(session.network.param_specs[path].shape)))
            rate = RULES[arm.name].learning_rate

            def size(quantity: str, update: int, path: str = path, session=session) -> float:  # type: ignore[no-untyped-def]
                return float(session.history.series(quantity, path)[1][update])

            for i, place in enumerate(places):
                gradient = size("gradient_norm", i) * scale
                step = size("update_ratio", i) * size("weight_norm", i) * scale
                place[arm.name] = {
                    "gradient": gradient,
                    "rate": rate,
                    "plain": rate * gradient,
                    "moved": step,
                    "times": float(step / (rate * gradient)),
                }
        return [Frame(i + 1, place) for i, place in enumerate(places)]


def _moves(rule: Rule) -> Array:
    """Return how far a rule moves one weight at each update, where the gradient stays 1."""
    w, slots = np.zeros(1), {name: np.zeros(1) for name in rule.slots}
    places = [0.0]
    for t in range(1, STEPS + 1):
        rule.update(w, np.ones(1), slots, rule.learning_rate, t)
        places.append(float(w[0]))
    return -np.diff(places)
