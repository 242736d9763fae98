"""The same weights on the same batches, here and in PyTorch under watch: same numbers, same findings."""

import numpy as np
import pytest
import torch
from torch import nn

from koubai.data.sources.arrays import Arrays
from koubai.doctor.diagnose import diagnose
from koubai.doctor.visit.session_patient import session_patient
from koubai.doctor.watch.watcher import Watch
from koubai.initializers import LeCunNormal, Zeros
from koubai.layers import Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential, Sigmoid, Tanh
from koubai.losses import SoftmaxCrossEntropy
from koubai.optim import SGD
from koubai.train import Observation, Recipe, Session
from koubai_benchmarks.doctor.torch_modules import module_of

STEPS = 200
LAYERS = {
    "healthy": [Linear(10), Tanh(), Linear(10), Tanh()],
    "zero weights": [Linear(10), ReLU(), Linear(10), ReLU()],
    "rate too high": [Linear(10), ReLU(), Linear(10), ReLU()],
    "sigmoids": [Linear(10), Sigmoid()] * 8,
    "convolution": [
        Conv2d(4, 3, padding=1),
        ReLU(),
        MaxPool2d(2),
        Conv2d(3, 2),
        Tanh(),
        Flatten(),
        Linear(8),
        ReLU(),
    ],
}
RATES = {"rate too high": 20.0}


def session(name):
    random = np.random.default_rng(0)
    t = random.integers(0, 3, 400)
    shape = (2, 6, 6) if name == "convolution" else (4,)
    centers = random.normal(size=(3, *shape)) * 2
    x = (centers[t] + random.normal(size=(400, *shape))).astype(np.float32)
    recipe = Recipe(
        Sequential(*LAYERS[name], Linear(3)),
        Arrays.of(x[:300], t[:300], x[300:], t[300:]),
        SoftmaxCrossEntropy(),
        SGD(RATES.get(name, 0.1)),
        batch_size=50,
        steps=STEPS,
        initializer=Zeros() if name == "zero weights" else LeCunNormal(),
    )
    return Session(recipe, engine="reference", observation=Observation(tap_every=40, first_until=1))


def watched(session):
    model = module_of(session.network.root, session.state().weights.params)
    optimizer = torch.optim.SGD(model.parameters(), session.recipe.optimizer.learning_rate)
    data = session.dataset
    x, t, x_test, t_test = map(torch.tensor, (data.x_train, data.t_train, data.x_test, data.t_test))
    watch = Watch(model, optimizer, every=40, steps=STEPS, budget=5)
    with watch:
        for batch in map(torch.from_numpy, session.sampler.batches(0, STEPS)):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x[batch]), t[batch])
            loss.backward()
            optimizer.step()
            if not torch.isfinite(loss):
                break
        model.eval()
        with torch.no_grad():
            nn.functional.cross_entropy(model(x_test), t_test)
    return watch


# Under a rate that is too high training is chaotic: rounding grows to everything.
@pytest.mark.parametrize("name", sorted(set(LAYERS) - set(RATES)))
def test_statistics_are_the_same(name):
    ours = session(name)
    theirs = watched(ours)
    with np.errstate(all="ignore"):
        ours.advance(STEPS)
    expected = {(e.step, e.path, e.quantity): e.value for e in ours.history}
    found = {(e.step, e.path, e.quantity): e.value for e in theirs.seen.record.history}
    assert expected.keys() <= found.keys()
    scale = {}  # of each quantity at each path: what rounding is measured against
    for (_, path, quantity), value in expected.items():
        scale[path, quantity] = max(scale.get((path, quantity), 0.0), abs(value))
    for (step, path, quantity), value in expected.items():
        if np.isfinite(value):
            near = 1e-3 * scale[path, quantity] + 1e-6
            assert found[step, path, quantity] == pytest.approx(value, rel=1e-3, abs=near), (
                step,
                path,
                quantity,
            )


@pytest.mark.parametrize("name", ["healthy", "sigmoids", "convolution"])
def test_checkups_are_the_same(name):
    ours = session(name)
    theirs = watched(ours)
    initial = session_patient(ours, budget=0)
    ours.advance(STEPS)
    patient = session_patient(ours, budget=0)
    twins = theirs.patient()
    assert [layer.kind for layer in twins.layers] == [layer.kind for layer in patient.layers]
    assert [(layer.path, layer.in_shape, layer.out_shape, layer.params) for layer in twins.layers] == [
        (layer.path, layer.in_shape, layer.out_shape, layer.params) for layer in patient.layers
    ]
    assert (twins.loss, twins.optimizer, twins.data.classes) == (
        patient.loss,
        patient.optimizer,
        patient.data.classes,
    )
    assert twins.step == patient.step == STEPS
    assert [look.step for look in twins.checkups] == [0, STEPS]
    # The watch examined the batches it saw, the session samples of the whole part: parameters are the same,
    # layers are alike.
    for expected, found in (
        (initial.checkups[-1], twins.checkups[0]),
        (patient.checkups[-1], twins.checkups[-1]),
    ):
        assert found.params.keys() == expected.params.keys()
        assert found.layers.keys() == expected.layers.keys()
        for path, check in expected.params.items():
            assert found.params[path].norm == pytest.approx(check.norm, rel=1e-4, abs=1e-6), path
            assert (found.params[path].size, found.params[path].units) == (check.size, check.units)
            assert found.params[path].distinct == check.distinct
        for path, check in expected.layers.items():
            assert found.layers[path].units == check.units
            assert found.layers[path].signal == pytest.approx(check.signal, rel=0.2, abs=1e-3), path
            assert (found.layers[path].slope is None) == (check.slope is None)
    np.testing.assert_allclose(
        twins.held_outputs, patient.held_outputs[: len(twins.held_outputs)], rtol=1, atol=10
    )


@pytest.mark.parametrize(
    ("name", "expected"), [("zero weights", "symmetric_init"), ("rate too high", "learning_rate_too_high")]
)
def test_findings_are_the_same(name, expected):
    ours = session(name)
    theirs = watched(ours)
    with np.errstate(all="ignore"):
        ours.advance(STEPS)
        found = [(f.code, f.name, f.layer) for f in theirs.findings]
        assert found == [(f.code, f.name, f.layer) for f in diagnose(ours)]
    assert found[0][1] == expected
