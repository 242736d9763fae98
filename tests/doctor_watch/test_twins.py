"""PyTorch twins of recipes, and what tools say of them."""

import numpy as np
import pytest
import torch

from koubai.data.sources.arrays import Arrays
from koubai.layers.batch_norm import BatchNorm
from koubai.layers.convolution import Conv2d
from koubai.layers.flatten import Flatten
from koubai.layers.layer_norm import LayerNorm
from koubai.layers.linear import Linear
from koubai.layers.local_response_norm import LocalResponseNorm
from koubai.layers.max_pool import MaxPool2d
from koubai.layers.rectifiers import ReLU
from koubai.layers.residual import Residual
from koubai.layers.sequential import Sequential
from koubai.optim import SGD, AdaGrad, Adam, Momentum, RMSProp
from koubai.penalties.p_norm import L2
from koubai.train.session import Session
from koubai_benchmarks.doctor import peers
from koubai_benchmarks.doctor.case import parse_cases
from koubai_benchmarks.doctor.peers import run_peers
from koubai_benchmarks.doctor.score import score
from koubai_benchmarks.doctor.torch_modules import NotTranslated
from koubai_benchmarks.doctor.torch_twin import Twin
from support.cases import OUTPUT_LAYER
from support.patients import SICK, circles, digits


@pytest.mark.parametrize(
    "recipe",
    [
        digits(steps=20),
        circles((8, 8), "selu", steps=20, penalties=(L2(1e-3),)),
        SICK["output_range"].edit(steps=20),
        digits(steps=20, optimizer=Momentum(0.05, momentum=0.5)),
        digits(steps=20, optimizer=Adam(0.01, beta1=0.5, beta2=0.8, delta=0.1)),
        digits(steps=20, optimizer=AdaGrad(0.1, delta=0.5)),
        digits(steps=20, optimizer=RMSProp(0.01, decay=0.5, delta=0.5)),
    ],
    ids=["classes", "yes or no", "values", "momentum", "adam", "adagrad", "rmsprop"],
)
def test_a_twin_starts_the_same_and_trains_alike(recipe):
    ours, twin = Session(recipe, engine="reference"), Twin(recipe)
    x = ours.dataset.x_test[:30].astype(np.float32)
    twin.model.eval()
    np.testing.assert_allclose(
        twin.model(torch.tensor(x)).detach().numpy(), ours.program.predict(x), rtol=1e-4, atol=1e-5
    )
    twin.model.train()
    expected = ours.advance(recipe.steps)
    np.testing.assert_allclose(trained(twin), expected, rtol=0.02)


def trained(twin):
    losses = []
    for inputs, targets in twin.batches():
        twin.optimizer.zero_grad()
        loss = twin.loss_fn(twin.model(inputs), targets)
        loss.backward()
        twin.optimizer.step()
        losses.append(loss.item())
    return losses


def test_convolutions_norms_and_shortcuts_are_the_same_after_training_too():
    norm = BatchNorm(momentum=0.5, epsilon=0.1)
    half = Sequential(Linear(8), norm, ReLU())
    damped = (Conv2d(4, 3), norm, ReLU(), LocalResponseNorm(3, k=1.0, alpha=0.1, beta=0.5), MaxPool2d(2))
    network = Sequential(*damped, Flatten(), half, Residual(half), Linear(3))
    # Under Adam the biases before a norm would walk by rounding alone.
    twin = Twin(images(network).edit(optimizer=SGD(0.1)))
    ours = Session(twin.recipe, engine="reference")
    np.testing.assert_allclose(trained(twin), ours.advance(twin.recipe.steps), rtol=1e-4)
    x = ours.dataset.x_test.astype(np.float32)
    twin.model.eval()
    np.testing.assert_allclose(
        twin.model(torch.tensor(x)).detach().numpy(), ours.program.predict(x), rtol=1e-4, atol=1e-5
    )


def test_what_has_no_twin_says_so():
    with pytest.raises(NotTranslated, match="layer_norm"):
        Twin(digits(network=Sequential(Flatten(), Linear(8), LayerNorm(), Linear(10))))


def images(network):
    generator = np.random.default_rng(0)
    x, t = generator.normal(size=(60, 1, 8, 8)).astype(np.float32), np.arange(60) % 3
    return digits(data=Arrays.of(x, t), network=network, steps=4)


def test_tools_are_scored_on_twins_like_baselines(monkeypatch):
    monkeypatch.setattr(
        peers,
        "installed",
        lambda: {"koubai.watch": peers.watch, "always": lambda twin: ["over_fitting"]},
    )
    cases = parse_cases(OUTPUT_LAYER, "test.toml")
    rows = list(run_peers(cases, seeds=1))
    assert [(row.case, row.label) for row in rows] == [("sick", "faulty"), ("sick fixed", "healthy")]
    ours, always = (score(rows, cases, tool) for tool in ("koubai.watch", "always"))
    assert (ours.healthy_alarm_rate.hits, ours.detection.hits, ours.top1.hits) == (0, 1, 1)
    assert (always.healthy_alarm_rate.hits, always.detection.hits, always.top1.hits) == (1, 1, 0)
