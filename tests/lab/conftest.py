"""Small experiments that need no training, or a second of it."""

import pytest

from koubai.data.sources.blobs import Blobs
from koubai.lab.declare.experiment import Arm, Axis, Claim, Experiment, Observations, grid
from koubai.lab.perform.plans.descent import Descent
from koubai.lab.perform.plans.surfaces import Parabola
from koubai.models.mlp import Mlp
from koubai.optim.sgd import SGD
from koubai.train.recipe import Recipe


@pytest.fixture
def descents() -> Experiment:
    """Six descents, done in a millisecond."""
    return Experiment(
        name="descents",
        base=Descent(surface=Parabola(), optimizer=SGD(0.1), start=(1.0,), steps=5),
        arms=grid(Axis("rate", {str(rate): {"optimizer.learning_rate": rate} for rate in (0.1, 0.2, 0.3)})),
        seeds=(0, 1),
        measure="distance",
    )


@pytest.fixture
def trainings() -> Experiment:
    """Four short trainings on bundled blobs."""
    return Experiment(
        name="trainings",
        base=Recipe(Mlp((8,), classes=3), Blobs(), optimizer=SGD(0.1), steps=30, batch_size=20),
        arms=(Arm("narrow"), Arm("wide", {"network.hidden": (16,)})),
        seeds=(0, 1),
        claims=(Claim("wide", "narrow"),),
        observations=Observations(taps=5, evaluations=3, histograms=True, weights=True),
    )
