"""Over-fitting: does regularization shrink the gap between training and test, and at what price?"""

from __future__ import annotations

from dataclasses import replace

from koubai.lab.conclude.phrases import gaps, mean_of
from koubai.lab.conclude.result import ExperimentResult, Sentence
from koubai.lab.course.parts import thinned_mlp
from koubai.lab.course.settings import source
from koubai.lab.declare.experiment import Arm, Claim, Experiment, Observations, Published, Text
from koubai.lab.experiments.entry import CATALOG, Entry
from koubai.models.mlp import Mlp
from koubai.optim.sgd import SGD
from koubai.penalties.p_norm import L1, L2
from koubai.train.recipe import Recipe

HIDDEN = (100,) * 6
MATTERS = 0.005  # differences within half a point count as none
_OUTPUT_LAYER = "19"  # its path in the network with dropout


@CATALOG.register
class OverFitting(Entry):
    """The first 300 training images (digits: 100), 784-[100]x6-10 with ReLU and He, SGD .01, 1000 updates.

    No regularization, L2, L1, dropout, and dropout with L1, each over strengths. Every regularized arm of
    the course scores lower on the test part than no regularization; what shrinks is the gap. (On 100 small
    digits L2 .1 is too strong even for that.) The course's L1 arm has ten times its neighbors' learning
    rate (D7) and oscillates. Its dropout does not grow what it keeps, so through six layers the signal and
    the gradient shrink to .85^6 = .38: that, not regularization, costs most of its test accuracy. Its
    dropout arm also inherits L2 .005 from the cell before (D5), and dropout + L1 leaves the output layer as
    it started (D4).
    """

    def experiment(self, data: str) -> Experiment:
        """Every kind of regularization over strengths; on other data than digits, the course's arms first."""
        train = 100 if data == "digits" else 300
        first = (_NONE,) if data == "digits" else course_arms(known=data == "mnist")
        names = {arm.name for arm in first}
        return Experiment(
            name=self.registry_name,
            base=Recipe(Mlp(HIDDEN), source(data, train=train), optimizer=SGD(0.01), steps=1000),
            arms=(*first, *(arm for arm in strengths() if arm.name not in names)),
            seeds=tuple(range(8)),
            baseline="none",
            claims=(
                *(Claim(arm, "none", "gap", "lower") for arm in ("L2 .1", "L1 .005", "dropout .15")),
                *(Claim(arm, "none") for arm in ("L2 .1", "dropout .15")),
            ),
            observations=Observations(weights=True),
        )

    def sentences(self, result: ExperimentResult) -> list[Sentence]:
        """Training, test and gap of every arm; then the honest summary: does any arm test better?"""
        none, gap = (mean_of(result, "none", measure) for measure in ("test_accuracy", "gap"))
        others = [arm for arm in result.arms if arm != "none" and result.summary(arm, "gap")]
        values = {
            "smaller": sum(mean_of(result, a, "gap") < gap - MATTERS for a in others),
            "better": sum(mean_of(result, a, "test_accuracy") > none + MATTERS for a in others),
            "worse": sum(mean_of(result, a, "test_accuracy") < none - MATTERS for a in others),
            "total": len(others),
            "matters": f"{100 * MATTERS:g}",
        }
        return [*gaps(result), Sentence("experiments.over_fitting.summary", values)]


def course_arms(*, known: bool) -> tuple[Arm, ...]:
    """Return the course's arms; where its number needs its own mistakes, the right arm stands before."""

    def published(mean: float, sd: float, n: int | None) -> Published | None:
        return Published(mean, sd, n) if known else None

    return (
        replace(_NONE, published=published(0.761, 0.010, 17)),
        replace(_l2(0.1), published=published(0.706, 0.024, 12)),
        _l1(0.005),
        Arm(
            "L1 .005, SGD .1",
            {"penalties": (L1(0.005),), "optimizer": SGD(0.1)},
            {"kind": "L1, SGD .1 (D7)", "strength": "0.005"},
            label=Text("L1 .005, SGD .1 (D7)", "L1 .005、SGD .1（D7）"),
            defect="D7",
            published=published(0.64, 0.135, 11),
        ),
        _dropout(0.15),
        Arm(
            "dropout .15, course",
            {"network": thinned_mlp(HIDDEN, 10, 0.15), "penalties": (L2(0.005),)},
            {"kind": "dropout, not inverted (D5)", "strength": "0.15"},
            label=Text("dropout .15, not inverted (D5)", "ドロップアウト .15、反転なし（D5）"),
            defect="D5",
            published=published(0.713, 0.020, 8),
        ),
        _both(0.08, 0.004),
        Arm(
            "dropout .08 + L1 .004, course",
            {
                "network": thinned_mlp(HIDDEN, 10, 0.08),
                "penalties": (L1(0.004),),
                "frozen": (_OUTPUT_LAYER,),
            },
            {"kind": "dropout .08 + L1, not inverted (D4)", "strength": "0.004"},
            label=Text(
                "dropout .08 + L1 .004, not inverted (D4)", "ドロップアウト .08 + L1 .004、反転なし（D4）"
            ),
            defect="D4",
            published=published(0.726, 0.023, 13),
        ),
    )


def strengths() -> tuple[Arm, ...]:
    """Return none, and every kind of regularization at three strengths."""
    return (
        _NONE,
        *(_l2(strength) for strength in (0.001, 0.01, 0.1)),
        *(_l1(strength) for strength in (0.0005, 0.001, 0.005)),
        *(_dropout(ratio) for ratio in (0.08, 0.15, 0.3)),
        *(_both(0.08, strength) for strength in (0.0005, 0.001, 0.004)),
    )


_NONE = Arm("none", factors={"kind": "none", "strength": "0"})


def _l2(strength: float) -> Arm:
    factors = {"kind": "L2", "strength": f"{strength:g}"}
    return Arm(f"L2 {_short(strength)}", {"penalties": (L2(strength),)}, factors)


def _l1(strength: float) -> Arm:
    factors = {"kind": "L1", "strength": f"{strength:g}"}
    return Arm(f"L1 {_short(strength)}", {"penalties": (L1(strength),)}, factors)


def _dropout(ratio: float) -> Arm:
    factors = {"kind": "dropout", "strength": f"{ratio:g}"}
    return Arm(f"dropout {_short(ratio)}", {"network.dropout": ratio}, factors)


def _both(ratio: float, strength: float) -> Arm:
    """Dropout and L1; the strength that varies is that of L1."""
    name = f"dropout {_short(ratio)} + L1"
    edits = {"network.dropout": ratio, "penalties": (L1(strength),)}
    return Arm(f"{name} {_short(strength)}", edits, {"kind": name, "strength": f"{strength:g}"})


def _short(number: float) -> str:
    return f"{number:g}".removeprefix("0")
