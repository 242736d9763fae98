"""What the experiments on locality, channels and padding show, each checked another way."""

import numpy as np
import pytest

from koubai.lab.course.rearranged import PAIRS, ChannelPairs, Rearranged
from koubai.lab.course.settings import source
from koubai.lab.experiments.locality import CONVOLUTIONAL, DENSE
from koubai.lab.perform.exhibits import receptive_fields
from koubai.layers import Conv2d, Flatten, Linear, MaxPool2d
from koubai.layers.sequential import Sequential
from koubai.network.network import Network
from koubai.report.figures.tiles import Tiles
from koubai.report.figures.tiles import receptive_fields as drawn
from koubai.words import speaking


def test_permuted_pixels_are_the_same_ones_in_the_same_new_order_for_all():
    plain, mixed = (
        source("digits", train=50).load(),
        Rearranged(source("digits", train=50), "permuted").load(),
    )
    before, after = plain.x_train.reshape(50, 64), mixed.x_train.reshape(50, 64)
    order = [int(np.flatnonzero((before == column[:, None]).all(0))[0]) for column in after.T if column.any()]
    assert len(set(order)) == len(order)
    assert order != sorted(order)
    np.testing.assert_array_equal(np.sort(before, axis=1), np.sort(after, axis=1))
    np.testing.assert_array_equal(plain.t_train, mixed.t_train)
    tested = source("digits").load().x_test.reshape(-1, 64)[:, order]
    again = Rearranged(source("digits"), "permuted").load().x_test.reshape(-1, 64)
    np.testing.assert_array_equal(tested, again[:, after.any(0)])


def test_inverted_and_gray():
    plain = source("digits", train=5)
    np.testing.assert_array_equal(Rearranged(plain, "inverted").load().x_train, 1 - plain.load().x_train)
    pairs = ChannelPairs(count=9)
    np.testing.assert_allclose(
        Rearranged(pairs, "gray").load().x_train[:, 0], pairs.load().x_train.mean(1), rtol=1e-6
    )


def test_exactly_two_channels_are_equal_and_the_class_says_which():
    data = ChannelPairs(count=60).load()
    for x, t in zip(data.x_train, data.t_train, strict=True):
        equal = [i for i, (a, b) in enumerate(PAIRS) if np.array_equal(x[a], x[b])]
        assert equal == [t]


@pytest.mark.parametrize(
    ("layers", "sides"),
    [
        ((Conv2d(4, 3, padding=1), Conv2d(4, 3, padding=1)), [3, 5]),
        ((Conv2d(4, 3), Conv2d(4, 3, dilation=2)), [3, 7]),
        ((Conv2d(4, 3, padding=1), MaxPool2d(2), Conv2d(4, 3, padding=1)), [3, 8]),
    ],
)
def test_a_receptive_field_grows_by_kernel_stride_and_dilation(layers, sides):
    """r <- r + d (k - 1) j, j <- j s (Araujo, Norris, Sim 2019); a 2x2 pool counts as k = s = 2.

    Of a pool every pixel is the largest in some sample, so with many samples all of the field shows.
    """
    network = Network(Sequential(*layers, Flatten(), Linear(10)), (1, 16, 16))
    x = np.random.default_rng(0).normal(size=(200, 1, 16, 16))
    weights = network.initialize(0, "float64")
    found = [exhibit.arrays["values"] for exhibit in receptive_fields(network, weights, x)]
    reach, stride, expected = 1, 1, []
    for layer in layers:
        k, s, d = (w[0] for w in (layer.window.kernel, layer.window.stride, layer.window.dilation))
        reach, stride = reach + d * (k - 1) * stride, stride * s
        if isinstance(layer, Conv2d):
            expected.append(reach)
    assert expected == sides
    for values, side in zip(found, sides, strict=True):
        assert [(values > 0).any(axis).sum() for axis in (0, 1)] == [side, side]


def test_the_picture_counts_what_a_unit_sees():
    field = np.zeros((1, 8, 8))
    field[0, 2:5, 2:5] = 1
    with speaking("en"):
        assert "9 of 64 pixels" in drawn([Tiles("a", "receptive_field", field)]).summary


def test_the_convolutional_network_has_about_the_parameters_of_the_dense_one():
    counts = [Network(net, (1, 8, 8)).parameter_count for net in (CONVOLUTIONAL, DENSE)]
    assert max(counts) < 1.2 * min(counts)
