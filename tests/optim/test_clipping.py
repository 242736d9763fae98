import numpy as np
import pytest
import torch

from koubai.core.errors import SettingError
from koubai.optim.clipping import Clipping


def gradients(scale=1.0, dtype="float64"):
    random = np.random.default_rng(0)
    return {name: (scale * random.normal(size=(3, 4))).astype(dtype) for name in ("0.weight", "2.weight")}


def clipped(clipping, g):
    g = {name: value.copy() for name, value in g.items()}
    clipping.apply(g)
    return g


@pytest.mark.parametrize("norm", [0.5, 2.0, 100.0])
def test_by_norm_as_pytorch_does(norm):
    g = gradients()
    weights = [torch.nn.Parameter(torch.zeros(3, 4, dtype=torch.float64)) for _ in g]
    for weight, value in zip(weights, g.values(), strict=True):
        weight.grad = torch.tensor(value)
    torch.nn.utils.clip_grad_norm_(weights, norm)
    for weight, value in zip(weights, clipped(Clipping(norm=norm), g).values(), strict=True):
        np.testing.assert_allclose(value, weight.grad.numpy(), rtol=1e-5)  # theirs divides by |g| + 1e-6


def test_by_norm_keeps_the_direction_and_bounds_the_length():
    g = gradients(scale=10)
    after = clipped(Clipping(norm=1.0), g)
    ratios = np.concatenate([(after[name] / g[name]).ravel() for name in g])
    assert np.allclose(ratios, ratios[0])
    assert np.isclose(np.sqrt(sum((value**2).sum() for value in after.values())), 1)


def test_by_value_bounds_every_element():
    assert clipped(Clipping(value=0.5), {"w": np.array([-2.0, 0.25, 0.75])})["w"].tolist() == [
        -0.5,
        0.25,
        0.5,
    ]


def test_value_comes_before_norm():
    after = clipped(Clipping(norm=1.0, value=3.0), {"w": np.array([3.0, 400.0])})["w"]
    np.testing.assert_allclose(after, np.array([3, 3]) / np.sqrt(18))


def test_small_gradients_pass_untouched_and_in_place():
    g = gradients(scale=1e-3, dtype="float32")
    before = {name: value.copy() for name, value in g.items()}
    held = dict(g)
    Clipping(norm=1.0, value=1.0).apply(g)
    assert all(g[name] is held[name] and np.array_equal(g[name], before[name]) for name in g)


def test_huge_float32_gradients_do_not_overflow_the_norm():
    g = {"w": np.full(4, 1e30, np.float32)}
    Clipping(norm=1.0).apply(g)
    np.testing.assert_allclose(g["w"], 0.5, rtol=1e-6)
    assert g["w"].dtype == np.float32


@pytest.mark.parametrize("settings", [{"norm": 0.0}, {"value": -1.0}, {"norm": float("nan")}])
def test_settings_out_of_range_are_named(settings):
    with pytest.raises(SettingError, match=next(iter(settings))):
        Clipping(**settings)
