"""Ridge regression: linear regression at lambda = 0, no weights at a large lambda, the bias left alone."""

from __future__ import annotations

from typing import ClassVar

from koubai.data.sources.regression import Regression
from koubai.lab.conclude.phrases import arm_means
from koubai.lab.conclude.result import ExperimentResult, Sentence
from koubai.lab.declare.experiment import Arm, Claim, Experiment, Observations
from koubai.lab.experiments.entry import CATALOG, Entry
from koubai.lab.perform.plans.ridge import Ridge as Plan
from koubai.losses.mean_squared_error import MeanSquaredError
from koubai.models.mlp import Mlp
from koubai.optim.momentum import Momentum
from koubai.penalties.p_norm import L2
from koubai.train.recipe import Recipe

STRENGTHS = (0.01, 0.1, 0.3, 1.0, 10.0, 100.0)
OFFSET, SAMPLES = 3.0, 30
DATA = Regression(n=10 * SAMPLES, inputs=10, noise=1.0, offset=OFFSET, test_share=0.9)


@CATALOG.register
class Ridge(Entry):
    """30 samples of 10 inputs, targets around 3, as much noise as signal; a linear layer, L2 over strengths.

    E(w) = mean (x w + b - t)^2 + (lambda / 2) sum w^2: the term is added to the error function. At lambda =
    0 nothing is added, and what is left is linear regression. As lambda grows all weights go to 0, and the
    bias, which is not in the sum, goes to the mean of the targets. Every seed draws its own data. Gradient
    descent on all samples at once, 3000 updates, is compared with the solutions in closed form.
    """

    data: ClassVar = ("regression",)

    def experiment(self, data: str) -> Experiment:
        """From no penalty to one that leaves nothing."""
        recipe = Recipe(
            Mlp(hidden=(), classes=1),
            DATA,
            loss=MeanSquaredError(),
            optimizer=Momentum(0.02),
            batch_size=SAMPLES,
            replacement=False,
            steps=3000,
        )
        arms = tuple(
            Arm(
                f"lambda {strength:g}",
                {"recipe.penalties": (L2(strength),)},
                {"penalty": "L2" if strength else "none", "lambda": f"{strength:g}"},
            )
            for strength in (0.0, *STRENGTHS)
        )
        plain, large = arms[0].name, arms[-1].name
        return Experiment(
            name=self.registry_name,
            base=Plan(recipe=recipe),
            arms=arms,
            seeds=tuple(range(12)),
            measure="weight_norm",
            claims=(
                Claim(plain, None, "from_least_squares", "lower", margin=0.001),
                Claim(large, None, "weight_norm", "lower", margin=0.05),
                Claim(large, None, "bias_norm", "higher", margin=0.5 * OFFSET),
                Claim("lambda 0.3", plain, "test_loss", "lower"),
                Claim(large, plain, "test_loss", "higher"),
            ),
            observations=Observations(taps=0, evaluations=10),
        )

    def sentences(self, result: ExperimentResult) -> list[Sentence]:
        """For every strength: weights, bias, losses; then how far descent is from the closed form."""
        ends = arm_means(
            result,
            "experiments.ridge.arm",
            weights=("weight_norm", "weight_norm"),
            bias=("bias_norm", "bias_norm"),
            plain=("accuracy", "from_least_squares"),
            train=("loss", "train_loss"),
            test=("loss", "test_loss"),
        )
        errors = [run.scores["from_exact"] for run in result.runs if "from_exact" in run.scores]
        exact = [Sentence("experiments.ridge.exact", {"error": f"{max(errors):.1g}"})] if errors else []
        return [*ends, *exact]
