import numpy as np
import pytest
import torch
from torch.nn import functional

from koubai.core.errors import SettingError, ShapeError
from koubai.layers import Conv1d, Conv2d, Flatten, Sequential
from koubai.network import Network
from support.samples import Sample


def twin_of(layer):
    convolve = functional.conv2d if isinstance(layer, Conv2d) else functional.conv1d
    return lambda x, p: convolve(
        x, p["weight"], p.get("bias"), layer.stride, layer.padding, layer.dilation, layer.groups
    )


CASES = [
    (Conv1d(3, 2), (2, 6)),
    (Conv1d(2, 3, stride=2, padding=1), (1, 7)),
    (Conv1d(4, 2, dilation=3, groups=2, bias=False), (2, 8)),
    (Conv1d(1, 1), (3, 1)),
    (Conv2d(3, 2), (2, 4, 5)),
    (Conv2d(2, 3, padding=1), (1, 4, 4)),
    (Conv2d(2, 3, padding=2), (1, 3, 3)),
    (Conv2d(4, (3, 2), stride=(2, 1), padding=(1, 0), groups=2), (4, 5, 4)),
    (Conv2d(2, 2, stride=3, bias=False), (1, 6, 8)),
    (Conv2d(2, (1, 3), dilation=(1, 2)), (2, 2, 6)),
    (Conv2d(3, 2, groups=3), (3, 3, 3)),
    (Conv2d(2, (4, 3)), (2, 4, 3)),
]
SAMPLES = [Sample(layer, shape, twin_of(layer), batch=2) for layer, shape in CASES]


def bound(layer, shape, **values):
    network = Network(layer, shape)
    cell = network.bind(network.initialize(0, "float64"), training=True)
    for name, value in values.items():
        cell.params[name][:] = np.array(value, float).reshape(cell.params[name].shape)
    return cell


def test_one_dimension_worked_by_hand():
    cell = bound(Conv1d(1, 2, stride=2), (1, 4), weight=[1, 10], bias=[100])
    assert cell.forward(np.array([[[1.0, 2.0, 3.0, 4.0]]])).tolist() == [[[1 + 20 + 100, 3 + 40 + 100]]]
    assert cell.backward(np.array([[[1.0, 2.0]]])).tolist() == [[[1, 10, 2, 20]]]
    assert cell.grads["weight"].tolist() == [[[1 + 6, 2 + 8]]]
    assert cell.grads["bias"].tolist() == [3]


def test_two_dimensions_worked_by_hand():
    cell = bound(Conv2d(1, 2), (1, 3, 3), weight=[1, 2, 3, 4], bias=[0])
    x = np.arange(1.0, 10.0).reshape(1, 1, 3, 3)
    assert cell.forward(x).tolist() == [
        [[[1 + 4 + 12 + 20, 2 + 6 + 15 + 24], [4 + 10 + 21 + 32, 5 + 12 + 24 + 36]]]
    ]
    dx = cell.backward(np.array([[[[1.0, 0.0], [0.0, 1.0]]]]))
    assert dx.tolist() == [[[[1, 2, 0], [3, 4 + 1, 2], [0, 3, 4]]]]
    assert cell.grads["weight"].tolist() == [[[[1 + 5, 2 + 6], [4 + 8, 5 + 9]]]]


def test_it_is_the_sum_in_the_docstring():
    layer = Conv2d(4, (2, 3), stride=(2, 1), padding=(1, 2), dilation=(2, 1), groups=2)
    cell = bound(layer, (4, 5, 6))
    x = np.random.default_rng(0).normal(size=(2, 4, 5, 6))
    y = cell.forward(x)
    W, b = cell.params["weight"], cell.params["bias"]
    for n, m, i, j in np.ndindex(*y.shape):
        total = b[m]
        for c, k, q in np.ndindex(2, 2, 3):
            row, column = 2 * i + 2 * k - 1, 1 * j + 1 * q - 2
            if 0 <= row < 5 and 0 <= column < 6:
                total += W[m, c, k, q] * x[n, 2 * (m // 2) + c, row, column]
        assert abs(total - y[n, m, i, j]) < 1e-12


def test_groups_do_not_see_each_other():
    cell = bound(Conv2d(4, 1, groups=2), (6, 2, 2))
    x = np.random.default_rng(0).normal(size=(1, 6, 2, 2))
    before = cell.forward(x)
    x[:, 3:] += 1
    after = cell.forward(x)
    assert np.array_equal(before[:, :2], after[:, :2])
    assert not np.isclose(before[:, 2:], after[:, 2:]).any()


def test_fans_count_what_enters_and_leaves_a_unit():
    spec = Conv2d(16, 3).params((4, 8, 8))["weight"]
    fan_in, fan_out = torch.nn.init._calculate_fan_in_and_fan_out(torch.empty(spec.shape))
    assert (spec.fan_in, spec.fan_out) == (fan_in, fan_out) == (36, 144)
    grouped = Conv2d(16, 3, groups=4).params((4, 8, 8))["weight"]
    assert (grouped.fan_in, grouped.fan_out) == (9, 36)


def test_multiply_adds_count_every_product():
    assert Network(Conv2d(96, 11, stride=4), (3, 227, 227)).multiply_adds == 55 * 55 * 96 * 3 * 11 * 11
    assert Network(Conv2d(256, 5, padding=2, groups=2), (96, 27, 27)).multiply_adds == 223_948_800


@pytest.mark.parametrize(
    ("layer", "shape", "parts"),
    [
        (
            Conv2d(1, 7),
            (1, 4, 9),
            ["height", "floor((4 + 2*0 - 1*(7 - 1) - 1) / 1) + 1", "-2", "at most 4", "at least 2"],
        ),
        (Conv1d(1, 3, dilation=4), (1, 6), ["length", "at most 2", "padding of at least 2"]),
        (Conv2d(8, 3, groups=4), (6, 8, 8), ["groups=4", "remainders 2 and 0", "one of 1, 2"]),
        (Conv2d(8, 3), (28, 28), ["(C, H, W)", "(28, 28)", "channel axis: (1, 28, 28)"]),
        (Conv2d(8, 3), (784,), ["(C, H, W)", "before Flatten()"]),
        (Conv1d(8, 3), (1, 8, 8), ["(C, L)", "(1, 8, 8)"]),
    ],
)
def test_a_misfit_says_where_why_and_what_would_fit(layer, shape, parts):
    with pytest.raises(ShapeError) as caught:
        Network(Sequential(layer, Flatten()), shape).root  # noqa: B018 - wiring is what raises
    text = str(caught.value)
    assert text.startswith(f"layer 0 ({type(layer).__name__})")
    for part in parts:
        assert part in text


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"out_channels": 0, "kernel": 3}, "out_channels"),
        ({"out_channels": 1, "kernel": (3, 0)}, "kernel"),
        ({"out_channels": 1, "kernel": 3, "stride": 0}, "stride"),
        ({"out_channels": 1, "kernel": 3, "padding": -1}, "padding"),
        ({"out_channels": 1, "kernel": 3, "dilation": 0}, "dilation"),
        ({"out_channels": 1, "kernel": 3, "groups": 0}, "groups"),
        ({"out_channels": 1, "kernel": (3, 3, 3)}, "one number for each axis"),
    ],
)
def test_settings_out_of_range_are_named(settings, name):
    with pytest.raises(SettingError, match=name):
        Conv2d(**settings)
