"""What is special without oneDNN: BLAS held to one thread, shards in Python's threads, windows as rows."""

import threading

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_info

from koubai.core.blas_threads import blas_threads
from koubai.core.errors import EngineError, UnknownName
from koubai.engines import compile_job
from koubai.engines.choose import engine_title
from koubai.engines.native.backends.blas import library, runner
from koubai.engines.native.kernels import gemm, loop
from koubai.layers import BatchNorm, Conv2d, Flatten, LayerNorm, Linear, Sequential, Tanh
from koubai.optim import Momentum
from support.jobs import batches, classes_job, first_gradients, values_job
from support.kernels import run_kernel

LANES = Sequential(Linear(20), BatchNorm(), Tanh(), Linear(10))


@pytest.fixture(autouse=True)
def _with_blas(monkeypatch):
    monkeypatch.setenv("KOUBAI_KERNELS", "blas")


# ---------------------------------------------------------------------------------------- products


@pytest.mark.parametrize("sizes", [(1, 1, 1), (5, 7, 3), (33, 1, 20), (64, 50, 10)], ids=str)
def test_a_dense_layer_is_three_products(sizes):
    rows, F, G = sizes
    random = np.random.default_rng(0)
    x, W, b, dy = (random.standard_normal(s).astype("f") for s in ((rows, F), (F, G), G, (rows, G)))
    y, dx, dW, db = (np.full(s, np.nan, "f") for s in ((rows, G), (rows, F), (F, G), G))
    product = library.sgemm()
    run_kernel(gemm.linear, gemm.BlasLinear(x, W, b, y, rows, F, G, product))
    run_kernel(gemm.linear_weights, gemm.BlasLinear(x, dW, db, dy, rows, F, G, product))
    run_kernel(gemm.linear_data, gemm.BlasLinear(dx, W, 0, dy, rows, F, G, product))
    for got, exact in ((y, x @ W + b), (dW, x.T @ dy), (db, dy.sum(axis=0)), (dx, dy @ W.T)):
        np.testing.assert_allclose(got, exact, rtol=1e-4, atol=1e-5)


@st.composite
def convolutions(draw):
    """A convolution of any geometry, and the shape of its input."""
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    inner, outer = draw(st.integers(1, 6)) * groups, draw(st.integers(1, 6)) * groups
    numbers = {
        name: (draw(st.integers(low, 3)), draw(st.integers(low, 3)))
        for name, low in (("kernel", 1), ("stride", 1), ("dilation", 1), ("padding", 0))
    }
    space = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    reach = [d * (k - 1) + 1 for d, k in zip(numbers["dilation"], numbers["kernel"], strict=True)]
    assume(all(n + 2 * p >= r for n, p, r in zip(space, numbers["padding"], reach, strict=True)))
    layer = Conv2d(outer, groups=groups, bias=draw(st.booleans()), **numbers)
    return layer, (inner, *space)


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,  # the fixture sets the same for all examples
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(convolutions(), st.integers(1, 3))
def test_windows_of_any_geometry(convolution, batch):
    layer, shape = convolution
    job = values_job(Sequential(LayerNorm(), layer, Flatten()), shape, batch=batch)
    loss, gradients = first_gradients(job, "native")
    expected_loss, expected = first_gradients(job, "reference")
    assert loss == pytest.approx(expected_loss, rel=1e-5)
    for path, gradient in expected.items():
        np.testing.assert_allclose(gradients[path], gradient, rtol=1e-3, atol=1e-4, err_msg=path)


# ---------------------------------------------------------------------------------------- threads


def test_blas_has_one_thread_in_every_shard(monkeypatch):
    seen, call = set(), loop.call

    def watched(function, shard):
        pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
        seen.update((threading.get_ident(), pool["num_threads"]) for pool in pools)
        call(function, shard)

    monkeypatch.setattr(runner.loop, "call", watched)
    job = classes_job(LANES, (9,), threads=2)
    with blas_threads(2):
        compile_job(job, "native").advance(batches(job, 3))
    assert len({thread for thread, _ in seen}) == 2
    assert {count for _, count in seen} == {1}


def test_an_interrupt_before_all_shards_have_begun_leaves_nobody_waiting(monkeypatch):
    job = classes_job(LANES, (9,), threads=2, optimizer=Momentum(0.02))
    program, undisturbed = compile_job(job, "native"), compile_job(job, "native")
    before, call, first = program.state(), loop.call, threading.get_ident()

    def interrupted(function, shard):
        if threading.get_ident() == first:
            raise KeyboardInterrupt
        call(function, shard)

    with monkeypatch.context() as patch:
        patch.setattr(runner.loop, "call", interrupted)
        with pytest.raises(KeyboardInterrupt):
            program.advance(batches(job, 3))
    after = program.state()
    assert after.step == 0
    for path, w in before.weights.params.items():
        assert np.array_equal(w, after.weights.params[path]), path
    assert np.array_equal(program.advance(batches(job, 3)), undisturbed.advance(batches(job, 3)))


def test_more_shards_than_cores_meet():
    job = classes_job(LANES, (9,), threads=5, batch=80)
    program = compile_job(job, "native")
    assert "5 shards" in program.listing()
    one = compile_job(classes_job(LANES, (9,), threads=1, batch=80), "native")
    np.testing.assert_allclose(program.advance(batches(job, 20)), one.advance(batches(job, 20)), rtol=1e-4)


# ---------------------------------------------------------------------------------------- the setting


def test_bfloat16_needs_onednn():
    with pytest.raises(EngineError, match="bfloat16"):
        compile_job(classes_job(Linear(4), (3,), precision="bfloat16"), "native")


def test_the_setting_is_named_and_checked(monkeypatch):
    assert "KOUBAI_KERNELS" in engine_title("native", "en")
    assert engine_title("reference") == "reference"
    monkeypatch.setenv("KOUBAI_KERNELS", "blass")
    with pytest.raises(UnknownName, match="blas"):
        compile_job(classes_job(Linear(4), (3,)), "native")
