"""L1 against L2: which weights remain, and where do they go as lambda grows?"""

from __future__ import annotations

from koubai.lab.conclude.phrases import arm_means
from koubai.lab.conclude.result import ExperimentResult, Sentence
from koubai.lab.course.settings import source
from koubai.lab.declare.experiment import Arm, Claim, Experiment, Observations
from koubai.lab.experiments.entry import CATALOG, Entry
from koubai.models.mlp import Mlp
from koubai.optim.sgd import SGD
from koubai.penalties.p_norm import L1, L2
from koubai.penalties.proximal_l1 import ProximalL1
from koubai.train.recipe import Recipe

L2_STRENGTHS = (0.001, 0.01, 0.1, 1.0, 10.0)
L1_STRENGTHS = (0.0001, 0.001, 0.003, 0.01)


@CATALOG.register
class L1L2(Entry):
    """Ridge (L2) shrinks every weight in proportion, so none is exactly zero; Lasso (L1) clears out.

    Both are terms of the error function and leave biases alone: as lambda grows, all weights go to zero
    and the biases stay. L1's constant pull, taken as a gradient step, carries a weight without use to zero
    and past it by at most alpha lambda, to and fro; the soft threshold stops there (Daubechies, Defrise,
    De Mol 2004). So exact zeros are counted, and what is below .001 beside them.
    """

    def experiment(self, data: str) -> Experiment:
        """The path of both penalties over strengths."""
        ridge = (
            Arm(f"L2 {s:g}", {"penalties": (L2(s),)}, {"penalty": "L2", "lambda": f"{s:g}"})
            for s in L2_STRENGTHS
        )
        lasso = (
            Arm(f"L1 {s:g}", {"penalties": (L1(s),)}, {"penalty": "L1", "lambda": f"{s:g}"})
            for s in L1_STRENGTHS
        )
        soft = (
            Arm(
                f"L1 {s:g} (soft threshold)",
                {"penalties": (ProximalL1(s),)},
                {"penalty": "L1, soft threshold", "lambda": f"{s:g}"},
            )
            for s in L1_STRENGTHS
        )
        return Experiment(
            name=self.registry_name,
            base=Recipe(Mlp((50,)), source(data, train=500), optimizer=SGD(0.05), steps=1000),
            arms=(Arm("none", factors={"penalty": "none", "lambda": "0"}), *ridge, *lasso, *soft),
            baseline="none",
            claims=(
                Claim("L2 10", "none", "weight_norm", "lower"),
                Claim("L2 10", None, "bias_norm", "higher", margin=0.1),
                Claim("L1 0.01 (soft threshold)", "L1 0.01", "zero_weights"),
            ),
            observations=Observations(weights=True),
        )

    def sentences(self, result: ExperimentResult) -> list[Sentence]:
        """For every strength: what is left of weights and biases, how many are zero, the test score."""
        return arm_means(
            result,
            "experiments.l1_l2.arm",
            weights=("weight_norm", "weight_norm"),
            biases=("bias_norm", "bias_norm"),
            zeros=("zero_weights", "zero_weights"),
            small=("small_weights", "small_weights"),
            test=("accuracy", "test_accuracy"),
        )
