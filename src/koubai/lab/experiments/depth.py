"""Depth: how fast does the gradient vanish with every layer more, and which factors make it so?"""

from __future__ import annotations

from koubai.initializers.initializer import Initializer
from koubai.initializers.normal import HeNormal, LeCunNormal
from koubai.lab.conclude.phrases import Ratio, arm_sentences, learned, middle_of
from koubai.lab.conclude.result import ExperimentResult, Sentence
from koubai.lab.course.settings import beats, source
from koubai.lab.declare.experiment import Axis, Claim, Experiment, Observations, grid
from koubai.lab.experiments.entry import CATALOG, Entry
from koubai.models.mlp import Mlp
from koubai.optim.sgd import SGD
from koubai.train.recipe import Recipe

DEPTHS = (2, 5, 10, 15, 20)
WIDTH = 50
STARTS: dict[str, tuple[str, Initializer]] = {
    "sigmoid": ("sigmoid", LeCunNormal()),
    "tanh": ("tanh", LeCunNormal()),
    "ReLU": ("relu", HeNormal()),
}
BOUND = 0.25  # the largest derivative of the sigmoid


@CATALOG.register
class Depth(Entry):
    """2 to 20 hidden layers of 50; sigmoid and tanh start with 1 / sqrt(n_in), ReLU with He.

    What flows back through a layer is multiplied by its weights and by f'. So the first layer's gradient is
    a product of as many pairs of factors as there are layers, not a derivative of a higher order: where a
    pair is below 1 the product falls by the same factor with every layer more, on a logarithmic axis along a
    straight line. f' of the sigmoid is at most .25, that of tanh and ReLU at most 1.
    """

    def experiment(self, data: str) -> Experiment:
        """Three activations by five depths."""
        levels = {str(depth): {"network.hidden": (WIDTH,) * depth} for depth in DEPTHS}
        first, last = DEPTHS[0], DEPTHS[-1]
        return Experiment(
            name=self.registry_name,
            base=Recipe(Mlp((WIDTH,)), source(data), optimizer=SGD(0.05), steps=1000),
            arms=grid(
                Axis(
                    "activation",
                    {
                        name: {"network.activation": key, "initializer": start}
                        for name, (key, start) in STARTS.items()
                    },
                ),
                Axis("hidden layers", levels),
            ),
            seeds=tuple(range(7)),
            baseline=f"ReLU + {last}",
            measure="first_to_last_gradient",
            claims=(
                Claim(f"sigmoid + {last}", f"sigmoid + {first}", "first_to_last_gradient", "lower"),
                Claim(f"sigmoid + {last}", None, "gradient_factor", "lower", margin=BOUND),
                beats(f"sigmoid + {first}", f"sigmoid + {last}"),
                beats(f"ReLU + {last}", f"sigmoid + {last}"),
            ),
            observations=Observations(taps=10, evaluations=5, factors=True),
        )

    def sentences(self, result: ExperimentResult) -> list[Sentence]:
        """For every arm: its factors a layer, their product over all layers, and how it ended."""
        return arm_sentences(
            result,
            "experiments.depth.arm",
            lambda arm: {
                "derivative": f"{middle_of(result, arm, 'derivative_factor'):.2g}",
                "weight": f"{middle_of(result, arm, 'weight_factor'):.2g}",
                "factor": f"{middle_of(result, arm, 'gradient_factor'):.2g}",
                "layers": int(result.arms[arm].factors["hidden layers"]),
                "ratio": Ratio(middle_of(result, arm, "first_to_last_gradient")),
                "outcome": learned(result, arm),
            },
        )
