"""Every registered layer on the torch engine: the samples of tests/layers, no list of its own."""

from pathlib import Path

import numpy as np
import pytest
import torch

from koubai.engines.torch.module import StepContext, build_module
from koubai.network import Weights
from koubai.network.network import join
from support.close import assert_close
from support.samples import collect, gradients, params, spread

SAMPLES = collect(Path(__file__).parents[2] / "layers")


def weights_of(cell):
    parts = [
        (join(part.path, name), part, name) for part in cell.walk() for name in (*part.params, *part.buffers)
    ]
    return Weights(
        {path: part.params[name].copy() for path, part, name in parts if name in part.params},
        {path: part.buffers[name].copy() for path, part, name in parts if name in part.buffers},
    )


@pytest.mark.parametrize(
    ("dtype", "training", "batch"),
    [
        ("float64", True, 3),
        ("float32", True, 3),
        ("float64", False, 3),
        ("float64", True, 1),
        ("float32", True, 0),
    ],
)
@pytest.mark.parametrize("sample", SAMPLES, ids=[sample.id for sample in SAMPLES])
def test_values_gradients_and_buffers_are_the_formulas(sample, dtype, training, batch):
    cell, x = sample.cell(dtype), spread((batch, *sample.shape), dtype)
    module = build_module(sample.network(), weights_of(cell), moment=StepContext(seed=9, step=1)).train(
        training
    )
    for part in cell.walk():
        part.training = training
    dy = np.random.default_rng(4).normal(size=(batch, *sample.network().out_shape)).astype(dtype)
    tx = torch.tensor(x, requires_grad=True)

    y, ty = cell.forward(x), module(tx)
    dx = cell.backward(dy)
    ty.backward(torch.from_numpy(dy))

    scale = 1 + float(np.abs(dy).max(initial=0))
    assert_close(ty.detach().numpy(), y, terms=sample.terms, name="y")
    assert_close(tx.grad.numpy(), dx, terms=sample.terms, scale=scale, name="dx")
    trained = dict(module.named_parameters())
    expected = gradients(cell)
    assert trained.keys() == expected.keys() == params(cell).keys()
    for path, w in trained.items():
        assert_close(w.grad.numpy(), expected[path], terms=sample.terms, scale=scale, name=path)
    kept = dict(module.named_buffers())
    for path, buffer in weights_of(cell).buffers.items():
        assert_close(kept[path].numpy(), buffer, terms=sample.terms, name=path)
