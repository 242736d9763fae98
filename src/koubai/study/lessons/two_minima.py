"""Lesson 6: whether an optimizer finds the deeper of two minima."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from koubai.core.params import Array
from koubai.lab.declare.experiment import Arm, Experiment, Watch
from koubai.lab.perform.plans.descent import Descent
from koubai.lab.perform.plans.starts import Starts
from koubai.lab.perform.plans.surfaces import TwoMinima as Surface
from koubai.lab.perform.run_result import RunResult
from koubai.optim.adagrad import AdaGrad
from koubai.optim.adam import Adam
from koubai.optim.momentum import Momentum
from koubai.optim.optimizer import Optimizer
from koubai.optim.rmsprop import RMSProp
from koubai.optim.sgd import SGD
from koubai.study.lessons.lesson import LESSONS, Frame, Guess, Lesson, Row, Wrong
from koubai.study.lessons.rules import rows_of

RULES: dict[str, Optimizer] = {
    "sgd": SGD(0.05),
    "momentum": Momentum(0.05),
    "adagrad": AdaGrad(0.3),
    "rmsprop": RMSProp(0.03),
    "adam": Adam(0.3),
}
START = -1.5  # of the one descent that is looked at
_UPDATES = 30


@LESSONS.register
class TwoMinima(Lesson):
    """A gradient tells the way down, not which minimum is deepest: where a descent ends depends on its start.

    f = x^4 / 4 - x^2 / 2 - .2 x, from 200 starts between -2 and 2.
    """

    number = 6
    guess = Guess("levels", tuple(RULES), low=0, high=1, start=0.5, step=0.01, share=True)
    arms = tuple(RULES)
    reasons = ("start", "global", "rate", "noise")
    wrongs = (Wrong("global", {"momentum": (0.95, 1)}), Wrong("hopeless", {"sgd": (0, 0.3)}))
    usual = "global"
    rows = (
        Row(
            "slope", "f'(x) = x^3 - x - .2", "koubai.lab.perform.plans.surfaces:TwoMinima.gradient", "return"
        ),
        *rows_of(RULES),
    )
    questions = ("momentum_step", "valley")
    experiment_name = "two-minima"

    def experiment(self, seeds: Sequence[int]) -> Experiment:
        """Five rules, each from the same starts."""
        base = Starts(surface=Surface(), optimizer=SGD(0.05), low=-2.0, high=2.0, count=200, steps=500)
        arms = tuple(Arm(name, {"optimizer": rule}) for name, rule in RULES.items())
        watch = Watch(taps=0, evaluations=0)
        return Experiment(f"lesson-{self.registry_name}", base, arms, seeds=tuple(seeds), watch=watch)

    def values(self, run: RunResult) -> dict[str, float]:
        """Share of the starts that end in the deeper minimum."""
        return {run.arm: run.scores["global_share"]}

    def facts(self, runs: Sequence[RunResult]) -> dict[str, float]:
        """Shares of starts that end in the deeper minimum, that get across to it, that leave it."""
        surface = Surface()
        facts = {"deep": surface.minimum[0], "shallow": _shallow(surface), "top": surface.top, "start": START}
        for arm in self.arms:
            mine = [run.scores for run in runs if run.arm == arm]
            for name, score in (("", "global_share"), ("_across", "passed_shallow"), ("_left", "left_deep")):
                facts[f"{arm}{name}_share"] = float(np.mean([scores[score] for scores in mine]))
            facts[f"{arm}_end"] = float(_descent(RULES[arm], 500)[-1])
        return facts

    def trace(self) -> list[Frame]:
        """One descent from the shallow side for each rule: slope and move."""
        paths = {arm: _descent(rule, _UPDATES) for arm, rule in RULES.items()}
        slope = Surface().gradient
        return [
            Frame(
                i + 1,
                {
                    arm: {
                        "x": float(path[i]),
                        "gradient": float(slope(path[i : i + 1])[0]),
                        "to": float(path[i + 1]),
                    }
                    for arm, path in paths.items()
                },
            )
            for i in range(_UPDATES)
        ]


def _descent(rule: Optimizer, steps: int) -> Array:
    """Return the positions of one descent from START."""
    plan = Descent(surface=Surface(), optimizer=rule, start=(START,), steps=steps)
    points: Array = plan.points()[:, 0]
    return points


def _shallow(surface: Surface) -> float:
    """Where the gradient is 0 left of the top: by bisection, as it only rises there."""
    low, high = -2.0, -0.6
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if surface.gradient(np.array([middle]))[0] < 0 else (low, middle)
    return low
