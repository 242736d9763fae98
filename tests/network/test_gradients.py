"""Whole networks: every gradient against central differences, and against PyTorch's autograd."""

import numpy as np
import pytest
import torch

from koubai.layers import (
    ELU,
    AveragePool2d,
    BatchNorm,
    Concatenate,
    Conv1d,
    Conv2d,
    Dropout,
    Flatten,
    GlobalAveragePool,
    Identity,
    LayerNorm,
    Linear,
    LocalResponseNorm,
    MaxPool1d,
    MaxPool2d,
    ReLU,
    Residual,
    Sequential,
    Sigmoid,
    SiLU,
    Tanh,
)
from koubai.losses import MeanSquaredError, SigmoidCrossEntropy, SoftmaxCrossEntropy
from koubai.models import LeNet, Mlp
from koubai.network import Network
from support.close import assert_close
from support.differences import assert_gradient
from support.samples import gradients, params

CONVNET = Sequential(Conv2d(3, 3), ReLU(), MaxPool2d(2), Flatten(), Linear(4), ReLU(), Linear(3))
SMALL_ALEXNET = Sequential(
    *(Conv2d(4, 3, padding=1), ReLU(), LocalResponseNorm(alpha=0.1), MaxPool2d(3, stride=2)),
    *(Conv2d(4, 3, padding=1, groups=2), ReLU(), Flatten()),
    *(Linear(5), ReLU(), Dropout(0.5), Linear(3)),
)
TWO_CONVOLUTIONS = Sequential(
    *(Conv2d(3, 3, padding=1), BatchNorm(), ReLU()),
    *(Conv2d(3, 3, padding=1), BatchNorm()),
)
RESIDUAL = Sequential(Conv2d(3, 1), Residual(TWO_CONVOLUTIONS), ReLU(), GlobalAveragePool(), Linear(3))
BRANCHES = Sequential(
    Concatenate(Conv2d(2, 1), Conv2d(2, 3, padding=1), Sequential(AveragePool2d(3, 1, 1), Conv2d(1, 1))),
    *(SiLU(), Flatten(), LayerNorm(), Linear(3)),
)
DENSE = Sequential(Concatenate(Identity(), Sequential(Linear(3), Tanh())), Linear(3))
SERIES = Sequential(Conv1d(3, 3, dilation=2), ELU(), MaxPool1d(2), Flatten(), Linear(3))
NETWORKS = {
    "mlp": (Mlp(hidden=(6, 5), classes=3, activation="sigmoid"), (4,)),
    "mlp with batch norm and dropout": (Mlp(hidden=(6,), classes=3, batch_norm=True, dropout=0.3), (4,)),
    "convnet": (CONVNET, (1, 6, 6)),
    "alexnet in small": (SMALL_ALEXNET, (2, 7, 7)),
    "residual with batch norm": (RESIDUAL, (2, 4, 4)),
    "branches": (BRANCHES, (2, 4, 3)),
    "dense connections": (DENSE, (4,)),
    "series": (SERIES, (2, 9)),
}
BATCH = 4


def bound(name, dtype="float64"):
    layer, shape = NETWORKS[name]
    network = Network(layer, shape)
    root = network.bind(network.initialize(0, dtype), training=True, seed=2)
    for cell in root.walk():
        cell.step = 1
    return root, np.random.default_rng(1).normal(size=(BATCH, *shape)).astype(dtype)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("loss", [SoftmaxCrossEntropy(), MeanSquaredError(), SigmoidCrossEntropy()], ids=repr)
def test_every_gradient_is_the_central_difference_of_the_loss(name, loss):
    root, x = bound(name)
    t = np.arange(BATCH) % 3

    def value():
        return loss.value(root.forward(x), t)

    y = root.forward(x)
    dx = root.backward(loss.gradient(y, t))
    assert_gradient(value, x, dx, scale=value(), name="dx")
    found = {path: gradient.copy() for path, gradient in gradients(root).items()}
    for path, w in params(root).items():
        if w.size > 40:  # a line through all elements at once: one number proves their sum in every direction
            direction = np.random.default_rng(3).normal(size=w.shape)
            along, start = np.zeros(1), w.copy()

            def moved(w=w, start=start, direction=direction, along=along):
                w[...] = start + along[0] * direction
                return value()

            slope = np.array([(found[path] * direction).sum()])
            assert_gradient(moved, along, slope, scale=1 + np.abs(direction).sum(), name=path)
            w[...] = start
        else:
            assert_gradient(value, w, found[path], scale=value(), name=path)


def torch_lenet():
    return torch.nn.Sequential(
        *(torch.nn.Conv2d(1, 6, 5, padding=2), torch.nn.Sigmoid(), torch.nn.MaxPool2d(2)),
        *(torch.nn.Conv2d(6, 16, 5), torch.nn.Sigmoid(), torch.nn.MaxPool2d(2), torch.nn.Flatten()),
        *(torch.nn.Linear(400, 120), torch.nn.Sigmoid(), torch.nn.Linear(120, 84), torch.nn.Sigmoid()),
        torch.nn.Linear(84, 10),
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_lenet_is_pytorchs_lenet(dtype):
    network = Network(LeNet(activation="sigmoid"), (1, 28, 28))
    root = network.bind(network.initialize(0, dtype), training=True)
    x = np.random.default_rng(0).random((8, 1, 28, 28)).astype(dtype)
    t = np.arange(8)
    y = root.forward(x)
    dx = root.backward(SoftmaxCrossEntropy().gradient(y, t))

    twin = torch_lenet().to(getattr(torch, dtype))
    ours = params(root)
    theirs = dict(zip(ours, twin.parameters(), strict=True))
    for path, parameter in theirs.items():
        parameter.data = torch.tensor(ours[path].T.copy() if ours[path].ndim == 2 else ours[path])
    tx = torch.tensor(x, requires_grad=True)
    ty = twin(tx)
    torch.nn.functional.cross_entropy(ty, torch.tensor(t)).backward()

    assert_close(y, ty.detach().numpy(), terms=1000, name="y")
    assert_close(dx, tx.grad.numpy(), terms=1000, name="dx")
    for path, gradient in gradients(root).items():
        grad = theirs[path].grad.numpy()
        assert_close(gradient, grad.T if grad.ndim == 2 else grad, terms=8 * 784, name=path)
    assert ours["0.weight"].dtype == dtype


def test_depth_multiplies_the_derivatives():
    """Vanishing: through n sigmoid layers of one unit the gradient is a product of n factors w s'."""
    n = 6
    layers = [layer for _ in range(n) for layer in (Linear(1), Sigmoid())]
    network = Network(Sequential(*layers), (1,))
    root = network.bind(network.initialize(0, "float64"), training=True)
    y = root.forward(np.zeros((1, 1)))
    dx = root.backward(np.ones_like(y))
    cells = list(root.children.values())
    product = 1.0
    for linear, sigmoid in zip(cells[::2], cells[1::2], strict=True):
        s = sigmoid.saved[1].item()
        assert s * (1 - s) <= 0.25
        product *= linear.weight.item() * s * (1 - s)
    assert np.isclose(dx.item(), product)
