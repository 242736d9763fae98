"""Every initializer: its formula, its sample, its family."""

from math import sqrt

import numpy as np
import pytest
import torch

from koubai.core.errors import SettingError
from koubai.core.params import ParamSpec
from koubai.core.random import generator
from koubai.initializers import (
    INITIALIZERS,
    Constant,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LeCunNormal,
    LeCunUniform,
    Normal,
    Orthogonal,
    Uniform,
    Zeros,
)
from koubai.layers import Conv2d, Linear
from koubai.network import Network

ALL = [cls() for cls in INITIALIZERS.values()]
named = pytest.mark.parametrize("initializer", ALL, ids=lambda initializer: type(initializer).__name__)
SPEC = ParamSpec((300, 200), None, 300, 200)


def draw(initializer, spec=SPEC, seed=0):
    return initializer.sample(spec, generator(seed, "initialize", "weight", 0))


@named
def test_the_sample_has_the_moments_of_the_formula(initializer):
    w = draw(initializer)
    std = initializer.std(SPEC)
    assert w.shape == SPEC.shape
    assert w.dtype == np.float64
    mean = initializer.value if isinstance(initializer, Constant) else 0
    assert abs(w.mean() - mean) <= 5 * std / sqrt(w.size)
    assert abs(w.std() - std) <= 5 * std / sqrt(w.size)  # a normal's deviation varies by std / sqrt(2n)


VARIANCE = {  # of one weight, with 300 inputs and 200 outputs
    Normal(0.01): 1e-4,
    Normal(2.0): 4,
    Uniform(): 0.1**2 / 12,
    Uniform(-1.0, 3.0): 16 / 12,
    Zeros(): 0,
    Constant(3.0): 0,
    LeCunNormal(): 1 / 300,
    LeCunUniform(): 1 / 300,
    GlorotNormal(): 2 / 500,
    GlorotUniform(): 2 / 500,
    HeNormal(): 2 / 300,
    HeUniform(): 2 / 300,
    Orthogonal(): 1 / 300,
    Orthogonal(gain=2.0): 4 / 300,
}


@pytest.mark.parametrize(("initializer", "variance"), VARIANCE.items(), ids=repr)
def test_the_variance_formulas(initializer, variance):
    assert np.isclose(initializer.std(SPEC) ** 2, variance)


def test_every_initializer_has_its_variance_stated():
    assert {type(initializer) for initializer in VARIANCE} == set(INITIALIZERS.values())


@pytest.mark.parametrize(
    "family",
    [
        (Normal(0.01), Normal(1.0), LeCunNormal(), GlorotNormal(), HeNormal()),
        (Uniform(), Uniform(-1.0, 1.0), LeCunUniform(), GlorotUniform(), HeUniform()),
        (Orthogonal(), Orthogonal(gain=3.0)),
    ],
    ids=["normal", "uniform", "orthogonal"],
)
def test_one_family_draws_the_same_numbers_and_scales_them(family):
    first = draw(family[0]) / family[0].std(SPEC)
    for other in family[1:]:
        np.testing.assert_allclose(draw(other) / other.std(SPEC), first, rtol=1e-12, atol=1e-12)


@named
def test_the_seed_decides(initializer):
    assert np.array_equal(draw(initializer), draw(initializer))
    random = initializer.std(SPEC) > 0
    assert np.array_equal(draw(initializer), draw(initializer, seed=1)) != random


@pytest.mark.parametrize(
    "initializer", [Uniform(-0.3, 0.1), HeUniform(), GlorotUniform(), LeCunUniform()], ids=repr
)
def test_uniform_numbers_fill_their_bounds_and_never_leave_them(initializer):
    w = draw(initializer)
    half = sqrt(3) * initializer.std(SPEC)
    middle = -0.1 if isinstance(initializer, Uniform) else 0.0
    assert middle - half <= w.min() < middle - 0.99 * half
    assert middle + 0.99 * half < w.max() <= middle + half


@pytest.mark.parametrize("shape", [(5, 5), (3, 8), (8, 3), (4, 2, 3, 3), (1, 7)])
def test_orthogonal_keeps_lengths(shape):
    W = draw(Orthogonal(gain=2.0), ParamSpec(shape)).reshape(shape[0], -1)
    short = W @ W.T if len(W) <= W.shape[1] else W.T @ W
    np.testing.assert_allclose(short, 4 * np.eye(len(short)), atol=1e-12)


def test_the_orthogonal_signs_are_not_biased():
    """Without the signs of R, LAPACK's Q has a diagonal of one sign."""
    positive = sum(draw(Orthogonal(), ParamSpec((2, 2)), seed=seed)[0, 0] > 0 for seed in range(400))
    assert abs(positive - 200) < 5 * sqrt(400 / 4)


@pytest.mark.parametrize(
    ("initializer", "peer"),
    [(HeNormal(), torch.nn.init.kaiming_normal_), (GlorotUniform(), torch.nn.init.xavier_uniform_)],
    ids=["he", "glorot"],
)
@pytest.mark.parametrize(("layer", "shape"), [(Linear(200), (300,)), (Conv2d(64, 5), (32, 9, 9))], ids=repr)
def test_a_layers_weights_have_the_deviation_of_pytorchs(initializer, peer, layer, shape):
    weight = Network(layer, shape, initializer).initialize(0).params["weight"]
    options = {"nonlinearity": "relu"} if peer is torch.nn.init.kaiming_normal_ else {}
    transposed = weight.T.shape if weight.ndim == 2 else weight.shape  # PyTorch keeps (out, in)
    theirs = peer(torch.empty(transposed), **options)
    assert abs(weight.std() / float(theirs.std()) - 1) < 10 / sqrt(weight.size)


@pytest.mark.parametrize(
    ("make", "name"),
    [(lambda: Normal(-1.0), "scale"), (lambda: Uniform(1.0, 0.0), "low"), (lambda: Orthogonal(0.0), "gain")],
)
def test_settings_out_of_range_are_named(make, name):
    with pytest.raises(SettingError, match=name):
        make()
