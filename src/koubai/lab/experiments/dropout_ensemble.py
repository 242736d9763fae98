"""Dropout as an ensemble: is the whole network the mean of its thinned ones, and is that as good as many?"""

from __future__ import annotations

from koubai.lab.conclude.phrases import arm_means
from koubai.lab.conclude.result import ExperimentResult, Sentence
from koubai.lab.course.settings import beats, source
from koubai.lab.declare.experiment import Arm, Claim, Experiment, Observations, Text
from koubai.lab.experiments.entry import CATALOG, Entry
from koubai.lab.perform.plans.ensemble import Ensemble
from koubai.models.mlp import Mlp
from koubai.optim.adam import Adam
from koubai.train.recipe import Recipe

RATIO = 0.5
THINNED = (1, 10, 100)
APART = 5


@CATALOG.register
class DropoutEnsemble(Entry):
    """Two hidden layers of 100 on 300 samples, half of the units silent while training.

    Every mask is another thinned network, and every update trains one of them; they share their weights. The
    notes call that learning different models. Asked one by one and averaged they answer about as the whole
    network does at once (Hinton et al. 2012; Srivastava et al. 2014, sec. 7.5). Beside them stand one network
    without dropout, and the mean of 5 that were trained apart, which costs 5 trainings.
    """

    def experiment(self, data: str) -> Experiment:
        """One thinned network, means of more, the whole one; without dropout one network, and five apart."""
        thinned = tuple(
            Arm(
                f"{count} thinned",
                {"members": "thinned", "count": count},
                label=Text(
                    f"mean of {count} thinned networks" if count > 1 else "one thinned network",
                    f"間引き {count} 個" + ("の平均" if count > 1 else ""),
                ),
            )
            for count in THINNED
        )
        plain = {"recipe.network.dropout": 0.0}
        base = Recipe(
            Mlp((100, 100), dropout=RATIO), source(data, train=300), optimizer=Adam(0.001), steps=1000
        )
        return Experiment(
            name=self.registry_name,
            base=Ensemble(recipe=base),
            arms=(
                *thinned,
                Arm("whole", label=Text("the whole network, once", "全体（間引かない）")),
                Arm("no dropout", plain, label=Text("no dropout, one network", "ドロップアウトなし")),
                Arm(
                    "apart",
                    plain | {"members": "apart", "count": APART},
                    label=Text(f"no dropout, mean of {APART} networks", f"別々に学習した {APART} 個の平均"),
                ),
            ),
            seeds=tuple(range(12)),
            baseline="whole",
            claims=(
                beats("whole", "1 thinned"),
                beats(f"{THINNED[-1]} thinned", "whole"),
                Claim("whole", f"{THINNED[-1]} thinned", "test_loss", "lower"),
                beats("whole", "no dropout"),
                beats("apart", "no dropout"),
                beats("apart", "whole"),
            ),
            observations=Observations(taps=0, evaluations=5),
        )

    def sentences(self, result: ExperimentResult) -> list[Sentence]:
        """For every way of asking: accuracy and loss on the test part; then what that cannot show."""
        ends = arm_means(
            result,
            "experiments.dropout_ensemble.arm",
            accuracy=("accuracy", "test_accuracy"),
            loss=("loss", "test_loss"),
        )
        return [*ends, Sentence("experiments.dropout_ensemble.limits")]
