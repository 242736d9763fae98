import numpy as np
import pytest
import torch
from torch.nn import functional

from koubai.core.errors import SettingError, ShapeError
from koubai.layers import BatchNorm, GroupNorm, InstanceNorm, LayerNorm
from koubai.network import Network
from support.samples import Sample


def twin_of(groups, epsilon=1e-5):
    return lambda x, p: functional.group_norm(x, groups, p["gamma"], p["beta"], epsilon)


SAMPLES = [
    Sample(GroupNorm(2), (4, 3, 2), twin_of(2)),
    Sample(GroupNorm(3, epsilon=1e-2), (6,), twin_of(3, 1e-2)),
    Sample(GroupNorm(1), (5, 4), twin_of(1)),
    Sample(InstanceNorm(), (20, 3, 2), twin_of(20)),
    Sample(InstanceNorm(epsilon=0.1), (2, 7), twin_of(2, 0.1)),
]


def values(layer, x):
    network = Network(layer, x.shape[1:])
    return network.bind(network.initialize(0, "float64"), training=True).forward(x)


def test_by_hand():
    """Two groups of two channels: means 2 and 20, variances 1 and 100."""
    y = values(GroupNorm(2, epsilon=1e-12), np.array([[1.0, 3.0, 10.0, 30.0]]))
    np.testing.assert_allclose(y, [[-1, 1, -1, 1]])


def test_one_group_and_as_many_as_channels_have_other_names():
    x = np.random.default_rng(0).normal(size=(3, 4, 5, 2))
    np.testing.assert_allclose(values(GroupNorm(1), x), values(LayerNorm(), x))
    assert np.array_equal(values(GroupNorm(4), x), values(InstanceNorm(), x))
    one = x[:1]  # a batch of one sample
    np.testing.assert_allclose(values(InstanceNorm(), one), values(BatchNorm(epsilon=1e-5), one))


def test_a_sample_does_not_depend_on_its_batch():
    x = np.random.default_rng(0).normal(size=(6, 4, 3, 3))
    assert np.array_equal(values(GroupNorm(2), x)[:1], values(GroupNorm(2), x[:1]))


def test_instance_norm_is_pytorchs():
    x = np.random.default_rng(1).normal(size=(2, 3, 4, 4))
    np.testing.assert_allclose(values(InstanceNorm(), x), functional.instance_norm(torch.tensor(x)).numpy())


def test_what_does_not_fit_is_named():
    with pytest.raises(ShapeError, match="groups: one of 1, 2, 3, 6"):
        Network(GroupNorm(4), (6, 2, 2)).root  # noqa: B018 - wiring is what raises
    with pytest.raises(SettingError, match="groups"):
        GroupNorm(0)
    with pytest.raises(SettingError, match="epsilon"):
        InstanceNorm(epsilon=0.0)
