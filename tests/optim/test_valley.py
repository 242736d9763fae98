"""The course's valley: f = x^2 / 20 + y^2 from (-7, 2), 30 steps. A path without chance."""

import numpy as np
import pytest
import torch

from koubai.optim import SGD, AdaGrad, Adam, Momentum

START = np.array([-7.0, 2.0])
CURVATURE = np.array([1 / 10, 2.0])
STEPS = 30


def path(optimizer):
    w = START.copy()
    slots = {name: np.zeros_like(w) for name in optimizer.slots}
    points = [w.copy()]
    for t in range(1, STEPS + 1):
        optimizer.update(w, CURVATURE * w, slots, optimizer.learning_rate, t)
        points.append(w.copy())
    return np.array(points)


def test_sgd_follows_its_closed_form():
    closed = START * (1 - 0.95 * CURVATURE) ** np.arange(STEPS + 1)[:, None]
    np.testing.assert_allclose(path(SGD(0.95)), closed, rtol=1e-12)
    assert (closed[1:6, 1] * closed[:5, 1] < 0).all(), "it zigzags across the valley"


def test_momentum_follows_the_powers_of_its_matrix():
    """(w, v) <- [[1 - alpha c, mu], [-alpha c, mu]] (w, v) for each curvature c."""
    expected = np.empty((STEPS + 1, 2))
    for axis, c in enumerate(CURVATURE):
        A = np.array([[1 - 0.1 * c, 0.9], [-0.1 * c, 0.9]])
        for n in range(STEPS + 1):
            expected[n, axis] = (np.linalg.matrix_power(A, n) @ [START[axis], 0])[0]
    np.testing.assert_allclose(path(Momentum(0.1)), expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("optimizer", "twin"),
    [
        (AdaGrad(1.5), lambda w: torch.optim.Adagrad(w, lr=1.5, eps=1e-7)),
        (Adam(0.3), lambda w: torch.optim.Adam(w, lr=0.3)),
    ],
    ids=["AdaGrad", "Adam"],
)
def test_adaptive_paths_are_those_of_pytorch(optimizer, twin):
    w = torch.nn.Parameter(torch.tensor(START))
    theirs = twin([w])
    points = [w.detach().numpy().copy()]
    for _ in range(STEPS):
        theirs.zero_grad()
        (w[0] ** 2 / 20 + w[1] ** 2).backward()
        theirs.step()
        points.append(w.detach().numpy().copy())
    np.testing.assert_allclose(path(optimizer), points, rtol=1e-9)
    assert np.abs(points[-1]).sum() < 1
