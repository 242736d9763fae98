"""The native engine against the reference: whole steps, many steps, every part of a recipe."""

from dataclasses import dataclass, replace
from math import prod

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch.nn import functional

from koubai.core.layer import Layer
from koubai.core.registry import snake
from koubai.engines import compile_job
from koubai.engines.engine import TrainingState
from koubai.layers import (
    BatchNorm,
    Concatenate,
    Conv2d,
    Dropout,
    Flatten,
    Identity,
    LayerNorm,
    Linear,
    LocalResponseNorm,
    MaxPool2d,
    ReLU,
    Residual,
    Sequential,
    Sigmoid,
    SiLU,
    Softmax,
    Tanh,
)
from koubai.losses import LOSSES, BinaryCrossEntropy, CrossEntropy, Loss, SoftmaxCrossEntropy
from koubai.models import AlexNet, DeepConvNet, DoubleConvNet, Mlp, SimpleConvNet
from koubai.optim import OPTIMIZERS, SGD, Adam, AdamW, Momentum
from koubai.optim.clipping import Clipping
from koubai.penalties import L1, L2, PNorm, ProximalL1
from koubai.schedules import Schedule
from support.close import assert_close
from support.jobs import batches, classes_job, first_gradients, values_job
from support.marks import long

with_both = pytest.mark.usefixtures("backend")

COURSE = {
    "mlp": (Mlp(hidden=(40, 20), activation="sigmoid"), (1, 28, 28)),
    "mlp with batch norm": (Mlp(hidden=(40, 20), batch_norm=True), (784,)),
    "deep mlp": (Mlp(hidden=(100,) * 5, dropout=0.15), (784,)),
    "simple convnet": (SimpleConvNet(), (1, 28, 28)),
    "double convnet": (DoubleConvNet(), (1, 28, 28)),
    "deep convnet": (DeepConvNet(), (1, 28, 28)),
}


def assert_same_gradients(job, *, kinks=False):
    """First-step gradients of both engines, and of the reference in float64.

    Where two numbers in a window are closer than rounding, engines may take another maximum; `kinks` says
    that such places exist, and bounds what they do by the whole gradient's norm.
    """
    loss, gradients = first_gradients(job, "native")
    expected_loss, expected = first_gradients(job, "reference")
    assert loss == pytest.approx(expected_loss, rel=1e-5)
    for path, gradient in expected.items():
        if kinks:
            off = np.linalg.norm(gradients[path] - gradient)
            assert off <= 2e-2 * np.linalg.norm(gradient) + 1e-6, path
        else:
            terms = job.batch_size * max(prod(value.in_shape) for value in job.network.leaves)
            scale = float(np.abs(gradient).max()) + 1e-2
            assert_close(gradients[path], gradient, terms=terms, scale=scale, eps=2**-24, name=path)


@with_both
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", COURSE)
def test_course_networks_have_the_gradients_of_the_reference(name, threads):
    layer, shape = COURSE[name]
    assert_same_gradients(classes_job(layer, shape, threads=threads), kinks="convnet" in name)


@with_both
@pytest.mark.parametrize("grouped", [True, *long(False)])
def test_alexnet_has_full_coverage(grouped):
    job = classes_job(AlexNet(classes=10, grouped=grouped), (3, 227, 227), batch=2, samples=2)
    assert "reference formula" not in compile_job(job, "native").listing()


@with_both
def test_a_small_alexnet_has_the_gradients_of_the_reference():
    layer = Sequential(
        *(Conv2d(16, 5, stride=2), ReLU(), LocalResponseNorm(), MaxPool2d(3, stride=2)),
        *(Conv2d(32, 3, padding=1, groups=2), ReLU(), LocalResponseNorm(), MaxPool2d(3, stride=2)),
        *(Flatten(), Linear(30), ReLU(), Dropout(0.5), Linear(10)),
    )
    assert_same_gradients(classes_job(layer, (3, 35, 35), batch=6, samples=20), kinks=True)


