import numpy as np
import pytest
import torch
from torch.nn import functional

from koubai.core.errors import SettingError
from koubai.core.layer import LAYERS
from koubai.layers import (
    ELU,
    GELU,
    SELU,
    Exponential,
    Identity,
    LeakyReLU,
    Mish,
    ReLU,
    Sigmoid,
    SiLU,
    Softplus,
    Step,
    Tanh,
)
from koubai.layers.activations import Activation
from support.close import assert_close
from support.samples import Sample


def step(u):
    return (u >= 0).to(u.dtype) + 0 * u


TWINS = [
    (Step(), step),
    (Identity(), lambda u: u.clone()),
    (Sigmoid(), torch.sigmoid),
    (Tanh(), torch.tanh),
    (Exponential(), torch.exp),
    (ReLU(), functional.relu),
    (LeakyReLU(), functional.leaky_relu),
    (LeakyReLU(slope=0.3), lambda u: functional.leaky_relu(u, 0.3)),
    (ELU(), functional.elu),
    (ELU(alpha=1.7), lambda u: functional.elu(u, 1.7)),
    (SELU(), functional.selu),
    (GELU(), functional.gelu),
    (SiLU(), functional.silu),
    (Softplus(), functional.softplus),
    (Mish(), functional.mish),
]
SAMPLES = [
    Sample(layer, shape, lambda x, p, twin=twin: twin(x))
    for layer, twin in TWINS
    for shape in ((6,), (2, 3, 2))
]

BY_HAND = [  # layer, u, f(u), f'(u)
    (Step(), [-1.0, 0.0, 2.0], [0.0, 1.0, 1.0], [0.0, 0.0, 0.0]),
    (Identity(), [-1.0, 2.0], [-1.0, 2.0], [1.0, 1.0]),
    (Sigmoid(), [0.0, np.log(3)], [0.5, 0.75], [0.25, 0.1875]),
    (Tanh(), [0.0, np.log(2)], [0.0, 0.6], [1.0, 0.64]),
    (Exponential(), [0.0, np.log(5)], [1.0, 5.0], [1.0, 5.0]),
    (ReLU(), [-2.0, 0.0, 3.0], [0.0, 0.0, 3.0], [0.0, 0.0, 1.0]),
    (LeakyReLU(slope=0.1), [-2.0, 0.0, 3.0], [-0.2, 0.0, 3.0], [0.1, 0.1, 1.0]),
    (ELU(alpha=2.0), [-np.log(4), 3.0], [-1.5, 3.0], [0.5, 1.0]),
    (SELU(), [-np.log(2), 2.0], [-0.8790496704, 2.1014019747], [0.8790496704, 1.0507009874]),
    (GELU(), [0.0, 1.0], [0.0, 0.8413447461], [0.5, 1.0833154706]),
    (SiLU(), [0.0, np.log(3)], [0.0, 0.75 * np.log(3)], [0.5, 0.75 + 0.1875 * np.log(3)]),
    (Softplus(), [0.0, np.log(3)], [np.log(2), np.log(4)], [0.5, 0.75]),
    # tanh(log 2) = 3/5, tanh(log 4) = 15/17; 1 - t^2 = 64/289
    (
        Mish(),
        [0.0, np.log(3)],
        [0.0, 15 / 17 * np.log(3)],
        [0.6, 15 / 17 + np.log(3) * 64 / 289 * 0.75],
    ),
]
ALL = [cls() for cls in LAYERS.values() if issubclass(cls, Activation)]
named = pytest.mark.parametrize("layer", ALL, ids=lambda layer: type(layer).__name__)


@pytest.mark.parametrize(("layer", "u", "y", "slope"), BY_HAND, ids=lambda value: str(value)[:20])
def test_values_worked_by_hand(layer, u, y, slope):
    u = np.array(u)
    value = layer.value(u)
    np.testing.assert_allclose(value, y, rtol=1e-9)
    np.testing.assert_allclose(layer.derivative(u, value), slope, rtol=1e-9)


def test_every_activation_is_worked_by_hand():
    assert {type(row[0]) for row in BY_HAND} == {type(layer) for layer in ALL}


@pytest.mark.parametrize("layer", [*ALL, ELU(alpha=1.7), ELU(alpha=0.5), LeakyReLU(slope=0.9)], ids=repr)
def test_range_and_maximum_of_the_derivative_are_as_stated(layer):
    u = np.concatenate([np.linspace(-60, 60, 240_002), [-1e-9, 1e-9]])  # both sides of the kink
    y = layer.value(u)
    slope = np.abs(layer.derivative(u, y))
    low, high = layer.range
    rounding = 1e-7
    assert y.min() >= low - rounding
    assert y.max() <= high + rounding
    assert np.isinf(low) or y.min() <= low + rounding, "the lower bound is reached or approached"
    assert np.isinf(high) or y.max() >= high - rounding, "the upper bound is reached or approached"
    assert slope.max() <= layer.max_derivative + rounding
    assert np.isinf(layer.max_derivative) or slope.max() >= layer.max_derivative - rounding


@named
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_no_input_breaks_a_value_or_a_derivative(layer, dtype):
    info = np.finfo(dtype)
    u = np.array([info.min, -1e4, -info.tiny, -0.0, 0.0, info.tiny, 1e4, info.max / 2, -1e30, 1e30], dtype)
    y = layer.value(u)
    slope = layer.derivative(u, y)
    if type(layer) is Exponential:
        y, slope = y[u < 80], slope[u < 80]  # above this it is infinite by definition
    assert np.isfinite(y).all()
    assert np.isfinite(slope).all()
    assert y.dtype == slope.dtype == dtype


@named
def test_nan_stays_nan(layer):
    u = np.array([np.nan, 1.0])
    assert np.isnan(layer.value(u)).tolist() == [True, False]


@pytest.mark.parametrize("layer", [Sigmoid(), SiLU(), GELU(), Softplus(), ELU(), SELU()], ids=repr)
def test_tails_keep_their_digits(layer):
    u = np.array([-30.0, -20.0, -10.0, -1e-6, 1e-6, 10.0])
    wide, narrow = layer.value(u), layer.value(u.astype(np.float32))
    kept = np.abs(wide) > np.finfo(np.float32).tiny
    assert kept.sum() >= 4
    assert_close(narrow[kept] / wide[kept], np.ones(kept.sum()), scale=30, eps=2**-23)


def test_settings_out_of_range_are_named():
    with pytest.raises(SettingError, match="slope"):
        LeakyReLU(slope=1.0)
    with pytest.raises(SettingError, match="alpha"):
        ELU(alpha=-1.0)


def test_constants_reach_the_engine():
    assert LeakyReLU(slope=0.2).constants() == {"slope": 0.2}
    assert ELU(alpha=1.5).constants() == {"alpha": 1.5}
    assert ReLU().constants() == {}
