"""koubai's own products: right, within their matrices, and with bits that depend on the terms alone."""

import hashlib
from itertools import product

import numpy as np
import pytest

from koubai.engines import compile_job
from koubai.engines.native.kernels import tiles
from koubai.engines.native.kernels.linear import Linear, linear, linear_weights
from koubai.engines.native.kernels.transpose import Matrix, transpose
from koubai.layers import Linear as Dense
from koubai.layers import ReLU, Sequential
from support.close import assert_close
from support.host import host
from support.jobs import batches, classes_job
from support.kernels import run_kernel

SIZES = [1, 2, 7, 8, 15, 16, 17, 31, 33, 47, 64, 65, 100]
NARROW = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx2,+fma,+avx,+bmi,+bmi2,+sse4.2,+popcnt"}
GUARD = 40  # numbers behind every result


def guarded(*shape):
    """An array to write to, and a check that nothing behind it was touched."""
    memory = np.full(int(np.prod(shape)) + GUARD, 7, np.float32)

    def untouched():
        assert (memory[-GUARD:] == 7).all()

    return memory[:-GUARD].reshape(shape), untouched


def products(x, W, b, dy, *, team=1):
    """y, dW, db, dx of a dense layer, by the kernels."""
    (rows, F), G = x.shape, W.shape[1]
    results = [guarded(*shape) for shape in ((rows, G), (F, G), (G,), (rows, F), (G, F))]
    y, dW, db, dx, turned = (array for array, _ in results)
    run_kernel(linear, Linear(x, W, b, y, rows, F, G), team=team)
    run_kernel(linear_weights, Linear(x, dW, db, dy, rows, F, G), team=team)
    run_kernel(transpose, Matrix(W, turned, F, G), team=team)
    run_kernel(linear, Linear(dy, turned, 0, dx, rows, G, F), team=team)
    for _, untouched in results:
        untouched()
    assert np.array_equal(turned, W.T)
    return y, dW, db, dx


def layer(rows, F, G, seed=0):
    random = np.random.default_rng(seed)
    return [random.standard_normal(shape).astype("f") for shape in ((rows, F), (F, G), (G,), (rows, G))]


@pytest.mark.parametrize("G", SIZES)
def test_a_dense_layer_of_any_size(G):
    for rows, F in product(SIZES, (*SIZES[::2], 1030, 2500) if G == 33 else SIZES[::3]):
        x, W, b, dy = layer(rows, F, G)
        X, V, D = (a.astype(np.float64) for a in (x, W, dy))
        exact = X @ V + b, X.T @ D, D.sum(axis=0), D @ V.T
        for got, expected, terms in zip(products(x, W, b, dy), exact, (F, rows, rows, G), strict=True):
            assert_close(got, expected, terms=terms + 1, scale=12, eps=2**-24, name=f"{rows} {F} {G}")


def test_a_sum_is_one_chain_of_multiply_adds():
    random = np.random.default_rng(1)
    x = (random.integers(-2048, 2048, (9, 1500)) / 1024).astype("f")  # so that float64 holds x w + y exactly
    W = (random.integers(-2048, 2048, (1500, 70)) / 1024).astype("f")
    y, b = guarded(9, 70)[0], np.full(70, 3.0, "f")
    run_kernel(linear, Linear(x, W, b, y, 9, 1500, 70))
    chain = np.broadcast_to(b, y.shape)
    for k in range(1500):
        chain = (x[:, k, None].astype(np.float64) * W[k] + chain).astype("f")
    assert np.array_equal(y, chain)
    assert not np.array_equal(y, x @ W + b)  # BLAS adds in another order


@pytest.mark.parametrize("sizes", [(100, 784, 40), (33, 65, 100), (250, 40, 20)], ids=str)
def test_bits_do_not_depend_on_what_is_computed_beside(sizes):
    """Networks side by side as one product, samples asked for alone, any number of threads."""
    rows, F, G = sizes
    x, W, b, dy = layer(rows, F, 3 * G)
    y, dW, db, dx = products(x, W, b, dy)
    for team in (2, 3):
        assert all(map(np.array_equal, products(x, W, b, dy, team=team), (y, dW, db, dx)))
    for arm in range(3):
        own = slice(arm * G, arm * G + G)
        parts = (np.ascontiguousarray(a[..., own]) for a in (W, b, dy))
        alone = products(x, *parts)
        assert all(map(np.array_equal, alone[:3], (y[:, own], dW[:, own], db[own])))
    for n in (1, 5, rows - 1):
        few = products(x[:n].copy(), W, b, dy[:n].copy())
        assert np.array_equal(few[0], y[:n])
        assert np.array_equal(few[3], dx[:n])


def digest():
    found = hashlib.sha256()
    for sizes in ((37, 100, 45), (8, 1100, 10), (50, 17, 160)):
        for array in products(*layer(*sizes)):
            found.update(array.tobytes())
    return found.hexdigest()


@pytest.mark.long  # compiles four kernels
@pytest.mark.skipif(not tiles.pay(), reason="compiles for AVX2")
def test_bits_do_not_depend_on_the_width_of_registers():
    script = (
        "import sys; sys.path[:0] = sys.argv[1:]\n"
        "from engines.native import test_products as t\n"
        "print(t.tiles.HAVE_WIDE_REGISTERS, t.digest())"
    )
    from pathlib import Path

    folder = Path(__file__).parents[2]
    assert host(script, str(folder), **NARROW).stdout.split() == ["False", digest()]


def test_who_multiplies_is_in_the_listing(backend):
    if not (tiles.HAVE_WIDE_REGISTERS if backend == "onednn" else tiles.pay()):
        pytest.skip("the library is faster on this processor")
    program = compile_job(
        classes_job(Sequential(Dense(700), ReLU(), Dense(800), ReLU(), Dense(10)), (20,)), "native"
    )
    lines = [line.split() for line in program.listing().splitlines() if " Linear " in line]
    by = {line[1]: line[5:7] for line in lines if line[3] == "forward" and line[4] != "transpose"}
    assert by["0"][0] == by["4"][0] == "kernel"
    assert by["2"] == (["oneDNN", by["2"][1]] if backend == "onednn" else ["kernel,", "BLAS"])


def test_predictions_have_the_same_bits_alone_and_among_others(backend):
    if not (tiles.HAVE_WIDE_REGISTERS if backend == "onednn" else tiles.pay()):
        pytest.skip("the library is faster on this processor")
    job = classes_job(Sequential(Dense(40), ReLU(), Dense(20), ReLU(), Dense(10)), (30,), threads=2)
    program = compile_job(job, "native")
    program.advance(batches(job, 3))
    x = np.random.default_rng(0).standard_normal((301, 30)).astype("f")
    together = program.predict(x)
    assert np.array_equal(
        np.concatenate([program.predict(x[i : i + 1]) for i in range(0, 301, 50)]), together[::50]
    )