@with_both
@pytest.mark.parametrize("name", ["mlp", "simple convnet", "double convnet"])
def test_losses_of_twenty_steps_agree(name):
    layer, shape = COURSE[name]
    job = classes_job(layer, shape, optimizer=Momentum(0.02))
    indices = batches(job, 20)
    native, reference = compile_job(job, "native"), compile_job(job, "reference")
    np.testing.assert_allclose(native.advance(indices), reference.advance(indices), rtol=1e-4)


# ---------------------------------------------------------------------------------------- random networks


@st.composite
def networks(draw):
    """A few layers that fit together, on images."""
    shape = (draw(st.sampled_from([1, 3, 5])), draw(st.integers(6, 10)), draw(st.integers(6, 10)))
    layers: list[Layer] = []
    activation = st.sampled_from([ReLU(), Tanh(), Sigmoid(), SiLU(), BatchNorm(), LayerNorm(), Dropout(0.3)])
    for _ in range(draw(st.integers(1, 2))):
        channels, kernel = draw(st.integers(1, 20)), draw(st.integers(1, 3))
        layers += [Conv2d(channels, kernel, padding=draw(st.integers(0, 2)), bias=draw(st.booleans()))]
        layers += draw(st.lists(activation, max_size=2))
        if draw(st.booleans()):
            layers.append(MaxPool2d(2))
        if draw(st.booleans()):
            layers.append(Residual(Sequential(Conv2d(channels, 3, padding=1), Tanh())))
        if draw(st.booleans()):
            layers.append(Concatenate(Identity(), Conv2d(2, 1)))
    layers += [Flatten(), Linear(draw(st.integers(1, 9))), draw(activation), Linear(4)]
    return Sequential(*layers), shape


@with_both
@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,  # the fixture sets the same for all examples
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(networks(), st.sampled_from([1, 2]))
def test_random_networks_have_the_gradients_of_the_reference(network, threads):
    layer, shape = network
    job = values_job(layer, shape, batch=5, threads=threads)
    assert_same_gradients(job, kinks=True)


# ---------------------------------------------------------------------------------------- parts of a recipe

SMALL = Sequential(Linear(12), Tanh(), Linear(6))
EVERYDAY = (SGD, Momentum, Adam, AdamW)  # each of the others compiles a step of its own


def assert_same_training(job, steps=6, *, rtol=2e-5, atol=2e-6):
    """Losses, weights, buffers and slots after a few steps."""
    indices = batches(job, steps)
    native, reference = compile_job(job, "native"), compile_job(job, "reference")
    np.testing.assert_allclose(native.advance(indices), reference.advance(indices), rtol=1e-5, atol=1e-7)
    got, expected = native.state(), reference.state()
    assert got.step == expected.step == steps
    for found, wanted in (
        (got.weights.params, expected.weights.params),
        (got.weights.buffers, expected.weights.buffers),
        (got.slots, expected.slots),
    ):
        assert list(found) == list(wanted)
        for path, array in wanted.items():
            np.testing.assert_allclose(found[path], array, rtol=rtol, atol=atol, err_msg=path)


@pytest.mark.parametrize("threads", [1, *long(2)])
@pytest.mark.parametrize(
    "optimizer",
    [
        pytest.param(cls(learning_rate=0.02), marks=() if cls in EVERYDAY else pytest.mark.long)
        for cls in OPTIMIZERS.values()
    ],
    ids=repr,
)
def test_every_optimizer(optimizer, threads):
    assert_same_training(classes_job(SMALL, (9,), optimizer=optimizer, threads=threads), rtol=1e-3, atol=1e-5)


@dataclass(frozen=True)
class Falling(Schedule):
    """1 / t."""

    def factor(self, t):
        return 1 / t


@pytest.mark.parametrize("optimizer", [SGD(0.5), Adam(0.1), AdamW(0.1)], ids=repr)
def test_a_schedule_scales_the_learning_rate(optimizer):
    job = classes_job(SMALL, (9,), schedule=Falling(), optimizer=optimizer)
    assert_same_training(job, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    "penalties",
    [(L2(0.1),), (L1(0.05),), (PNorm(0.1, p=1.5),), (PNorm(0.1, p=3.0), L1(0.01), L2(0.02))],
    ids=repr,
)
def test_every_penalty(penalties, threads):
    assert_same_training(classes_job(SMALL, (9,), penalties=penalties, threads=threads))


