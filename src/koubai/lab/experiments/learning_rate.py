"""Learning rate: too small, right, too large, and large at first."""

from __future__ import annotations

from koubai.lab.conclude.phrases import arm_text, mean_of, outcomes
from koubai.lab.conclude.result import ExperimentResult, Sentence
from koubai.lab.course.settings import COURSE_HIDDEN, beats, source
from koubai.lab.declare.experiment import Arm, Experiment, Observations
from koubai.lab.declare.measures import Measured
from koubai.lab.experiments.entry import CATALOG, Entry
from koubai.models.mlp import Mlp
from koubai.optim.sgd import SGD
from koubai.schedules.exponential_decay import ExponentialDecay
from koubai.train.recipe import Recipe

RATES = (0.001, 0.01, 0.1, 0.5, 2.0, 10.0)
_STEPS = 500


@CATALOG.register
class LearningRate(Entry):
    """Too small hardly moves, too large jumps over the minimum or away; start large, then shrink.

    Which rate is best is chosen on the validation part; the test part only tells how good the choice is.
    """

    def experiment(self, data: str) -> Experiment:
        """Six constant rates and one that shrinks."""
        validation = 300 if data == "digits" else 5000
        shrinking = {"optimizer": SGD(0.5), "schedule": ExponentialDecay(0.01, every=_STEPS)}
        return Experiment(
            name=self.registry_name,
            base=Recipe(Mlp(COURSE_HIDDEN), source(data, validation=validation), steps=_STEPS),
            arms=(
                *(
                    Arm(f"SGD {rate:g}", {"optimizer": SGD(rate)}, {"learning rate": f"{rate:g}"})
                    for rate in RATES
                ),
                Arm("SGD 0.5 shrinking to 0.005", shrinking),
            ),
            baseline="SGD 0.1",
            claims=(
                beats("SGD 0.1", "SGD 0.001"),
                beats("SGD 0.1", "SGD 10"),
                beats("SGD 0.5 shrinking to 0.005", "SGD 0.5"),
            ),
            observations=Observations(),
        )

    def sentences(self, result: ExperimentResult) -> list[Sentence]:
        """The choice on validation and what it gives on test, then how every arm ended."""
        arms = [arm for arm in result.arms if result.summary(arm, "val_accuracy")]
        if not arms:
            return []
        best = max(arms, key=lambda arm: mean_of(result, arm, "val_accuracy"))
        values = {
            "arm": arm_text(result, best),
            "validation": Measured("accuracy", mean_of(result, best, "val_accuracy")),
            "test": Measured("accuracy", mean_of(result, best, "test_accuracy")),
        }
        return [Sentence("experiments.learning_rate.chosen", values), *outcomes(result)]
