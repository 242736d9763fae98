"""First convolutions of one channel: pooled at once or not, and with taps, every bit is the same."""

from dataclasses import replace

import numpy as np
import pytest

from koubai.engines import Observation, compile_job
from koubai.engines.native.backends.find import why_not_onednn
from koubai.engines.native.kernels import one_channel, tiles
from koubai.engines.native.kernels.max_pool import max_pool
from koubai.engines.native.kernels.one_channel_weights import (
    OneChannelGradients,
    one_channel_weights,
    quads_of,
)
from koubai.engines.native.kernels.pool import Pool, Windows
from koubai.layers import Conv2d, Dropout, Flatten, Linear, MaxPool2d, ReLU, Sequential, Tanh
from support.close import assert_close
from support.jobs import batches, classes_job, first_gradients
from support.kernels import run_kernel

pytestmark = pytest.mark.skipif(
    bool(why_not_onednn()) or not tiles.HAVE_WIDE_REGISTERS, reason="with oneDNN and AVX-512 only"
)


def images(samples, H, W, seed=0):
    """Whole numbers, so that sums are exact and maxima tie; a NaN, and infinities that meet."""
    x = np.random.default_rng(seed).integers(-2, 3, (samples, H, W)).astype(np.float32)
    x[0, 3, 4], x[1, 0, 0], x[1, 5, 5], x[1, 5, 6] = np.nan, np.inf, np.inf, -np.inf
    return x


