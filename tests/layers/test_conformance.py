"""What every layer must do. The tests run over the samples of all test files of this folder."""

import inspect
from copy import deepcopy
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import torch

from koubai.core.layer import LAYERS
from koubai.models import MODELS
from support.close import assert_close
from support.differences import assert_gradient
from support.samples import collect, gradients, params
from support.shape_builder import ShapeBuilder, Shaped

SAMPLES_OF_ALL = collect(Path(__file__).parent)
every_sample = pytest.mark.parametrize("sample", SAMPLES_OF_ALL, ids=[sample.id for sample in SAMPLES_OF_ALL])
LAYER_CLASSES = [
    cls for name, cls in LAYERS.items() if name not in MODELS and cls.__module__.startswith("koubai.")
]


@pytest.mark.parametrize("cls", LAYER_CLASSES, ids=lambda cls: cls.__name__)
def test_every_registered_layer_has_two_samples(cls):
    count = sum(type(sample.layer) is cls for sample in SAMPLES_OF_ALL)
    has_settings = bool(inspect.signature(cls).parameters)
    assert count >= (2 if has_settings else 1), f"list samples of {cls.__name__} in tests/layers/test_*.py"


@every_sample
def test_backward_is_the_derivative_of_forward(sample):
    cell, x = sample.cell(), sample.x()
    y = cell.forward(x)
    dy = np.random.default_rng(3).normal(size=y.shape)

    def loss():
        return float((cell.forward(x) * dy).sum())

    dx = cell.backward(dy)
    grads = {name: gradient.copy() for name, gradient in gradients(cell).items()}
    scale = float(np.abs(y * dy).sum())
    assert_gradient(loss, x, dx, scale=scale, name="dx")
    for name, values in params(cell).items():
        assert_gradient(loss, values, grads[name], scale=scale, name=name)


@every_sample
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_and_gradients_are_those_of_pytorch(sample, dtype):
    cell, x = sample.cell(dtype), sample.x(dtype)
    y = cell.forward(x)
    dy = np.random.default_rng(4).normal(size=y.shape).astype(dtype)
    dx = cell.backward(dy)

    tx = torch.tensor(x, requires_grad=True)
    tp = {name: torch.tensor(values, requires_grad=True) for name, values in params(cell).items()}
    ty = sample.twin(tx, tp)
    ty.backward(torch.tensor(dy))

    scale = 1 + float(np.abs(dy).max())
    assert_close(y, ty.detach().numpy(), terms=sample.terms, name="y")
    assert_close(dx, tx.grad.numpy(), terms=sample.terms, scale=scale, name="dx")
    for name, gradient in gradients(cell).items():
        assert_close(gradient, tp[name].grad.numpy(), terms=sample.terms, scale=scale, name=name)


@every_sample
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("batch", [0, 1, 2])
def test_shapes_and_dtypes_hold_for_every_batch_size(sample, dtype, batch):
    cell, x = sample.cell(dtype), sample.x(dtype, batch)
    y = cell.forward(x)
    assert y.shape == (batch, *sample.network().out_shape)
    dx = cell.backward(np.ones_like(y))
    assert dx.shape == x.shape
    assert y.dtype == dx.dtype == dtype
    for name, gradient in gradients(cell).items():
        assert gradient.shape == params(cell)[name].shape
        assert gradient.dtype == dtype, name
        assert np.isfinite(gradient).all()
        assert batch or not gradient.any(), f"{name}: no sample, no gradient"
    for inner in cell.walk():
        assert all(buffer.dtype == dtype and np.isfinite(buffer).all() for buffer in inner.buffers.values())


@every_sample
def test_input_and_upstream_gradient_are_left_alone(sample):
    cell, x = sample.cell(), sample.x()
    before = x.copy()
    y = cell.forward(x)
    after_forward = y.copy()
    dy = np.random.default_rng(5).normal(size=y.shape)
    dy_before = dy.copy()
    cell.backward(dy)
    assert np.array_equal(x, before)
    assert np.array_equal(dy, dy_before)
    assert np.array_equal(y, after_forward)


@every_sample
@pytest.mark.parametrize("value", [0.0, 1.0, -3.7, 1e4])
def test_a_constant_input_gives_finite_values_and_gradients(sample, value):
    cell = sample.cell("float32")
    y = cell.forward(np.full((sample.batch, *sample.shape), value, np.float32))
    dx = cell.backward(np.ones_like(y))
    overflows = type(sample.layer).__name__ == "Exponential" and value == 1e4
    assert np.isfinite(y).all() or overflows
    assert np.isfinite(dx).all() or overflows


@every_sample
def test_nan_is_never_hidden(sample):
    cell, x = sample.cell(), sample.x()
    x[1] = np.nan
    assert np.isnan(cell.forward(x)[1]).all()


@every_sample
def test_the_lowering_speaks_in_verbs_and_keeps_the_shapes(sample):
    cell = sample.cell()
    builder = ShapeBuilder(cell)
    assert builder.lower(cell, Shaped(cell.in_shape)).shape == cell.out_shape
    assert builder.listing
    source, _ = inspect.getsourcelines(type(sample.layer).lower)
    assert len(source) <= 25, "a lowering this long means that a verb is missing"


@every_sample
def test_a_layer_is_a_value(sample):
    copy = deepcopy(sample.layer)
    assert copy == sample.layer
    assert hash(copy) == hash(sample.layer)
    for field in fields(sample.layer):
        assert sample.layer.with_field(field.name, getattr(copy, field.name)) == sample.layer