@dataclass(frozen=True)
class WithoutKernel(SGD):
    """SGD that the native engine runs by its formula."""

    registry_name = "without_kernel"


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    ("optimizer", "penalties"),
    [
        (SGD(0.1), (ProximalL1(0.05),)),
        (WithoutKernel(0.1), (L2(0.02), ProximalL1(0.03), ProximalL1(0.02))),
        (Adam(0.01), (L2(0.02), ProximalL1(0.2), ProximalL1(0.3))),
    ],
    ids=repr,
)
def test_the_soft_threshold_leaves_the_same_weights_at_exactly_zero(optimizer, penalties, threads):
    changes = {"penalties": penalties, "optimizer": optimizer, "frozen": ("0.weight",), "threads": threads}
    job = classes_job(SMALL, (9,), **changes)
    programs = [compile_job(job, engine) for engine in ("native", "reference")]
    steps = batches(job, 60)
    for program in programs:
        program.advance(steps)
    ours, theirs = (program.state().weights.params for program in programs)
    emptied = {path: int((w == 0).sum()) for path, w in theirs.items() if path.endswith("weight")}
    assert emptied.pop("0.weight") == 0, "a frozen weight is left alone"
    assert 0 < emptied["2.weight"] < theirs["2.weight"].size
    for path, w in theirs.items():
        np.testing.assert_allclose(ours[path], w, rtol=2e-3, atol=2e-5, err_msg=path)
        assert abs(int((ours[path] == 0).sum()) - int((w == 0).sum())) <= 2, path  # at the threshold itself


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    "clipping", [Clipping(norm=0.1), Clipping(value=0.01), Clipping(norm=0.1, value=0.02)], ids=repr
)
@pytest.mark.parametrize("optimizer", [SGD(0.5), AdamW(0.01, weight_decay=0.5)], ids=repr)
def test_clipping(clipping, optimizer, threads):
    job = classes_job(
        SMALL, (9,), clipping=clipping, optimizer=optimizer, penalties=(L2(0.1),), threads=threads
    )
    assert_same_training(job, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("frozen", [("0",), ("0.weight", "2.bias"), ("2",)])
def test_frozen_parameters_stay(frozen):
    job = classes_job(SMALL, (9,), frozen=frozen, optimizer=Adam(0.01))
    assert_same_training(job, rtol=1e-3, atol=1e-5)
    before = job.network.initialize(job.seed).params
    program = compile_job(job, "native")
    program.advance(batches(job, 3))
    after = program.state().weights.params
    for path in before:
        assert np.array_equal(before[path], after[path]) == job.is_frozen(path), path


@dataclass(frozen=True)
class LossCase:
    loss: Loss
    labels: bool
    outputs: int = 6
    last: Layer = Identity()

    @property
    def id(self):
        return f"{self.loss!r} {'labels' if self.labels else 'values'} {self.outputs}"


def loss_cases():
    for name, cls in LOSSES.items():
        last = {"cross_entropy": "softmax", "binary_cross_entropy": "sigmoid"}.get(name)
        layer = {"softmax": Softmax(), "sigmoid": Sigmoid(), None: Identity()}[last]
        if cls.target in ("classes", "either"):
            yield LossCase(cls(), True, last=layer)
        if cls.target in ("values", "either"):
            yield LossCase(cls(), False, last=layer)
            yield LossCase(cls(), True, outputs=1, last=layer)
    yield LossCase(SoftmaxCrossEntropy(smoothing=0.1), True)
    yield LossCase(CrossEntropy(delta=0.3), True, last=Softmax())
    yield LossCase(BinaryCrossEntropy(delta=0.4), False, last=Sigmoid())


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("case", list(loss_cases()), ids=lambda case: case.id)
def test_every_loss(case, threads):
    job = classes_job(Sequential(Linear(case.outputs), case.last), (9,), loss=case.loss, threads=threads)
    random = np.random.default_rng(4)
    t = random.integers(0, max(2, case.outputs), 200)
    if not case.labels:
        t = random.random((200, case.outputs)).astype(np.float32)
    assert_same_training(replace(job, t=t))


@with_both
def test_gradients_are_those_of_pytorch():
    job = classes_job(COURSE["simple convnet"][0], (1, 28, 28), batch=10)
    _, gradients = first_gradients(job, "native")
    weights = {
        path: torch.tensor(w, requires_grad=True)
        for path, w in job.network.initialize(job.seed).params.items()
    }
    x = torch.tensor(job.x[:10])
    y = functional.max_pool2d(
        functional.relu(functional.conv2d(x, weights["0.weight"], weights["0.bias"])), 2
    )
    y = functional.relu(y.flatten(1) @ weights["4.weight"] + weights["4.bias"])
    loss = functional.cross_entropy(y @ weights["6.weight"] + weights["6.bias"], torch.tensor(job.t[:10]))
    loss.backward()
    for path, w in weights.items():
        off = np.linalg.norm(gradients[path] - w.grad.numpy())
        assert off <= 1e-4 * np.linalg.norm(w.grad.numpy()), path


@with_both
def test_dropout_masks_are_those_of_the_reference():
    layer = Sequential(Flatten(), Dropout(0.4), Linear(5))
    job = classes_job(layer, (3, 4, 5), batch=7, threads=3)
    assert_same_gradients(job)
    kept = Sequential(Conv2d(20, 1), Dropout(0.4), Flatten(), Linear(5))
    assert_same_training(classes_job(kept, (3, 4, 5), batch=7, threads=3))


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_training_stops_after_the_first_loss_that_is_not_finite(engine):
    job = classes_job(Sequential(Linear(12), ReLU(), Linear(6)), (9,), optimizer=SGD(1e30))
    program = compile_job(job, engine)
    with np.errstate(all="ignore"):
        losses = program.advance(batches(job, 10))
    assert len(losses) < 10
    assert np.isfinite(losses[:-1]).all()
    assert not np.isfinite(losses[-1])
    assert program.state().step == len(losses)


@with_both
def test_nan_in_a_hidden_unit_is_not_hidden_by_relu():
    job = classes_job(Sequential(Linear(8), ReLU(), Linear(6)), (9,))
    program = compile_job(job, "native")
    state = program.state()
    state.weights.params["0.weight"][0, 0] = np.nan
    program.restore(state)
    (loss,) = program.advance(batches(job, 1))
    assert np.isnan(loss)


@with_both
def test_predictions_do_not_depend_on_how_many_are_asked_for():
    job = classes_job(COURSE["double convnet"][0], (1, 28, 28), samples=160)
    program, reference = compile_job(job, "native"), compile_job(job, "reference")
    expected = reference.predict(job.x)
    for count in (0, 1, 5, 16, 17, 128, 160):
        got = program.predict(job.x[:count])
        assert got.shape == (count, 10)
        np.testing.assert_allclose(got, expected[:count], rtol=1e-4, atol=1e-5)


@with_both
def test_state_comes_back_bit_by_bit():
    job = classes_job(COURSE["double convnet"][0], (1, 28, 28), optimizer=Adam())
    program = compile_job(job, "native")
    program.advance(batches(job, 2))
    state = program.state()
    random = np.random.default_rng(0)
    for arrays in (state.weights.params, state.weights.buffers, state.slots):
        for array in arrays.values():
            array[...] = random.standard_normal(array.shape)
    program.restore(TrainingState(17, state.weights.copy(), {k: v.copy() for k, v in state.slots.items()}))
    back = program.state()
    assert back.step == 17
    for path, array in state.weights.params.items():
        assert np.array_equal(back.weights.params[path], array), path
    for path, array in state.slots.items():
        assert np.array_equal(back.slots[path], array), path


def test_no_kernel_is_missing_for_what_is_registered():
    from koubai.engines.native.kernels.optimizers import OPTIMIZERS as WITH_KERNEL
    from koubai.engines.native.structure import PENALTY_KINDS
    from koubai.penalties import PENALTIES

    ours = [cls for cls in OPTIMIZERS.values() if cls.__module__.startswith("koubai.")]
    assert {snake(cls.__name__) for cls in ours} <= set(WITH_KERNEL)
    assert {name for name in PENALTIES if not PENALTIES[name].proximal} <= set(PENALTY_KINDS)
