"""The factors of a gradient's way back, and what activations put out: each computed another way."""

import numpy as np
import pytest

from koubai.lab.course.centered_sigmoid import CenteredSigmoid
from koubai.lab.course.parts import mlp_of
from koubai.lab.course.settings import source
from koubai.lab.declare.experiment import Observations
from koubai.lab.perform.gradients import factor_scores, factors, ratios
from koubai.lab.perform.outcome import Context
from koubai.lab.perform.training import run_recipe
from koubai.layers.activations import Sigmoid
from koubai.layers.rectifiers import ReLU
from koubai.models.mlp import Mlp
from koubai.optim.sgd import SGD
from koubai.report.figures.factors import Chain, factors_by_layer
from koubai.train.recipe import Recipe

HIDDEN = (7, 7, 5)


def trained(network, **asked):
    recipe = Recipe(network, source("digits"), optimizer=SGD(0.1), steps=2, batch_size=10)
    context = Context(Observations(taps=2, evaluations=0, **asked), engine="reference", exhibits=False)
    return recipe, run_recipe(recipe, context)


def test_the_product_of_all_factors_is_what_the_first_layer_gets_of_the_last():
    _, outcome = trained(Mlp(HIDDEN, activation="sigmoid"))
    found = factors(outcome.history)
    assert len(found) == len(HIDDEN)
    product = np.prod([one.weight * one.derivative for one in found])
    assert product == pytest.approx(ratios(outcome.history)["first_to_last_gradient"], rel=1e-12)
    scores = factor_scores(outcome.history)
    assert scores["gradient_factor"] ** len(HIDDEN) == pytest.approx(product)
    assert scores["derivative_factor"] <= 0.25


def test_each_factor_is_that_of_the_matrices():
    """With the identity as activation f' multiplies by 1, and W^T by what NumPy says of it."""
    recipe, outcome = trained(Mlp((6, 6), activation="identity"))
    weights = recipe.network
    assert [one.derivative for one in factors(outcome.history)] == pytest.approx([1, 1])
    from koubai.network.network import Network

    network = Network(weights, (1, 8, 8), recipe.initializer)
    W = network.initialize(recipe.seed, recipe.dtype).params["5.weight"].astype(float)
    singular = np.linalg.svd(W, compute_uv=False)
    assert singular.min() * (10 / 6) ** 0.5 * 0.99 <= factors(outcome.history)[-1].weight
    assert factors(outcome.history)[-1].weight <= singular.max() * (10 / 6) ** 0.5 * 1.01


def test_the_picture_shows_both_factors_and_their_product():
    _, outcome = trained(Mlp(HIDDEN, activation="sigmoid"))
    picture = factors_by_layer([Chain("sigmoid", factors(outcome.history))])
    (figure,) = [panel.figure.plotly() for panel in picture.panels]
    derivative, weight, product = (np.array(trace.y) for trace in figure.data)
    np.testing.assert_allclose(np.cumprod(derivative * weight), product)
    assert len(picture.table.rows) == len(HIDDEN)


def test_sparse_and_off_center_are_counted_over_all_hidden_units():
    network = mlp_of((9, 6), 10, ReLU())
    recipe, outcome = trained(network, outputs=True)
    from koubai.train.train import train

    run = train(recipe, engine="reference")
    x = run.session.dataset.x_test[:500].reshape(-1, 64).astype(np.float64)
    p = run.session.state().weights.params
    first = np.maximum(x @ p["1.weight"] + p["1.bias"], 0)
    second = np.maximum(first @ p["3.weight"] + p["3.bias"], 0)
    y = np.hstack([first, second])
    assert outcome.scores["zero_activations"] == pytest.approx((y == 0).mean(), abs=2e-3)
    ratio = np.sqrt((y.mean(0) ** 2).sum() / y.var(0).sum())
    assert outcome.scores["off_center"] == pytest.approx(ratio, rel=1e-4)


def test_the_centered_sigmoid_differs_in_its_center_alone():
    u = np.linspace(-30, 30, 101)
    plain, centered = Sigmoid(), CenteredSigmoid()
    np.testing.assert_allclose(centered.value(u), plain.value(u) - 0.5)
    np.testing.assert_allclose(centered.value(u), -centered.value(-u), atol=1e-15)
    expected = plain.derivative(u, plain.value(u))
    np.testing.assert_allclose(centered.derivative(u, centered.value(u)), expected, atol=1e-15)
