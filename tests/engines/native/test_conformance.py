"""Every registered layer, as its own test file samples it, trains and predicts as the reference does.

With oneDNN and with BLAS.

Before the layer stands a LayerNorm: the gradients of its gamma and beta show dx, element by element.
"""

from math import prod
from pathlib import Path

import numpy as np
import pytest

from koubai.engines import compile_job
from koubai.layers import Flatten, LayerNorm, Sequential
from koubai.layers.transposed import ConvTranspose
from support.close import assert_close
from support.jobs import first_gradients, values_job
from support.samples import collect

SAMPLES = collect(Path(__file__).parents[2] / "layers")
pytestmark = pytest.mark.usefixtures("backend")
every_sample = pytest.mark.parametrize("sample", SAMPLES, ids=[sample.id for sample in SAMPLES])


def jobs(sample, threads):
    """The layer alone, and behind a LayerNorm."""
    for layers in ((sample.layer, Flatten()), (LayerNorm(), sample.layer, Flatten())):
        yield values_job(Sequential(*layers), sample.shape, batch=sample.batch, threads=threads)


@every_sample
@pytest.mark.parametrize("threads", [1, 2])
def test_gradients_of_the_first_step_are_those_of_the_reference(sample, threads):
    for job in jobs(sample, threads):
        loss, gradients = first_gradients(job, "native")
        expected_loss, expected = first_gradients(job, "reference")
        terms = job.batch_size * max(prod(sample.shape), job.network.parameter_count, 1)
        assert loss == pytest.approx(expected_loss, rel=1e-5)
        for path, gradient in expected.items():
            scale = 1 + float(np.abs(gradient).max())  # the parameter itself is rounded, too
            assert_close(gradients[path], gradient, terms=terms, scale=scale, eps=2**-24, name=path)


@every_sample
def test_predictions_are_those_of_the_reference(sample):
    for job in jobs(sample, threads=1):
        native, reference = compile_job(job, "native"), compile_job(job, "reference")
        for program in (native, reference):
            program.advance(np.arange(job.batch_size)[None])
        got, expected = native.predict(job.x), reference.predict(job.x)
        terms = job.batch_size * max(prod(sample.shape), prod(job.network.out_shape))
        scale = 1 + float(np.abs(expected).max())
        assert_close(got, expected, terms=terms, scale=scale, name="y")


@every_sample
def test_a_registered_layer_needs_no_reference_formula_or_the_listing_says_why(sample):
    lacking = isinstance(sample.layer, ConvTranspose) or getattr(sample.layer, "padding_mode", "") == "random"
    for job in jobs(sample, threads=1):
        listing = compile_job(job, "native").listing()
        assert ("reference formula" in listing) == lacking
        assert ("no kernel for" in listing) == lacking
