"""What the experiments with the course's three convolutional networks have in common."""

from __future__ import annotations

from koubai.core.layer import Layer
from koubai.initializers.initializer import Initializer
from koubai.lab.conclude.phrases import arm_sentences, learned, mean_of
from koubai.lab.conclude.result import ExperimentResult, Sentence
from koubai.lab.course.settings import beats, source
from koubai.lab.declare.experiment import Arm, Experiment, Observations, Published, Text
from koubai.models.mlp import Mlp
from koubai.optim.adam import Adam
from koubai.train.recipe import Recipe


def convnet_experiment(
    name: str, network: Layer, data: str, *, initializer: Initializer, steps: int, published: Published
) -> Experiment:
    """Return a convolutional network beside a dense one under the same settings."""
    known = data == "mnist"
    sizes = {} if data == "digits" else {"train": 5000, "test": 1000}
    return Experiment(
        name=name,
        base=Recipe(
            network, source(data, **sizes), optimizer=Adam(0.001), initializer=initializer, steps=steps
        ),
        arms=(
            Arm("dense", {"network": Mlp((100,))}, label=Text("dense network", "全結合ネットワーク")),
            Arm(
                "convolutional",
                label=Text("convolutional network", "畳み込みネットワーク"),
                published=published if known else None,
            ),
        ),
        claims=(beats("convolutional", "dense"),),
        observations=Observations(taps=20, evaluations=10, filters=True),
    )


def convnet_sentences(result: ExperimentResult) -> list[Sentence]:
    """Return how each network ended, with its parameters and multiply-adds; then what that cannot show."""
    return [*network_sentences(result), Sentence("lab.outcome.unequal", _sizes(result))]


def _sizes(result: ExperimentResult) -> dict[str, object]:
    steps = result.experiment.base.steps
    of = {name: mean_of(result, name, "parameters") for name in ("convolutional", "dense")}
    more = of["convolutional"] / of["dense"]
    return {"steps": steps, "ratio": f"{more:.2g}"}


def network_sentences(result: ExperimentResult) -> list[Sentence]:
    """Return how each network ended, with its parameters and multiply-adds."""
    return arm_sentences(
        result,
        "lab.outcome.network",
        lambda arm: {
            "parameters": round(mean_of(result, arm, "parameters")),
            "multiply_adds": round(mean_of(result, arm, "multiply_adds")),
            "outcome": learned(result, arm),
        },
    )
