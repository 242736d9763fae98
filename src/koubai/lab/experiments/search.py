"""Search: how much does a search over hyper-parameters gain, chosen honestly?"""

from __future__ import annotations

from koubai.lab.conclude.phrases import outcomes
from koubai.lab.conclude.result import ExperimentResult, Sentence
from koubai.lab.course.settings import beats, source
from koubai.lab.declare.experiment import Arm, Experiment, Observations, Text
from koubai.lab.experiments.entry import CATALOG, Entry
from koubai.lab.perform.plans.search import Range
from koubai.lab.perform.plans.search import Search as Plan
from koubai.models.mlp import Mlp
from koubai.optim.sgd import SGD
from koubai.penalties.p_norm import L2
from koubai.train.recipe import Recipe


@CATALOG.register
class Search(Entry):
    """Learning rate and weight decay by a grid of 9 and by 9 random draws, chosen on the validation part.

    Every seed repeats the whole search, so the interval holds its luck too; the test part is looked at
    once, for the chosen one. Random draws try 9 different learning rates where the grid tries 3
    (Bergstra and Bengio 2012).
    """

    def experiment(self, data: str) -> Experiment:
        """No search at a poor and at a usual rate, grid, random."""
        sizes = {"validation": 300} if data == "digits" else {"train": 5000, "validation": 5000}
        recipe = Recipe(
            Mlp((40, 20)),
            source(data, **sizes),
            optimizer=SGD(0.01),
            penalties=(L2(1e-4),),
            steps=300,
        )
        space = (Range("optimizer.learning_rate", 1e-3, 1.0), Range("penalties.0.strength", 1e-6, 1e-2))
        return Experiment(
            name=self.registry_name,
            base=Plan(recipe=recipe, space=space, trials=9),
            arms=(
                Arm(
                    "no search", {"method": "none"}, label=Text("no search (SGD .01)", "探索なし（SGD .01）")
                ),
                Arm(
                    "usual rate",
                    {"method": "none", "recipe.optimizer": SGD(0.1)},
                    label=Text("no search (SGD .1)", "探索なし（SGD .1）"),
                ),
                Arm("grid", {"method": "grid"}, label=Text("grid of 9", "格子 9 点")),
                Arm("random", {"method": "random"}, label=Text("9 random draws", "ランダム 9 点")),
            ),
            claims=(beats("random", "no search"), beats("random", "usual rate")),
            observations=Observations(taps=0, evaluations=5),
        )

    def sentences(self, result: ExperimentResult) -> list[Sentence]:
        """How the chosen recipes do on the test part."""
        return [*outcomes(result), Sentence("experiments.search.against")]
