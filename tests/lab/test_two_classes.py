"""The perceptron's rule by hand, what it cannot part, and a hidden layer of steps that never moves."""

import numpy as np
import pytest

from koubai.data.sources.xor import Xor
from koubai.lab.experiments.perceptron import CLOUDS, TABLE
from koubai.lab.perform.outcome import Context
from koubai.lab.perform.plans.two_classes import TwoClasses
from koubai.report.figures.planes import Plane, planes
from koubai.words import speaking


def performed(points, **rest):
    return TwoClasses(points=points, **rest).perform(Context())


def test_the_rule_ends_with_a_line_that_parts_the_clouds():
    for seed in range(3):
        outcome = performed(CLOUDS, seed=seed)
        assert outcome.scores["mistakes"] == 0
        assert outcome.scores["train_accuracy"] == 1
        assert outcome.scores["rounds"] < 20


def test_no_line_answers_more_than_three_corners():
    for seed in range(3):
        outcome = performed(Xor(), seed=seed)
        assert outcome.scores["mistakes"] > 0
        assert outcome.scores["rounds"] == 50
        assert outcome.scores["train_accuracy"] <= 0.75


def test_the_answers_are_those_of_one_straight_line():
    """Along every line through the plane the answer changes once at most."""
    (plane,) = performed(TABLE, seed=1).exhibits
    for row in (*plane.arrays["values"], *plane.arrays["values"].T):
        assert (np.diff(row) != 0).sum() <= 1


@pytest.mark.parametrize(("activation", "moves"), [("step", False), ("tanh", True)])
def test_only_an_activation_with_a_slope_lets_hidden_weights_move(activation, moves):
    outcome = performed(TABLE, hidden=4, activation=activation)
    assert (outcome.scores["hidden_moved"] > 0) == moves
    assert (outcome.scores["test_accuracy"] > 0.95) == moves


def test_the_picture_counts_points_that_lie_where_their_class_is_answered():
    x = y = np.array([0.0, 1.0])
    plane = Plane(
        "a", x, y, np.array([[0.0, 1.0], [0.0, 1.0]]), np.array([[0, 0], [1, 1], [1, 0]]), np.array([0, 1, 0])
    )
    assert plane.right == pytest.approx(2 / 3)
    with speaking("en"):
        assert "66.7%" in planes([plane]).summary
