"""Every loss in PyTorch against its formula: value and gradient, at the edges too."""

import numpy as np
import pytest
import torch

from koubai.engines.torch.losses import has_function, loss_and_gradient
from koubai.losses import LOSSES, BinaryCrossEntropy, CrossEntropy, SoftmaxCrossEntropy
from support.close import assert_close

CASES = [LOSSES[name]() for name in LOSSES] + [
    SoftmaxCrossEntropy(smoothing=0.2),
    BinaryCrossEntropy(delta=0.3),
    CrossEntropy(delta=0.3),
]


def outputs(loss, outputs, dtype):
    """Outputs that some of the clipping touches, some hit exactly, and large ones."""
    y = np.random.default_rng(3).normal(size=(9, outputs)).astype(dtype)
    if loss.takes == "probabilities":
        return np.clip(y, 0, 1)
    y[0] = 0
    y[1] = 80 * y[1]
    return y


def targets(loss, y):
    labels = np.arange(9) % max(y.shape[1], 2)
    if loss.target == "classes":
        return [labels]
    values = np.random.default_rng(4).random(y.shape).astype(y.dtype)
    values[0] = y[0]
    return [labels, values, *([values[:, 0]] if y.shape[1] == 1 else [])]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("loss", CASES, ids=repr)
def test_values_and_gradients_are_the_formula(loss, dtype):
    assert has_function(loss)
    for count in (1, 4) if loss.target != "classes" else (4,):
        y = outputs(loss, count, dtype)
        for t in targets(loss, y):
            value, dy = loss_and_gradient(loss, torch.from_numpy(y), torch.from_numpy(t))
            expected, gradient = loss.value(y, t), loss.gradient(y, t)
            scale = max(abs(expected), 1.0)
            eps = np.finfo(dtype).eps
            assert_close(np.array(float(value)), np.array(expected), terms=40, scale=scale, eps=eps)
            scale = max(float(np.abs(gradient).max()), 1.0)
            assert_close(dy.numpy(), gradient, terms=40, scale=scale, name="dy", eps=eps)
            assert dy.dtype == torch.from_numpy(y).dtype
