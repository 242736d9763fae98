"""Convolutions by Winograd's transforms: right within the rounding of direct sums, and only where allowed."""

from dataclasses import replace
from math import prod

import numpy as np
import pytest

import koubai as kb
from koubai.engines import compile_job
from koubai.engines.native.backends.find import why_not_onednn
from koubai.layers import Conv2d, Flatten, LayerNorm, Sequential
from koubai.train import Recipe
from support.close import assert_close
from support.jobs import first_gradients, values_job

pytestmark = pytest.mark.skipif(bool(why_not_onednn()), reason="computes with oneDNN")
SHAPES = [
    # channels, size, filters, padding
    (16, 8, 16, 1),
    (16, 9, 32, 0),
    (32, 7, 48, 1),
    (64, 4, 32, 1),
    (32, 6, 32, 2),
    (16, 5, 16, 3),
]


def job_of(channels, size, filters, padding, *, threads=1, **settings):
    layers = Sequential(LayerNorm(), Conv2d(filters, 3, padding=padding), Flatten())
    made = values_job(layers, (channels, size, size), batch=6, threads=threads)
    return replace(made, **settings)


def skip_without(program):
    if "wino" not in program.listing():
        pytest.skip("this oneDNN or this processor has no Winograd")


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_gradients_of_the_first_step_are_those_of_the_reference(shape, threads):
    job = job_of(*shape, threads=threads)
    skip_without(compile_job(job, "native"))
    loss, gradients = first_gradients(job, "native")
    expected_loss, expected = first_gradients(job, "reference")
    terms = job.batch_size * max(prod(job.network.in_shape), job.network.parameter_count)
    assert loss == pytest.approx(expected_loss, rel=1e-5)
    for path, gradient in expected.items():
        scale = 1 + float(np.abs(gradient).max())
        assert_close(gradients[path], gradient, terms=terms, scale=scale, eps=2**-24, name=path)


def test_all_three_products_go_that_way_where_they_gain():
    program = compile_job(job_of(64, 8, 64, 1), "native")
    skip_without(program)
    lines = [line for line in program.listing().splitlines() if "wino" in line]
    assert [name for line in lines for name in line.split() if name.startswith("convolution_")] == [
        "convolution_forward",
        "convolution_backward_weights",
        "convolution_backward_data",
    ]


@pytest.mark.parametrize(
    "layer",
    [
        Conv2d(32, 5, padding=2),
        Conv2d(32, 3, stride=2, padding=1),
        Conv2d(32, 3, dilation=2, padding=1),
        Conv2d(32, 3, padding=1, groups=2),
        Conv2d(30, 3, padding=1),
    ],
    ids=repr,
)
def test_other_convolutions_are_direct_sums(layer):
    job = values_job(Sequential(layer, Flatten()), (32, 8, 8), batch=4, threads=1)
    assert "wino" not in compile_job(job, "native").listing()


def test_exact_convolution_refuses_it_and_rounds_less():
    job = job_of(64, 8, 64, 1)
    skip_without(compile_job(job, "native"))
    exact = replace(job, exact_convolution=True)
    assert "wino" not in compile_job(exact, "native").listing()
    right = compile_job(replace(job, x=job.x.astype(float), dtype="float64"), "reference").predict(job.x)
    off = [
        np.sqrt(np.mean((compile_job(each, "native").predict(job.x) - right) ** 2)) for each in (exact, job)
    ]
    assert 0 < off[0] < off[1] < 1e-5 * np.abs(right).max()


def test_the_setting_is_of_the_recipe_and_old_recipes_keep_their_hash():
    recipe = Recipe(network=kb.Sequential(kb.Flatten(), kb.Linear(10)), data=kb.data.digits())
    exact = recipe.edit(exact_convolution=True)
    assert exact.hash != recipe.hash
    assert "exact_convolution = true" in exact.to_toml()
    assert Recipe.from_toml(exact.to_toml()) == exact
    assert "exact_convolution" not in recipe.to_toml()
