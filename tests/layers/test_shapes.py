"""Hypothesis on shapes: the shape rule equals the actual shape, or the error says what would fit."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from koubai.core.errors import SettingError, ShapeError
from koubai.layers import (
    AveragePool1d,
    AveragePool2d,
    BatchNorm,
    Concatenate,
    Conv1d,
    Conv2d,
    Flatten,
    GlobalAveragePool,
    Identity,
    LayerNorm,
    Linear,
    LocalResponseNorm,
    MaxPool1d,
    MaxPool2d,
    ReLU,
    Residual,
    Sequential,
    Softmax,
)
from koubai.layers.window import out_size
from koubai.network import Network

small, positive = st.integers(0, 3), st.integers(1, 4)


def per_axis(numbers):
    return numbers | st.tuples(numbers, numbers)


conv1d = st.builds(Conv1d, positive, positive, positive, small, positive, positive, st.booleans())
conv2d = st.builds(
    Conv2d, positive, per_axis(positive), per_axis(positive), per_axis(small), per_axis(positive), positive
)
pools = st.tuples(
    st.sampled_from([MaxPool1d, AveragePool1d, MaxPool2d, AveragePool2d]),
    positive,
    st.none() | positive,
    small,
)
plain = st.sampled_from(
    [
        Flatten(),
        ReLU(),
        GlobalAveragePool(),
        BatchNorm(),
        LayerNorm(),
        LocalResponseNorm(),
        Softmax(),
        Identity(),
    ]
)
leaves = conv1d | conv2d | plain | st.builds(Linear, positive)
layers = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).map(lambda some: Sequential(*some))
        | st.builds(Residual, inner, st.none() | inner)
        | st.lists(inner, min_size=1, max_size=2).map(lambda some: Concatenate(*some))
    ),
    max_leaves=4,
)
shapes = st.lists(st.integers(1, 7), min_size=1, max_size=3).map(tuple)


def refusal(make):
    """Return the ShapeError or SettingError that `make` raises, else None."""
    try:
        make()
    except (ShapeError, SettingError) as error:
        return error
    return None


def assert_rule_equals_run(network):
    cell = network.bind(network.initialize(0, "float64"), training=True)
    x = np.ones((2, *network.in_shape))
    y = cell.forward(x)
    assert y.shape == (2, *network.out_shape)
    assert cell.backward(y).shape == x.shape


@settings(max_examples=300, deadline=None)
@given(layers, shapes)
def test_any_tree_fits_or_says_where_and_why(layer, shape):
    network = Network(Sequential(Identity(), layer), shape)
    error = refusal(lambda: network.root)
    if error is None:
        assert_rule_equals_run(network)
    else:
        assert re.match(r"layer 1[.\w]* \(\w+\)$", error.where)
        assert error.expected
        assert error.got


def proposal(error):
    """What a hint proposes: (largest window or None, smallest padding)."""
    window = re.search(r"a window of at most (\d+)", error.hint)
    padding = re.search(r"padding of at least (\d+)", error.hint)
    return (int(window[1]) if window else None, int(padding[1]))


def with_number(value, axis, number, rank):
    numbers = [value] * rank if isinstance(value, int) else list(value)
    numbers[axis] = number
    return tuple(numbers)


def positions(layer, shape, axis, **change):
    """How many windows a convolution has along one axis after a change there."""
    numbers = {
        name: getattr(layer.window, name)[axis] for name in ("kernel", "stride", "padding", "dilation")
    }
    return out_size(shape[1 + axis], **(numbers | change))


@settings(max_examples=300, deadline=None)
@given(conv1d | conv2d, shapes)
def test_what_the_hint_of_a_convolution_proposes_fits(layer, shape):
    assume(len(shape) == layer.rank + 1)
    for _ in range(layer.rank + 2):  # each try mends the groups or one axis; the last one runs
        error = refusal(lambda: layer.output_shape(shape))  # noqa: B023 - called at once
        if error is None:
            assert_rule_equals_run(Network(layer, shape))
            return
        if "groups" in error.message:
            proposed = [int(groups) for groups in re.findall(r"\d+", error.hint)]
            fitting = [g for g in range(1, 9) if shape[0] % g == 0 and layer.out_channels % g == 0]
            assert proposed == fitting
            layer = replace(layer, groups=proposed[-1])
            continue
        axis = {"length": 0, "height": 0, "width": 1}[error.message.rpartition(" ")[2]]
        window, padding = proposal(error)
        assert window is None or positions(layer, shape, axis, kernel=window) >= 1
        assert window is None or positions(layer, shape, axis, kernel=window + 1) < 1, "it could be larger"
        assert positions(layer, shape, axis, padding=padding) >= 1
        assert positions(layer, shape, axis, padding=padding - 1) < 1, "it could be less"
        layer = replace(layer, padding=with_number(layer.padding, axis, padding, layer.rank))
    raise AssertionError(f"{layer} still does not fit {shape}")


@settings(max_examples=300, deadline=None)
@given(pools, shapes)
def test_any_pool_fits_or_says_why(pool, shape):
    kind, size, stride, padding = pool
    error = refusal(lambda: kind(size, stride, padding))
    if error is not None:
        assert 2 * padding > size
        assert error.where == kind.__name__
        return
    layer = kind(size, stride, padding)
    for _ in range(kind.rank + 1):  # each try mends one axis; the last one runs
        error = refusal(lambda: layer.output_shape(shape))  # noqa: B023 - called at once
        if error is None:
            assert_rule_equals_run(Network(layer, shape))
            return
        if len(shape) != kind.rank + 1:
            return
        axis = {"length": 0, "height": 0, "width": 1}[error.message.rpartition(" ")[2]]
        window, least = proposal(error)
        assert positions(layer, shape, axis, kernel=window) >= 1
        assert positions(layer, shape, axis, padding=least) >= 1
        layer = replace(layer, size=with_number(layer.size, axis, window, kind.rank))
    raise AssertionError(f"{layer} still does not fit {shape}")


@pytest.mark.parametrize("shape", [(), (0,), (1, 0, 5), (1, 5, 0)])
@pytest.mark.parametrize("layer", [Linear(2), Conv2d(1, 1), MaxPool2d(1), ReLU(), Flatten()], ids=repr)
def test_nothing_at_all_is_refused_or_carried_through(layer, shape):
    network = Network(layer, shape)
    error = refusal(lambda: network.root)
    if error is None:
        cell = network.bind(network.initialize(0, "float64"), training=True)
        assert cell.forward(np.ones((2, *shape))).shape == (2, *network.out_shape)
    else:
        assert error.where.startswith("network")