@pytest.mark.parametrize("relu", [0, 1])
@pytest.mark.parametrize(
    ("C", "H", "W", "KH", "KW"), [(30, 28, 28, 5, 5), (32, 8, 9, 3, 2), (17, 9, 11, 2, 3), (50, 7, 8, 1, 3)]
)
def test_pooled_at_once_or_not_it_is_the_plain_sum(C, H, W, KH, KW, relu):
    rng, samples = np.random.default_rng(1), 3
    x = images(samples, H, W)
    w, b = (rng.integers(-2, 3, shape).astype(np.float32) for shape in ((KH * KW, C), (C,)))
    h, v, blocks = H - KH + 1, W - KW + 1, -(-C // 16)
    P, Q = h // 2, v // 2
    convolution = one_channel.OneChannelConvolution(x, w, b, samples, C, H, W, KH, KW)
    u = np.full((samples, blocks, h, v, 16), 7, np.float32)
    run_kernel(one_channel.convolve_into_blocks, one_channel.IntoBlocks(convolution, u), team=2)

    windows = np.lib.stride_tricks.sliding_window_view(x, (KH, KW), (1, 2)).reshape(samples, h, v, KH * KW)
    with np.errstate(invalid="ignore"):
        plain = (windows[..., None] * w).sum(axis=3) + b
    np.testing.assert_array_equal(np.moveaxis(u, 1, 3).reshape(samples, h, v, -1)[..., :C], plain)
    assert not np.moveaxis(u, 1, 3).reshape(samples, h, v, -1)[..., C:].any()

    shape = Windows(samples, C, 16, h, v, P, Q, 2, 2, 2, 2, 0, 0)
    (y, places), (y2, places2) = (
        (np.full((samples, P, Q, C), 7, np.float32), np.full((samples, P, Q, C), 7, np.uint8))
        for _ in range(2)
    )
    run_kernel(max_pool, Pool(u, y, places, shape, relu))
    run_kernel(
        one_channel.convolve_into_pool,
        one_channel.IntoPool(convolution, Pool(0, y2, places2, shape, relu)),
        team=2,
    )
    np.testing.assert_array_equal(y2, y)
    np.testing.assert_array_equal(places2, places)
    assert np.isnan(y).any()


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(
    ("C", "H", "W", "side"), [(30, 28, 28, 5), (32, 8, 23, 3), (17, 9, 11, 3), (50, 9, 8, 5)]
)
def test_gradients_are_plain_sums_and_the_same_bits_from_both_forms_of_dy(C, H, W, side, bias):
    rng, samples = np.random.default_rng(2), 3
    h, v, blocks = H - side + 1, W - side + 1, -(-C // 16)
    P, Q = h // 2, v // 2
    x = rng.standard_normal((samples, H, W)).astype(np.float32)
    dy = rng.standard_normal((samples, P, Q, C)).astype(np.float32)
    places = rng.choice(np.array([0, 1, 2, 3, 255], np.uint8), dy.shape)

    whole = np.zeros((samples, h, v, 16 * blocks), np.float32)
    for place in range(4):
        there = whole[:, place // 2 : 2 * P : 2, place % 2 : 2 * Q : 2, :C]
        there[...] = np.where(places == place, dy, 0)
    windows = np.lib.stride_tricks.sliding_window_view(x.astype(np.float64), (side, side), (1, 2))
    expected = np.einsum("nijkl,nijc->klc", windows, whole[..., :C].astype(np.float64)).reshape(-1, C)

    made = []
    in_blocks = np.ascontiguousarray(np.moveaxis(whole.reshape(samples, h, v, blocks, 16), 3, 1))
    for source in ((dy, places), (in_blocks, 0)):
        dw, db = np.full((side * side, C), 7, np.float32), np.full(C, 7, np.float32)
        convolution = one_channel.OneChannelConvolution(
            x, dw, db if bias else 0, samples, C, H, W, side, side
        )
        quads = np.full(2 * quads_of(H, W), np.nan, np.float32)
        run_kernel(one_channel_weights, OneChannelGradients(convolution, *source, P, Q, quads), team=2)
        made.append((dw, db))
    (dw, db), (dw_of_blocks, db_of_blocks) = made
    assert dw.tobytes() == dw_of_blocks.tobytes()
    assert db.tobytes() == db_of_blocks.tobytes()
    assert_close(dw, expected, terms=samples * P * Q, scale=np.abs(expected).max() + 1, eps=2**-24, name="dW")
    if bias:
        sums = whole[..., :C].sum(axis=(0, 1, 2), dtype=np.float64)
        assert_close(db, sums, terms=samples * P * Q, scale=np.abs(sums).max() + 1, eps=2**-24, name="db")
    else:
        assert (db == 7).all()


def net(channels=30, kernel=5, *between, pool=2):
    return Sequential(
        Conv2d(channels, kernel), *between, MaxPool2d(pool), Flatten(), Dropout(0.2), Linear(10)
    )


FITTING = {
    "the course's": net(30, 5, ReLU()),
    "no ReLU": net(32, 3),
    "two pairs of vectors": net(60, 2, ReLU()),
    "no bias": Sequential(Conv2d(20, 3, bias=False), ReLU(), MaxPool2d(2), Flatten(), Linear(10)),
}
SHAPE = (1, 13, 12)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", FITTING)
def test_taps_change_no_bit_and_gradients_are_those_of_the_reference(name, threads):
    job = classes_job(FITTING[name], SHAPE, batch=8, samples=40, threads=threads)
    quiet, watched = (compile_job(job, "native") for _ in range(2))
    indices = batches(job, 6)
    losses = quiet.advance(indices)
    taps = []
    assert watched.advance(indices, Observation(tap_every=2), taps.append).tobytes() == losses.tobytes()
    assert [record.step for record in taps] == [2, 4, 6]
    for path, w in quiet.state().weights.params.items():
        assert w.tobytes() == watched.state().weights.params[path].tobytes(), path
    assert quiet.predict(job.x[:9]).tobytes() == watched.predict(job.x[:9]).tobytes()
    assert "convolve_into_pool" in quiet.listing()
    assert ("one_channel_weights" in quiet.listing()) == (FITTING[name].layers[0].kernel in (3, 5))

    still = replace(job, network=replace(job.network, layer=without_dropout(FITTING[name])))
    loss, gradients = first_gradients(still, "native")
    expected_loss, expected = first_gradients(still, "reference")
    assert loss == pytest.approx(expected_loss, rel=1e-5)
    for path, gradient in expected.items():
        scale = float(np.abs(gradient).max()) + 1e-2
        assert_close(gradients[path], gradient, terms=8 * 12 * 13, scale=scale, eps=2**-24, name=path)


def without_dropout(layer):
    return Sequential(*(part for part in layer.layers if not isinstance(part, Dropout)))


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (net(30, 5, Tanh()), SHAPE),
        (net(30, 5, ReLU(), pool=3), SHAPE),
        (net(16, 5, ReLU()), SHAPE),
        (net(40, 5, ReLU()), SHAPE),
        (net(30, 5, ReLU()), (2, 13, 12)),
        (net(30, 5, ReLU()), (1, 9, 9)),
        (Sequential(Conv2d(30, 5, padding=1), ReLU(), MaxPool2d(2), Flatten(), Linear(10)), SHAPE),
        (Sequential(Conv2d(30, 3, stride=2), ReLU(), MaxPool2d(2), Flatten(), Linear(10)), SHAPE),
    ],
)
def test_others_are_left_to_onednn(layer, shape):
    listing = compile_job(classes_job(layer, shape, batch=4, samples=8), "native").listing()
    assert "convolution_forward" in listing
    assert "convolve_into" not in listing
