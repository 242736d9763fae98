"""Every loss: against PyTorch, against central differences, by hand, and at its limits."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from koubai.core.errors import DataError, SettingError, ShapeError
from koubai.losses import (
    LOSSES,
    BinaryCrossEntropy,
    CrossEntropy,
    Loss,
    MeanAbsoluteError,
    MeanSquaredError,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
)
from support.close import assert_close
from support.differences import assert_gradient


@dataclass(frozen=True)
class Case:
    """A loss on outputs and a target; the twin gets tensors of both, labels turned as PyTorch wants them."""

    loss: Loss
    y: str  # how outputs are drawn: "real" numbers, or "shares" in (0, 1)
    t: str  # "labels", or "values" in [0, 1]
    outputs: int
    twin: Any


def one_hot(t, y):
    return functional.one_hot(t, y.shape[1]).to(y.dtype)


def column(t, y):
    return t.reshape(-1, 1).to(y.dtype)


def cases_of(loss, y, twin):
    return [
        Case(loss, y, "values", 4, twin),
        Case(loss, y, "values", 1, twin),
        Case(loss, y, "labels", 3, lambda u, t: twin(u, one_hot(t, u))),
        Case(loss, y, "labels", 1, lambda u, t: twin(u, column(t, u))),
    ]


CASES = [
    Case(SoftmaxCrossEntropy(), "real", "labels", 5, functional.cross_entropy),
    Case(SoftmaxCrossEntropy(), "real", "labels", 2, functional.cross_entropy),
    Case(
        SoftmaxCrossEntropy(smoothing=0.2),
        "real",
        "labels",
        5,
        lambda y, t: functional.cross_entropy(y, t, label_smoothing=0.2),
    ),
    Case(CrossEntropy(), "shares", "labels", 4, lambda y, t: functional.nll_loss(y.log(), t)),
    *cases_of(BinaryCrossEntropy(), "shares", functional.binary_cross_entropy),
    *cases_of(SigmoidCrossEntropy(), "real", functional.binary_cross_entropy_with_logits),
    *cases_of(MeanSquaredError(), "real", functional.mse_loss),
    *cases_of(MeanAbsoluteError(), "real", functional.l1_loss),
]
every_case = pytest.mark.parametrize(
    "case", CASES, ids=[f"{case.loss!r} {case.outputs} {case.t}" for case in CASES]
)
ALL = [cls() for cls in LOSSES.values()]
named = pytest.mark.parametrize("loss", ALL, ids=lambda loss: type(loss).__name__)


def batch(case, dtype="float64", n=6):
    random = np.random.default_rng(0)
    shape = n, case.outputs  # shares stay away from the ends, where their logarithms are steep
    y = random.uniform(0.2, 0.8, shape) if case.y == "shares" else random.normal(0, 2, shape)
    labels = max(case.outputs, 2)
    t = (
        random.integers(0, labels, n)
        if case.t == "labels"
        else random.random((n, case.outputs)).astype(dtype)
    )
    return y.astype(dtype), t


def test_every_registered_loss_has_a_case():
    assert {type(case.loss) for case in CASES} == set(LOSSES.values())


@every_case
def test_the_gradient_is_the_derivative_of_the_value(case):
    y, t = batch(case)
    gradient = case.loss.gradient(y, t)
    assert_gradient(lambda: case.loss.value(y, t), y, gradient, scale=case.loss.value(y, t), name="dy")


@every_case
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_value_and_gradient_are_those_of_pytorch(case, dtype):
    y, t = batch(case, dtype)
    ty = torch.tensor(y, requires_grad=True)
    loss = case.twin(ty, torch.tensor(t))
    loss.backward()
    gradient = case.loss.gradient(y, t)
    assert_close(np.array(case.loss.value(y, t), dtype), loss.detach().numpy(), terms=y.size, name="E")
    assert_close(gradient, ty.grad.numpy(), terms=y.size, name="dy")
    assert gradient.dtype == dtype


@every_case
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_empty_batch_costs_nothing(case, dtype):
    y, t = batch(case, dtype, n=0)
    assert case.loss.value(y, t) == 0.0
    assert case.loss.gradient(y, t).shape == y.shape


@every_case
def test_output_and_target_are_left_alone(case):
    y, t = batch(case)
    before = y.copy(), t.copy()
    case.loss.value(y, t)
    case.loss.gradient(y, t)
    assert np.array_equal(y, before[0])
    assert np.array_equal(t, before[1])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_logits_of_ten_thousand_are_exact(dtype):
    y = np.array([[1e4, -1e4, 0], [-1e4, 1e4, 0]], dtype)
    t = np.array([0, 0])
    softmax = SoftmaxCrossEntropy()
    assert softmax.value(y, t) == 1e4  # (0 + 20000) / 2
    assert softmax.gradient(y, t).tolist() == [[0, 0, 0], [-0.5, 0.5, 0]]
    sigmoid = SigmoidCrossEntropy()
    y = np.array([[1e4], [-1e4], [1e4], [-1e4]], dtype)
    t = np.array([1, 0, 0, 1])
    assert sigmoid.value(y, t) == 5e3  # (0 + 0 + 10000 + 10000) / 4
    assert sigmoid.gradient(y, t).tolist() == [[0], [0], [0.25], [-0.25]]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("loss", [CrossEntropy(), BinaryCrossEntropy()], ids=repr)
def test_sure_and_wrong_probabilities_stay_finite(loss, dtype):
    y, t = np.array([[1, 0], [0, 1]], dtype), np.array([1, 0])
    assert abs(loss.value(y, t) / -np.log(1e-7) - 1) < 1e-2  # 1 - 1e-7 has few digits in float32
    assert not loss.gradient(y, t).any(), "a clipped output gets no gradient"


def test_worked_by_hand():
    logits = np.log(np.array([[1.0, 2.0, 5.0], [1.0, 1.0, 2.0]]))
    t = np.array([2, 0])
    assert np.isclose(SoftmaxCrossEntropy().value(logits, t), -(np.log(5 / 8) + np.log(1 / 4)) / 2)
    np.testing.assert_allclose(
        SoftmaxCrossEntropy().gradient(logits, t), [[1 / 16, 2 / 16, -3 / 16], [-3 / 8, 1 / 8, 2 / 8]]
    )
    smooth = SoftmaxCrossEntropy(smoothing=0.3)  # q = (.1, .1, .8), then (.8, .1, .1)
    by_hand = -(np.log(1 / 8) + np.log(2 / 8) + 8 * np.log(5 / 8) + 9 * np.log(1 / 4) + np.log(1 / 2)) / 20
    assert np.isclose(smooth.value(logits, t), by_hand)

    y, v = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[0.0, 2.0], [5.0, 8.0]])
    assert MeanSquaredError().value(y, v) == (1 + 0 + 4 + 16) / 4
    assert MeanSquaredError().gradient(y, v).tolist() == [[0.5, 0], [-1, -2]]
    assert MeanAbsoluteError().value(y, v) == (1 + 0 + 2 + 4) / 4
    assert MeanAbsoluteError().gradient(y, v).tolist() == [[0.25, 0], [-0.25, -0.25]]

    p, labels = np.array([[0.25], [0.25]]), np.array([1, 0])
    assert np.isclose(BinaryCrossEntropy().value(p, labels), (np.log(4) + np.log(4 / 3)) / 2)
    np.testing.assert_allclose(BinaryCrossEntropy().gradient(p, labels), [[-2], [2 / 3]])
    u = np.log(np.array([[1 / 3], [1 / 3]]))  # the logits of those probabilities
    assert np.isclose(SigmoidCrossEntropy().value(u, labels), BinaryCrossEntropy().value(p, labels))
    np.testing.assert_allclose(SigmoidCrossEntropy().gradient(u, labels), [[-3 / 8], [1 / 8]])
    assert np.isclose(CrossEntropy().value(np.array([[0.5, 0.25]]), np.array([1])), np.log(4))
    np.testing.assert_allclose(CrossEntropy().gradient(np.array([[0.5, 0.25]]), np.array([1])), [[0, -4]])


@named
def test_decisions(loss):
    y = np.array([[0.1, 0.7, 0.2], [0.9, 0.05, 0.05]])
    assert loss.decide(y).tolist() == [1, 0]
    alone = loss.decide(np.array([[loss.cut + 0.1], [loss.cut - 0.1]]))
    assert alone.tolist() == [1, 0]
    assert alone.dtype == np.int64


@named
def test_what_does_not_fit_is_said(loss):
    assert loss.check((10,), 10) is None
    assert "one axis of outputs" in loss.check((3, 28, 28), 10)
    assert "10 classes need 10" in loss.check((9,), 10)
    takes_values = loss.check((3,), None) is None
    assert takes_values == (loss.target != "classes")
    assert (loss.check((1,), 2) is None) == (loss.target != "classes"), (
        "one output can tell two classes apart"
    )
    assert loss.check((1,), 3) is not None


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: SoftmaxCrossEntropy(smoothing=1.0), "smoothing"),
        (lambda: CrossEntropy(delta=0.0), "delta"),
        (lambda: BinaryCrossEntropy(delta=-1.0), "delta"),
    ],
)
def test_settings_out_of_range_are_named(make, name):
    with pytest.raises(SettingError, match=name):
        make()


@named
@pytest.mark.parametrize("face", ["value", "gradient"])
def test_targets_that_do_not_fit_are_refused(loss, face):
    y, labels = np.full((4, 3), 0.3), np.array([0, 1, 2, 1])
    call = getattr(loss, face)
    for t in (labels - 1, labels + 1, np.full(4, -3), np.full(4, 10**12)):
        with pytest.raises(DataError, match="a label is not a class"):
            call(y, t)
    for outputs, t in (
        (y, labels[:3]),
        (y, labels[:, None]),
        (y[0], labels),
        (y[:, :0], labels),
        (y.T, labels),
    ):
        with pytest.raises(ShapeError):
            call(outputs, t)
    for t in (labels.astype(str), labels.astype(object), labels * 1j, np.zeros((3, 4)), np.zeros(4)):
        with pytest.raises((DataError, ShapeError)):
            call(y, t)
    with pytest.raises(DataError):
        call(y.astype(object), labels)


@named
def test_labels_of_any_type_are_the_same_labels(loss):
    y = np.random.default_rng(0).uniform(0.2, 0.8, (4, 2))
    labels = np.array([0, 1, 1, 0])
    for t in (labels.astype(bool), labels.astype(np.uint8), labels.astype(">i2"), labels.tolist()):
        assert loss.value(y, t) == loss.value(y, labels)
        np.testing.assert_array_equal(loss.gradient(y, t), loss.gradient(y, labels))
        np.testing.assert_array_equal(loss.gradient(y[::-1], t[::-1]), loss.gradient(y, labels)[::-1])


@named
def test_outputs_that_are_no_table_decide_nothing(loss):
    for y in (np.zeros(3), np.zeros((2, 0)), np.zeros((2, 3, 4))):
        with pytest.raises(ShapeError):
            loss.decide(y)
    with pytest.raises(DataError):
        loss.decide(np.array([["a", "b"]]))
