"""L2 and the output layer: what does it change to leave that layer out of the updates (D4)?"""

from __future__ import annotations

from typing import ClassVar

from koubai.lab.conclude.phrases import arm_sentences, learned, mean_of
from koubai.lab.conclude.result import ExperimentResult, Sentence
from koubai.lab.course.settings import beats, source
from koubai.lab.declare.experiment import Arm, Claim, Experiment, Observations, Published, Text
from koubai.lab.declare.measures import Measured
from koubai.lab.experiments.entry import CATALOG, Entry
from koubai.models.mlp import Mlp
from koubai.optim.sgd import SGD
from koubai.penalties.p_norm import L2
from koubai.train.recipe import Recipe

HIDDEN = (100,) * 6
RATE, STEPS = 0.01, 1000
WEAK, TOO_STRONG = 0.1, 0.3
_OUTPUT_LAYER = "13"  # its path in the network
_MATTERS = 0.02  # the question is whether anything like the collapse shows, not half a point
_PUBLISHED = Published(0.221)


def decayed(strength: float) -> float:
    """Return the share of a weight that is left when nothing but the penalty moves it."""
    return float((1 - RATE * strength) ** STEPS)


@CATALOG.register
class L2OutputLayer(Entry):
    """The first 300 training images, 784-[100]x6-10 with ReLU and He, SGD .01, 1000 updates; L2.

    In the course's exercise on L1 and L2 the loop that updates leaves the output layer out (D4): it keeps its
    first weights, and the penalty does not shrink it either. That decides whether L2 .2 leaves anything on
    MNIST. On the small digits the same happens at .17. At .1 both learn, at .3 neither.
    """

    also: ClassVar = ("L2正則化と出力層", "出力層の更新漏れ", "D4")

    def experiment(self, data: str) -> Experiment:
        """No penalty, a weak one, one that decides, a too strong one; with the last layer and without."""
        strong = strongest(data)
        arms = tuple(
            Arm(
                _name(strength, frozen=frozen),
                ({"penalties": (L2(strength),)} if strength else {})
                | ({"frozen": (_OUTPUT_LAYER,)} if frozen else {}),
                {
                    "updated": "without the output layer (D4)" if frozen else "all layers",
                    "lambda": f"{strength:g}",
                },
                label=_label(strength, frozen=frozen),
                defect="D4" if frozen else None,
                published=_PUBLISHED if frozen and strength == strong and data == "mnist" else None,
            )
            for strength in (0.0, WEAK, strong, TOO_STRONG)
            for frozen in (False, True)
        )
        right, wrong = _name(strong), _name(strong, frozen=True)
        return Experiment(
            name=self.registry_name,
            base=Recipe(Mlp(HIDDEN), source(data, train=300), optimizer=SGD(RATE), steps=STEPS),
            arms=arms,
            seeds=tuple(range(8)),
            baseline=right,
            claims=(
                beats(wrong, right),
                beats(_name(WEAK, frozen=True), _name(WEAK), matters=_MATTERS),
                Claim(wrong, _name(0.0), "test_accuracy", "lower"),
                Claim(wrong, right, "weight_norm"),
            ),
            observations=Observations(weights=True),
        )

    def sentences(self, result: ExperimentResult) -> list[Sentence]:
        """How every arm ended and what weights it has left; then why the output layer matters so much."""
        ends = arm_sentences(
            result,
            "experiments.l2_output_layer.arm",
            lambda arm: {
                "outcome": learned(result, arm),
                "weights": Measured("weight_norm", mean_of(result, arm, "weight_norm")),
            },
        )
        strong = float(result.experiment.reference.factors["lambda"])
        left, layers = decayed(strong), len(HIDDEN) + 1
        values = {
            "strength": f"{strong:g}",
            "steps": f"{STEPS:,}",
            "left": f"{left:.2g}",
            "layers": layers,
            "all": f"{left**layers:.1g}",
            "times": f"{1 / left:.1f}",
        }
        return [*ends, Sentence("experiments.l2_output_layer.why", values)]


def strongest(data: str) -> float:
    """Return the strength at which the output layer decides: smaller on digits, whose images are smaller."""
    return 0.17 if data == "digits" else 0.2


def _name(strength: float, *, frozen: bool = False) -> str:
    penalty = f"L2 {strength:g}".replace("0.", ".") if strength else "no penalty"
    return f"{penalty}, output layer left out" if frozen else penalty


def _label(strength: float, *, frozen: bool) -> Text:
    english = _name(strength, frozen=frozen) + (" (D4)" if frozen else "")
    penalty = _name(strength) if strength else "正則化なし"
    return Text(english, f"{penalty}、出力層を更新しない（D4）" if frozen else penalty)
