"""Perceptron: what one line can part, and what a hidden layer adds where the step has a slope."""

from __future__ import annotations

from typing import Any, ClassVar

from koubai.data.sources.blobs import Blobs
from koubai.data.sources.xor import Xor
from koubai.lab.conclude.phrases import arm_text, mean_of
from koubai.lab.conclude.result import ExperimentResult, Sentence
from koubai.lab.course.settings import beats
from koubai.lab.declare.experiment import Arm, Claim, Experiment, Observations, Text
from koubai.lab.declare.measures import Measured
from koubai.lab.experiments.entry import CATALOG, Entry
from koubai.lab.perform.plans.two_classes import TwoClasses

CLOUDS = Blobs(n=200, centers=2, cluster_std=1.0, random_state=2, scale="standard")
TABLE = Xor(n=200, noise=0.15)
HIDDEN = 4


@CATALOG.register
class Perceptron(Entry):
    """The simple perceptron on two clouds and on XOR; then 4 hidden units in front, with step and with tanh.

    A perceptron answers 1 on one side of a line, which its rule finds if there is one (Rosenblatt 1958,
    Novikoff 1962). No line parts XOR: at most three of its four corners are answered rightly (Minsky and
    Papert 1969). A hidden layer can, but the derivative of a step is 0, so no gradient reaches its weights
    and they stay as they were drawn: gradients need an activation with a slope.
    """

    data: ClassVar = ("none",)

    def experiment(self, data: str) -> Experiment:
        """One model on two problems, two more on the harder one."""
        titles: dict[str, tuple[str, dict[str, Any]]] = {
            "perceptron, two clouds": ("単純パーセプトロン、2 つの塊", {"points": CLOUDS}),
            "perceptron, XOR": ("単純パーセプトロン、XOR", {}),
            "step hidden, XOR": ("中間層がステップ関数、XOR", {"hidden": HIDDEN}),
            "tanh hidden, XOR": ("中間層が tanh、XOR", {"hidden": HIDDEN, "activation": "tanh"}),
        }
        return Experiment(
            name=self.registry_name,
            base=TwoClasses(points=TABLE),
            arms=tuple(Arm(name, edits, label=Text(name, ja)) for name, (ja, edits) in titles.items()),
            seeds=tuple(range(8)),
            baseline="perceptron, XOR",
            claims=(
                Claim("perceptron, two clouds", None, "test_accuracy", "higher", margin=0.98),
                Claim("perceptron, XOR", None, "test_accuracy", "lower", margin=0.8),
                Claim("step hidden, XOR", None, "hidden_moved", "lower", margin=1e-12),
                beats("tanh hidden, XOR", "perceptron, XOR"),
                beats("tanh hidden, XOR", "step hidden, XOR"),
            ),
            observations=Observations(taps=0, evaluations=0),
        )

    def sentences(self, result: ExperimentResult) -> list[Sentence]:
        """For every arm: whether its rule came to an end, or how far its hidden weights moved; its test."""
        said = []
        for arm in result.arms:
            if not result.of(arm):
                continue
            test = Measured("test_accuracy", mean_of(result, arm, "test_accuracy"))
            values: dict[str, object] = {"arm": arm_text(result, arm), "test": test}
            if "hidden" in result.experiment[arm].edits:
                values["moved"] = f"{mean_of(result, arm, 'hidden_moved'):.2g}"
                said.append(Sentence("experiments.perceptron.network", values))
            else:
                ended = mean_of(result, arm, "mistakes") == 0
                values["rounds"] = round(mean_of(result, arm, "rounds"))
                values["mistakes"] = round(mean_of(result, arm, "mistakes"))
                said.append(Sentence(f"experiments.perceptron.{'ended' if ended else 'never'}", values))
        return said
