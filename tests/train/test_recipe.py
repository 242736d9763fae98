"""Recipe: checks at the door, edits, names."""

import datetime
import re

import numpy as np
import pytest

import koubai as kb
from koubai.core.errors import ConfigError
from koubai.train import Recipe


@pytest.fixture
def recipe():
    net = kb.Sequential(kb.Flatten(), kb.Linear(12), kb.Sigmoid(), kb.Residual(kb.Linear(12)), kb.Linear(10))
    return Recipe(net, kb.data.digits(), optimizer=kb.SGD(0.1), steps=20, batch_size=8)


def problems(error):
    return {problem.path: problem for problem in error.value.problems}


def test_everything_wrong_is_reported_at_once(recipe):
    with pytest.raises(ConfigError) as error:
        Recipe(
            kb.ReLU,
            "digits",
            loss=None,
            optimizer=kb.Adam,
            penalties=[0.1],
            clipping=1.0,
            batch_size=0,
            steps=-1,
            seed=1.5,
            dtype="float46",
            precision="bfloat",
        )
    found = problems(error)
    assert list(found) == [
        *("network", "data", "loss", "optimizer", "clipping", "penalties.0"),
        *("batch_size", "steps", "seed", "dtype", "precision"),
    ]
    assert found["network"].hint == "write ReLU(...), with brackets"
    assert found["dtype"].hint == "did you mean 'float64'?"
    assert "at least 1" in found["batch_size"].message


def test_lists_and_numpy_integers_become_what_a_hash_needs(recipe):
    edited = recipe.edit(steps=np.int64(7), penalties=[kb.L2(0.1)], frozen=["1"])
    assert type(edited.steps) is int
    assert edited.penalties == (kb.L2(0.1),)
    assert hash(edited) == hash(recipe.edit(steps=7, penalties=(kb.L2(0.1),), frozen=("1",)))


def test_bfloat16_needs_float32_master_weights(recipe):
    with pytest.raises(ConfigError, match="master weights"):
        recipe.edit(dtype="float64", precision="bfloat16")


def test_edit_reaches_inside_and_leaves_the_original(recipe):
    edited = recipe.edit(
        optimizer__learning_rate=0.5,
        **{"network.1.out_features": 16, "network.layers.3.body.bias": False, "data.train": 500},
    )
    assert edited.optimizer == kb.SGD(0.5)
    assert edited.network[1] == kb.Linear(16)
    assert edited.network[3] == kb.Residual(kb.Linear(12, bias=False))
    assert edited.data.train == 500
    assert recipe.network[1] == kb.Linear(12)


def test_edit_takes_parts_as_they_stand_in_a_file(recipe):
    edited = recipe.edit(
        optimizer={"type": "adam", "beta1": 0.8},
        loss="mean-squared-error",
        penalties=[{"type": "l1", "strength": 0.01}],
        network=["flatten", {"type": "linear", "out_features": 10}],
    )
    assert edited.optimizer == kb.Adam(beta1=0.8)
    assert edited.loss == kb.MeanSquaredError()
    assert edited.penalties == (kb.L1(0.01),)
    assert edited.network == kb.Sequential(kb.Flatten(), kb.Linear(10))
    assert recipe.edit(optimizer="adam", **{"optimizer.learning_rate": 0.2}).optimizer == kb.Adam(0.2)


def test_every_wrong_edit_is_reported_with_the_nearest_name(recipe):
    with pytest.raises(ConfigError) as error:
        recipe.edit(
            **{
                "stepz": 3,
                "optimizer.learning": 0.1,
                "network.1.out_featuers": 3,
                "network.9": kb.ReLU(),
                "network.layers.x": kb.ReLU(),
                "loss": "softmax_crossentropy",
                "data.validation": -1,
                "clipping.norm": 1.0,
            }
        )
    found = problems(error)
    assert list(found) == [
        *("stepz", "optimizer.learning", "network.1.out_featuers", "network.9", "network.layers.x"),
        *("loss", "data.validation", "clipping.norm"),
    ]
    assert found["stepz"].hint == "did you mean 'steps'?"
    assert found["network.1.out_featuers"].hint == "did you mean 'out_features'?"
    assert found["network.9"].hint == "positions: 0 to 4"
    assert found["clipping.norm"].hint == "give the whole part: clipping={norm=...}"
    assert found["loss"].hint == "did you mean 'softmax_cross_entropy'?"


@pytest.mark.parametrize(
    ("path", "new", "told"),
    [
        ("optimizer.learning_rate", datetime.date(1979, 5, 27), "expected a number, got datetime.date"),
        ("network.layers.1", 3.5, "expected a layer, got 3.5"),
        ("network.layers.1", [1], "expected a layer, got 1"),
        ("steps", True, "expected a whole number of at least 0, got True"),
    ],
)
def test_a_value_of_another_kind_is_told(recipe, path, new, told):
    with pytest.raises(ConfigError, match=re.escape(told)):
        recipe.edit(**{path: new})


def test_a_layer_is_replaced_by_one_as_it_stands_in_a_file(recipe):
    assert recipe.edit(**{"network.layers.2": "relu"}).network[2] == kb.ReLU()
    assert recipe.edit(seed=np.int64(3), **{"network.2": kb.Tanh()}).network[2] == kb.Tanh()


def test_the_name_follows_equality(recipe):
    assert recipe.edit(optimizer=kb.SGD(1)).hash == recipe.edit(optimizer=kb.SGD(1.0)).hash
    names = {
        recipe.edit(**change).hash
        for change in ({}, {"seed": 1}, {"steps": 21}, {"optimizer": kb.Momentum(0.1)})
    }
    assert len(names) == 4
    assert all(len(name) == 16 and int(name, 16) >= 0 for name in names)


def test_diff_names_what_differs_by_path(recipe):
    other = recipe.edit(optimizer=kb.Momentum(0.1), **{"network.1.out_features": 13})
    assert recipe.diff(other) == {
        "network.layers.1.out_features": (12, 13),
        "optimizer.type": ("sgd", "momentum"),
        "optimizer.momentum": (None, 0.9),
    }
    assert recipe.diff(recipe.edit()) == {}
