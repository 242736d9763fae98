import pytest

import koubai as kb
from koubai.train import Observation, Recipe


@pytest.fixture
def recipe():
    """A small run with everything that has a state: dropout, running statistics, Adam, a schedule."""
    net = kb.Sequential(
        kb.Flatten(), kb.Linear(12), kb.BatchNorm(), kb.Sigmoid(), kb.Dropout(0.3), kb.Linear(10)
    )
    return Recipe(
        net,
        kb.data.digits(validation=200),
        optimizer=kb.Adam(0.01),
        schedule=kb.CosineDecay(100),
        batch_size=16,
        steps=60,
        seed=4,
    )


@pytest.fixture
def watch():
    return Observation(tap_every=10, first_until=1, evaluate_every=15, evaluate_rows=100)
