"""The goal that a lesson sets for free play can be reached, by one change, in the recipe that it opens."""

import numpy as np
import pytest

from koubai.initializers.normal import HeNormal
from koubai.optim.adam import Adam
from koubai.optim.sgd import SGD
from koubai.page.texts import cards
from koubai.penalties.p_norm import L2
from koubai.penalties.proximal_l1 import ProximalL1
from koubai.train.recipe_address import read_address
from koubai.train.train import train

GOALS = {  # lesson: one change that reaches its goal, and the test accuracy that is asked for
    "chain_rule": ({"optimizer": Adam(0.01)}, 0.9),
    "vanishing_gradient": ({"network.batch_norm": True}, 0.2),
    "initial_weights": ({"initializer": HeNormal()}, 0.9),
    "batch_normalization": ({"optimizer.learning_rate": 3.0, "steps": 300}, 0.8),
    "optimizers": ({"optimizer.learning_rate": 3.0}, 0.9),
    "over_fitting": ({"penalties": (L2(0.001),)}, None),
    "sparsity": ({"penalties": (ProximalL1(0.005),)}, 0.9),
    "convnet": ({"optimizer": SGD(0.1)}, 0.95),
}
PLAYED = {card["name"]: card["play"] for card in cards() if card["play"]}


def test_every_lesson_that_leads_to_free_play_has_a_goal():
    assert set(GOALS) == set(PLAYED)


@pytest.mark.parametrize("name", GOALS)
def test_the_goal_is_reached_by_the_change_and_not_without(name):
    change, wanted = GOALS[name]
    recipe = read_address(PLAYED[name])
    before = train(recipe.edit(steps=change.get("steps", recipe.steps))).scores["test"].accuracy
    run = train(recipe.edit(**change))
    after = run.scores["test"].accuracy
    if wanted is None:
        assert after >= before - 0.01
        return
    assert after >= wanted
    if name == "sparsity":
        params = run.session.state().weights.params
        weights = np.concatenate([w.ravel() for path, w in params.items() if path.endswith("weight")])
        assert (weights == 0).mean() >= 0.5
    elif name != "convnet":
        assert before < wanted, "there is something to do"
