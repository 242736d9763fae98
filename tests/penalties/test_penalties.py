"""Every penalty: value by definition, gradient by central differences, and what it does to a fit."""

import numpy as np
import pytest

from koubai.core.errors import SettingError
from koubai.engines import Job, compile_job
from koubai.layers import Linear
from koubai.losses import MeanSquaredError
from koubai.network import Network
from koubai.optim import SGD
from koubai.penalties import L1, L2, PENALTIES, PNorm, ProximalL1
from support.close import assert_close
from support.differences import assert_gradient
from support.samples import spread

CASES = [  # penalty, its value on (3, -1, 0, 2), its gradient there
    (L1(0.5), 0.5 * 6, [0.5, -0.5, 0, 0.5]),
    (ProximalL1(0.5), 0.5 * 6, [0.5, -0.5, 0, 0.5]),
    (L2(0.5), 0.25 * 14, [1.5, -0.5, 0, 1.0]),
    (PNorm(0.5, p=1.0), 0.5 * 6, [0.5, -0.5, 0, 0.5]),
    (PNorm(0.5, p=2.0), 0.25 * 14, [1.5, -0.5, 0, 1.0]),
    (PNorm(0.5, p=3.0), 0.5 / 3 * 36, [4.5, -0.5, 0, 2.0]),
    (PNorm(0.5, p=1.5), 0.5 / 1.5 * (3**1.5 + 1 + 2**1.5), [0.5 * 3**0.5, -0.5, 0, 0.5 * 2**0.5]),
]
every_case = pytest.mark.parametrize(("penalty", "value", "gradient"), CASES, ids=[repr(c[0]) for c in CASES])


def test_every_registered_penalty_has_a_case():
    assert {type(penalty) for penalty, *_ in CASES} == set(PENALTIES.values())


@every_case
def test_worked_by_hand(penalty, value, gradient):
    w = np.array([3.0, -1.0, 0.0, 2.0])
    assert np.isclose(penalty.value(w), value)
    np.testing.assert_allclose(penalty.gradient(w), gradient)


@every_case
def test_the_gradient_is_the_derivative_of_the_value(penalty, value, gradient):
    w = spread((3, 5))
    assert_gradient(lambda: penalty.value(w), w, penalty.gradient(w), scale=penalty.value(w), name="dw")


@every_case
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_dtype_stays_and_the_weights_too(penalty, value, gradient, dtype):
    w = spread((4, 4), dtype)
    before = w.copy()
    assert penalty.gradient(w).dtype == dtype
    assert_close(np.array(penalty.value(w)), np.array(penalty.value(w.astype(np.float64))), eps=2**-23)
    assert np.array_equal(w, before)


def fit(penalty, steps=3000):
    """The mean of t = 5 + 2 x0 + noise, fitted by gradient descent; returns (weights, bias)."""
    random = np.random.default_rng(0)
    x = random.normal(size=(200, 3))
    x -= x.mean(axis=0)
    t = 5 + 2 * x[:, :1] + 0.1 * random.normal(size=(200, 1))
    job = Job(
        Network(Linear(1), (3,)),
        MeanSquaredError(),
        SGD(0.02),
        x,
        t,
        200,
        penalties=(penalty,),
        dtype="float64",
    )
    program = compile_job(job, "reference")
    program.advance(np.tile(np.arange(200), (steps, 1)))
    params = program.state().weights.params
    return params["weight"].ravel(), float(params["bias"][0]), x, t.ravel()


def test_ridge_is_the_solution_of_its_normal_equations():
    weight, _, x, t = fit(L2(0.5))
    n = len(x)
    closed = np.linalg.solve(2 * x.T @ x / n + 0.5 * np.eye(3), 2 * x.T @ (t - t.mean()) / n)
    np.testing.assert_allclose(weight, closed, rtol=1e-6)


def test_a_large_lambda_sends_the_weights_to_zero_but_not_the_bias():
    weight, bias, _, t = fit(L2(40.0))
    assert (np.abs(weight) < 0.1).all()
    assert np.isclose(bias, t.mean(), rtol=1e-6)


def test_the_lasso_empties_the_weights_that_say_nothing_and_ridge_does_not():
    lasso, _, _, _ = fit(L1(0.5))
    ridge, _, _, _ = fit(L2(0.5))
    assert lasso[0] > 1.5
    assert (np.abs(lasso[1:]) <= 0.02 * 0.5).all(), "within one step of 0"
    assert (np.abs(ridge[1:]) > 1e-4).all()


def test_the_soft_threshold_by_hand():
    w = np.array([3.0, -1.0, 0.0, 0.2, -0.25, np.nan, np.inf])
    ProximalL1(0.5).shrink(w, alpha=0.5)  # alpha lambda = .25
    np.testing.assert_array_equal(w, [2.75, -0.75, 0, 0, 0, np.nan, np.inf])


def test_the_proximal_lasso_has_exact_zeros_where_they_are_optimal():
    """At the optimum dE/dw = -lambda sign(w) where w is not 0, and within +-lambda where it is."""
    weight, bias, x, t = fit(ProximalL1(0.5))
    assert weight[0] > 1.5
    assert list(weight[1:]) == [0, 0]
    gradient = 2 * x.T @ (x @ weight + bias - t) / len(x)
    assert gradient[0] == pytest.approx(-0.5, rel=1e-6)
    assert (np.abs(gradient[1:]) < 0.5).all()


@pytest.mark.parametrize(
    ("make", "name"),
    [(lambda: L1(-0.1), "strength"), (lambda: L2(float("nan")), "strength"), (lambda: PNorm(p=0.5), "p is")],
)
def test_settings_out_of_range_are_named(make, name):
    with pytest.raises(SettingError, match=name):
        make()
