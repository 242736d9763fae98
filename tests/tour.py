"""Ten seconds through koubai, from one formula to a diagnosis. Run it: `python tests/tour.py`.

Every stop is a test of its own; together, read from top to bottom, they are the shortest way to see what
the library is made of.
"""

from __future__ import annotations

import time

import numpy as np
import pytest

import koubai as kb


def stop_1_a_layer_is_a_formula_with_its_derivative_beside_it() -> None:
    sigmoid = kb.Sigmoid()
    u = np.linspace(-6, 6, 1201)
    slope = sigmoid.derivative(u, sigmoid.value(u))
    assert slope.max() == sigmoid.max_derivative == 0.25, "the root of vanishing gradients"


def stop_2_layers_are_values_and_a_network_knows_every_shape_and_path() -> None:
    net = kb.Sequential(
        kb.Conv2d(8, 3, padding=1), kb.BatchNorm(), kb.ReLU(), kb.MaxPool2d(2), kb.Flatten(), kb.Linear(10)
    )
    network = kb.Network(net, (1, 8, 8))
    assert network.out_shape == (10,)
    assert list(network.param_specs)[:3] == ["0.weight", "0.bias", "1.gamma"]
    assert kb.Network(kb.AlexNet(), (3, 227, 227)).parameter_count == 60_965_224


def stop_3_a_mistake_is_answered_with_where_why_and_what_would_fit() -> None:
    net = kb.Sequential(kb.Conv2d(8, 5), kb.MaxPool2d(2), kb.Conv2d(8, 5))
    with pytest.raises(kb.KoubaiError) as caught:
        kb.Network(net, (1, 8, 8)).root  # noqa: B018 - wiring is what raises
    assert str(caught.value).splitlines() == [
        "layer 2 (Conv2d): the window does not fit the height",
        "  expected: floor((2 + 2*0 - 1*(5 - 1) - 1) / 1) + 1 >= 1",
        "  got:      -2, for an input of 2 x 2",
        "  try:      a window of at most 2, or padding of at least 2",
    ]


def stop_4_backward_is_proven_by_central_differences() -> None:
    network = kb.Network(kb.Mlp(hidden=(5,), classes=3, activation="tanh"), (4,))
    weights = network.initialize(seed=0, dtype="float64")
    root = network.bind(weights, training=True)
    x, t, loss = np.random.default_rng(0).normal(size=(6, 4)), np.arange(6) % 3, kb.SoftmaxCrossEntropy()
    root.backward(loss.gradient(root.forward(x), t))
    W, h = weights.params["1.weight"], 1e-5
    analytic = root.children["1"].grads["weight"][2, 3]
    W[2, 3] += h
    above = loss.value(root.forward(x), t)
    W[2, 3] -= 2 * h
    assert abs((above - loss.value(root.forward(x), t)) / (2 * h) - analytic) < 1e-9


def stop_5_an_optimizer_is_the_update_of_one_tensor() -> None:
    w, slots = np.array([-7.0, 2.0]), {"v": np.zeros(2)}
    for t in range(1, 201):  # the valley f = x^2 / 20 + y^2
        kb.Momentum(0.1).update(w, np.array([w[0] / 10, 2 * w[1]]), slots, 0.1, t)
    assert np.abs(w).max() < 1e-2


def stop_6_a_run_learns_and_remembers_what_every_layer_did() -> None:
    run = kb.fit(
        kb.Mlp(hidden=(40, 20)),
        kb.data.digits(),
        optimizer=kb.Momentum(0.05),
        steps=400,
        engine="reference",
        progress=False,
    )
    assert run.scores["test"].accuracy > 0.9
    assert {"1.weight", "3.weight", "5.weight"} <= set(run.history.paths("gradient_norm"))


def stop_7_the_doctor_names_what_keeps_a_network_from_learning() -> None:
    net = kb.Mlp(hidden=(40, 20), activation="sigmoid")
    run = kb.fit(
        net,
        kb.data.digits(),
        optimizer=kb.SGD(0.1),
        initializer=kb.Normal(0.01),
        steps=300,
        engine="reference",
        progress=False,
    )
    assert run.scores["test"].accuracy < 0.2
    _, first = run.history.series("gradient_norm", "1.weight")
    _, last = run.history.series("gradient_norm", "5.weight")
    assert first[-1] < last[-1] / 100, "little of the gradient reaches the first layer"
    assert run.findings[0].name in ("init_too_small", "vanishing_gradient")


STOPS = [stop for name, stop in sorted(globals().items()) if name.startswith("stop_")]


@pytest.mark.parametrize("stop", STOPS, ids=lambda stop: stop.__name__)
def test_tour(stop) -> None:
    stop()


if __name__ == "__main__":
    for stop in STOPS:
        start = time.perf_counter()
        stop()
        print(f"{time.perf_counter() - start:5.2f} s  {stop.__name__.replace('_', ' ')}")
