"""Inputs as bytes train and predict as their numbers do, bit for bit, in every engine."""

from dataclasses import replace

import numpy as np
import pytest

from koubai.data import arrays
from koubai.data.levels import Levels
from koubai.engines import compile_job
from koubai.layers import Conv2d, Flatten, Linear, ReLU, Sequential
from koubai.train import Recipe, train
from support.jobs import batches, classes_job

LAYERS = {
    "dense": ((1, 5, 9), Sequential(Flatten(), Linear(8), ReLU(), Linear(4))),
    "convolution": ((3, 6, 5), Sequential(Conv2d(5, 3), ReLU(), Flatten(), Linear(4))),
}


def job_of(name, shift, width, **fields):
    shape, layer = LAYERS[name]
    job = classes_job(layer, shape, **fields)
    codes = np.random.default_rng(3).integers(0, 256, job.x.shape, dtype=np.uint8)
    return replace(job, x=Levels(codes, np.float32(shift), np.float32(width)))


def trained(job, engine):
    program = compile_job(job, engine)
    losses = program.advance(batches(job, 5))
    return losses, program.state().weights.params, program.predict(job.x[:77])


@pytest.mark.parametrize("engine", ["native", "reference", "torch"])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", LAYERS)
def test_bytes_train_and_predict_as_their_numbers(name, threads, engine):
    if engine == "torch":
        pytest.importorskip("torch")
    job = job_of(name, 33.318, 78.567, threads=threads)
    numbers = np.asarray(job.x)
    losses, params, outputs = trained(job, engine)
    by_numbers = trained(replace(job, x=numbers), engine)
    np.testing.assert_array_equal(losses, by_numbers[0])
    for path, w in params.items():
        np.testing.assert_array_equal(w, by_numbers[1][path])
    np.testing.assert_array_equal(outputs, by_numbers[2])


def test_every_level_becomes_its_number():
    codes = np.arange(256, dtype=np.uint8).reshape(8, 32)
    program = compile_job(classes_job(Flatten(), (32,), batch=1), "native")
    rng = np.random.default_rng(0)
    ways = [(0, 1), (0, 255), *zip(rng.uniform(0, 255, 500), np.exp(rng.uniform(-6, 6, 500)), strict=True)]
    for shift, width in ways:
        levels = Levels(codes, np.float32(shift), np.float32(width))
        np.testing.assert_array_equal(program.predict(levels), np.asarray(levels))


def test_a_program_goes_from_bytes_to_numbers_and_back_without_compiling():
    job = job_of("dense", 0, 255)
    program, fresh = compile_job(job, "native"), compile_job(job, "native")
    start = fresh.state()
    for x in (np.asarray(job.x), job.x):
        assert program.replace(replace(job, x=x))
        program.restore(start)
        program.advance(batches(job, 3))
    fresh.advance(batches(job, 3))
    for path, w in fresh.state().weights.params.items():
        np.testing.assert_array_equal(program.state().weights.params[path], w)


def test_training_and_evaluating_make_no_numbers():
    rng = np.random.default_rng(0)
    source = arrays(
        rng.integers(0, 256, (300, 1, 4, 4), dtype=np.uint8), rng.integers(0, 3, 300), scale="unit"
    )
    run = train(Recipe(Sequential(Flatten(), Linear(3)), source, steps=20), engine="native")
    assert "test" in run.scores
    assert not {"x_train", "x_test"} & vars(run.session.dataset).keys()
