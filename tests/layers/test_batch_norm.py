import numpy as np
import pytest
import torch

from koubai.core.errors import SettingError
from koubai.layers import BatchNorm
from koubai.network import Network
from support.close import assert_close
from support.samples import Sample


def twin_of(layer, training):
    def twin(x, p):
        axes = [0, *range(2, x.ndim)]
        beside = (1, -1, *(1,) * (x.ndim - 2))
        if training:
            mean, var = x.mean(axes), x.var(axes, correction=0)
        else:
            running = Sample(layer, tuple(x.shape[1:]), None).cell("float64").buffers
            mean, var = (
                torch.tensor(running[name], dtype=x.dtype) for name in ("running_mean", "running_variance")
            )
        x_hat = (x - mean.reshape(beside)) / torch.sqrt(var.reshape(beside) + layer.epsilon)
        return x_hat * p["gamma"].reshape(beside) + p["beta"].reshape(beside) if p else x_hat

    return twin


SAMPLES = [
    Sample(
        layer,
        shape,
        twin_of(layer, training),
        batch=5,
        training=training,
        note="" if training else "at test time",
    )
    for layer in (BatchNorm(), BatchNorm(epsilon=0.1, trainable=False))
    for shape in ((4,), (2, 3), (2, 2, 3))
    for training in (True, False)
]


def bound(layer, shape, *, training=True, dtype="float64"):
    network = Network(layer, shape)
    return network.bind(network.initialize(0, dtype), training=training)


def test_worked_by_hand():
    cell = bound(BatchNorm(epsilon=1.0, momentum=0.5), (1,))
    cell.params["gamma"][:] = 2
    cell.params["beta"][:] = 10
    x = np.array([[-4.0], [0.0], [4.0]]) * np.sqrt(3 / 4)  # mean 0, var 8
    y = cell.forward(x)
    np.testing.assert_allclose(y.ravel(), [10 - 4 / np.sqrt(3), 10, 10 + 4 / np.sqrt(3)])
    assert cell.running_mean.tolist() == [0]
    np.testing.assert_allclose(cell.running_variance, [0.5 * 1 + 0.5 * 8 * 3 / 2])
    # dy = (1, 0, 0), x_hat = (-2, 0, 2) / sqrt 3: means 1/3 of dy, -2/(3 sqrt 3) of dy x_hat; gamma / 3 = 2/3
    dx = cell.backward(np.array([[1.0], [0.0], [0.0]]))
    np.testing.assert_allclose(dx.ravel() * 3 / 2, [1 - 1 / 3 - 4 / 9, -1 / 3, -1 / 3 + 4 / 9])
    np.testing.assert_allclose(cell.grads["gamma"], [-2 / np.sqrt(3)])
    assert cell.grads["beta"].tolist() == [1]


@pytest.mark.parametrize("shape", [(4,), (3, 5), (2, 3, 4)])
def test_ten_steps_of_running_statistics_are_those_of_pytorch(shape):
    cell = bound(BatchNorm(momentum=0.8, epsilon=1e-5), shape)
    twin = {1: torch.nn.BatchNorm1d, 2: torch.nn.BatchNorm1d, 3: torch.nn.BatchNorm2d}[len(shape)](
        shape[0], momentum=0.2, eps=1e-5, dtype=torch.float64
    )
    random = np.random.default_rng(0)
    for _ in range(10):
        x = random.normal(3, 2, size=(6, *shape))
        assert_close(cell.forward(x), twin(torch.tensor(x)).detach().numpy(), terms=x.size)
    assert_close(cell.running_mean, twin.running_mean.numpy(), terms=100)
    assert_close(cell.running_variance, twin.running_var.numpy(), terms=100)
    cell.training = False
    twin.eval()
    x = random.normal(size=(2, *shape))
    assert_close(cell.forward(x), twin(torch.tensor(x)).detach().numpy(), terms=x.size)


def test_every_channel_ends_at_mean_beta_and_deviation_gamma():
    cell = bound(BatchNorm(), (3, 4, 4))
    cell.params["gamma"][:] = [1, 2, 3]
    cell.params["beta"][:] = [-1, 0, 1]
    y = cell.forward(np.random.default_rng(0).normal(5, 7, size=(8, 3, 4, 4)))
    np.testing.assert_allclose(y.mean(axis=(0, 2, 3)), [-1, 0, 1], atol=1e-12)
    np.testing.assert_allclose(y.std(axis=(0, 2, 3)), [1, 2, 3], rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_batch_of_one_gives_beta_and_leaves_the_running_statistics(dtype):
    cell = bound(BatchNorm(), (3,), dtype=dtype)
    cell.params["beta"][:] = [1, 2, 3]
    y = cell.forward(np.array([[1e4, -7.3, 0.1]], dtype))
    assert y.tolist() == [[1, 2, 3]]
    assert cell.running_mean.tolist() == [0, 0, 0]
    assert cell.running_variance.tolist() == [1, 1, 1]
    assert not cell.backward(np.ones((1, 3), dtype)).any(), (
        "the input made no difference, so it gets no gradient"
    )


def test_one_image_has_statistics_of_its_own():
    cell = bound(BatchNorm(), (1, 2, 2))
    cell.forward(np.arange(4.0).reshape(1, 1, 2, 2))
    np.testing.assert_allclose(cell.running_variance, [0.9 + 0.1 * 1.25 * 4 / 3])


@pytest.mark.parametrize("value", [1e4 / 3, -0.1, 3e30])
def test_a_constant_channel_gives_exactly_beta(value):
    cell = bound(BatchNorm(), (2,), dtype="float32")
    cell.params["beta"][:] = [5, -5]
    y = cell.forward(np.full((100, 2), value, np.float32))
    assert (y == np.array([5, -5], np.float32)).all()


def test_gamma_and_beta_can_be_left_out():
    assert Network(BatchNorm(trainable=False), (4,)).parameter_count == 0
    assert Network(BatchNorm(), (4,)).parameter_count == 8
    assert not any(spec.penalized for spec in BatchNorm().params((4,)).values())


@pytest.mark.parametrize("settings", [{"momentum": 1.0}, {"momentum": -0.1}, {"epsilon": 0.0}])
def test_settings_out_of_range_are_named(settings):
    with pytest.raises(SettingError, match=next(iter(settings))):
        BatchNorm(**settings)
