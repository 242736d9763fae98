"""Mixed precision: products of bfloat16 numbers, weights and updates in float32."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from koubai.core.errors import EngineError
from koubai.data import Digits
from koubai.engines import Job, Observation
from koubai.engines.choose import compile_job
from koubai.engines.native import possible
from koubai.engines.native.backends.find import why_not_onednn
from koubai.engines.native.kernels import half
from koubai.engines.native.kernels.base import has_bfloat16
from koubai.engines.native.kernels.moving import Copy
from koubai.layers import (
    BatchNorm,
    Conv2d,
    Dropout,
    Flatten,
    GlobalAveragePool,
    Linear,
    LocalResponseNorm,
    MaxPool2d,
    ReLU,
    Residual,
    Sequential,
    Tanh,
)
from koubai.losses import SoftmaxCrossEntropy
from koubai.network import Network
from koubai.optim import Adam
from support.jobs import batches, classes_job, first_gradients
from support.kernels import run_kernel
from support.marks import long

needs_bfloat16 = pytest.mark.skipif(
    not has_bfloat16() or why_not_onednn() is not None,
    reason="this processor has no bfloat16 instructions, or there is no oneDNN",
)

NETWORKS = {
    "mlp": (Sequential(Linear(40), ReLU(), Dropout(0.3), Linear(20), Tanh(), Linear(10)), (30,)),
    "convnet": (
        Sequential(
            *(Conv2d(16, 3), ReLU(), MaxPool2d(2), Conv2d(20, 3, padding=2), ReLU(), MaxPool2d(3, stride=2)),
            *(Flatten(), Linear(30), ReLU(), Linear(10), Dropout(0.1)),
        ),
        (3, 14, 14),
    ),
    "norms": (
        Sequential(
            *(Conv2d(16, 3), ReLU(), LocalResponseNorm(), Conv2d(16, 3, padding=1), BatchNorm(), ReLU()),
            *(Residual(Conv2d(16, 3, padding=1)), GlobalAveragePool(), Linear(10)),
        ),
        (1, 12, 12),
    ),
}


@needs_bfloat16
@pytest.mark.parametrize("threads", [1, *long(2)])
@pytest.mark.parametrize("name", ["mlp", *long(*(name for name in NETWORKS if name != "mlp"))])
def test_gradients_are_those_of_float32_within_eight_bits(name, threads):
    layer, shape = NETWORKS[name]
    job = classes_job(layer, shape, batch=32, precision="bfloat16", threads=threads)
    loss, gradients = first_gradients(job, "native")
    expected_loss, expected = first_gradients(replace(job, precision="float32"), "native")
    assert loss == pytest.approx(expected_loss, rel=0.02)
    for path, gradient in expected.items():
        off = np.linalg.norm(gradients[path] - gradient)
        assert off <= 0.15 * np.linalg.norm(gradient) + 1e-3, path


@needs_bfloat16
@pytest.mark.parametrize("name", NETWORKS)
def test_state_and_taps_are_as_exact_as_in_float32(name):
    layer, shape = NETWORKS[name]
    job = classes_job(layer, shape, precision="bfloat16", optimizer=Adam())
    states = []
    for plan in (None, Observation(tap_every=2, units=True)):
        program = compile_job(job, "native")
        program.restore(program.state())
        program.advance(batches(job, 6), plan, lambda record: None)
        states.append(program.state())
    for path, w in states[0].weights.params.items():
        assert np.array_equal(w, states[1].weights.params[path]), path


@needs_bfloat16
def test_a_whole_experiment_reaches_the_accuracy_of_float32():
    data = Digits().load()
    layer = Sequential(
        *(Conv2d(16, 3, padding=1), ReLU(), MaxPool2d(2), Conv2d(32, 3, padding=1), ReLU()),
        *(Flatten(), Linear(50), ReLU(), Linear(10)),
    )
    accuracies = {}
    for precision in ("float32", "bfloat16"):
        job = Job(
            network=Network(layer, data.in_shape),
            loss=SoftmaxCrossEntropy(),
            optimizer=Adam(),
            x=data.x_train,
            t=data.t_train,
            batch_size=50,
            precision=precision,
        )
        program = compile_job(job, "native")
        losses = program.advance(batches(job, 400))
        accuracies[precision] = (program.predict(data.x_test).argmax(axis=1) == data.t_test).mean()
        assert losses[-20:].mean() < 0.1
    assert accuracies["float32"] > 0.95
    assert abs(accuracies["bfloat16"] - accuracies["float32"]) < 0.015


def test_a_processor_without_it_says_so(monkeypatch):
    monkeypatch.setattr(possible, "has_bfloat16", lambda: False)
    with pytest.raises(EngineError, match="no bfloat16 instructions"):
        compile_job(classes_job(Linear(4), (3,), precision="bfloat16"), "native")


def test_an_unknown_precision_is_refused():
    with pytest.raises(EngineError, match="unknown precision"):
        compile_job(classes_job(Linear(4), (3,), precision="float8"), "native")


def test_rounding_is_that_of_pytorch():
    edges = [
        1.0,
        1 + 2**-8,
        1 + 3 * 2**-8,
        1 + 2**-8 + 2**-20,
        -1.7,
        3e38,
        np.inf,
        -np.inf,
        np.nan,
        1e-40,
        0.0,
    ]
    drawn = np.random.default_rng(0).standard_normal(1000) * 10.0 ** np.random.default_rng(1).integers(
        -30, 30, 1000
    )
    x = np.concatenate([edges, drawn]).astype(np.float32)
    narrow, back = np.zeros(len(x), np.uint16), np.zeros(len(x), np.float32)
    run_kernel(half.to_half, Copy(x, narrow, len(x)))
    run_kernel(half.to_float, Copy(narrow, back, len(x)))
    np.testing.assert_array_equal(back, torch.tensor(x).to(torch.bfloat16).float().numpy())
