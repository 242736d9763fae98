import numpy as np
import pytest
import torch
from torch.nn import functional

from koubai.core.errors import SettingError, ShapeError
from koubai.layers import AveragePool1d, AveragePool2d, GlobalAveragePool, MaxPool1d, MaxPool2d, Sequential
from koubai.network import Network
from support.samples import Sample

TWINS = {
    MaxPool1d: functional.max_pool1d,
    MaxPool2d: functional.max_pool2d,
    AveragePool1d: functional.avg_pool1d,
    AveragePool2d: functional.avg_pool2d,
}


def twin_of(layer):
    pool = TWINS[type(layer)]
    return lambda x, p: pool(x, layer.size, layer.stride, layer.padding)


CASES = [
    *(
        (kind, (2, 7))
        for pool in (MaxPool1d, AveragePool1d)
        for kind in (pool(2), pool(3, stride=2, padding=1))
    ),
    *(
        (kind, (2, 5, 6))
        for pool in (MaxPool2d, AveragePool2d)
        for kind in (
            pool(2),
            pool(3, stride=2),
            pool((2, 3), stride=1, padding=(1, 1)),
            pool(1, stride=2),
            pool((5, 6)),
        )
    ),
]
SAMPLES = [Sample(layer, shape, twin_of(layer), batch=2) for layer, shape in CASES] + [
    Sample(GlobalAveragePool(), (3, 4), lambda x, p: x.mean(dim=2)),
    Sample(GlobalAveragePool(), (2, 3, 4), lambda x, p: x.mean(dim=(2, 3))),
]


def bound(layer, shape):
    network = Network(layer, shape)
    return network.bind(network.initialize(0, "float64"), training=True)


def test_maximum_worked_by_hand():
    cell = bound(MaxPool2d(2, stride=1), (1, 2, 3))
    x = np.array([[[[1.0, 5.0, 2.0], [3.0, 4.0, 6.0]]]])
    assert cell.forward(x).tolist() == [[[[5, 6]]]]
    assert cell.backward(np.array([[[[10.0, 20.0]]]])).tolist() == [[[[0, 10, 0], [0, 0, 20]]]]


def test_overlapping_windows_add_their_gradients():
    cell = bound(MaxPool1d(3, stride=1), (1, 4))
    cell.forward(np.array([[[0.0, 9.0, 1.0, 2.0]]]))
    assert cell.backward(np.array([[[1.0, 10.0]]])).tolist() == [[[0, 11, 0, 0]]]


def test_average_worked_by_hand():
    cell = bound(AveragePool2d(2, stride=1, padding=1), (1, 1, 1))
    assert cell.forward(np.array([[[[8.0]]]])).tolist() == [[[[2, 2], [2, 2]]]]
    assert cell.backward(np.array([[[[1.0, 2.0], [3.0, 4.0]]]])).tolist() == [[[[2.5]]]]


def test_global_average_worked_by_hand():
    cell = bound(GlobalAveragePool(), (2, 2))
    assert cell.forward(np.array([[[1.0, 3.0], [5.0, 9.0]]])).tolist() == [[2, 7]]
    assert cell.backward(np.array([[4.0, 6.0]])).tolist() == [[[2, 2], [3, 3]]]


def test_padding_never_wins():
    cell = bound(MaxPool2d(2, padding=1), (1, 2, 2))
    assert cell.forward(np.full((1, 1, 2, 2), -5.0)).tolist() == [[[[-5, -5], [-5, -5]]]]


def test_of_equal_elements_the_first_gets_the_gradient_as_in_pytorch():
    cell = bound(MaxPool2d(2), (1, 2, 2))
    x = np.ones((1, 1, 2, 2))
    cell.forward(x)
    dx = cell.backward(np.ones((1, 1, 1, 1)))
    tx = torch.tensor(x, requires_grad=True)
    functional.max_pool2d(tx, 2).sum().backward()
    assert dx.tolist() == tx.grad.tolist() == [[[[1, 0], [0, 0]]]]


def test_one_nan_is_the_maximum_of_its_windows_only():
    cell = bound(MaxPool1d(2), (1, 4))
    y = cell.forward(np.array([[[np.nan, 7.0, 1.0, 2.0]]]))
    assert np.isnan(y[0, 0]).tolist() == [True, False]


def test_check_question_six_by_six_becomes_seven_by_seven():
    assert Network(MaxPool2d(2, stride=1, padding=1), (1, 6, 6)).out_shape == (1, 7, 7)


@pytest.mark.parametrize(
    "settings", [{"size": 0}, {"size": 2, "stride": 0}, {"size": 3, "padding": 2}, {"size": 2, "padding": -1}]
)
def test_settings_out_of_range_are_named(settings):
    with pytest.raises(SettingError, match=list(settings)[-1]):
        MaxPool2d(**settings)


def test_features_have_no_space():
    with pytest.raises(ShapeError, match=r"layer 0 \(GlobalAveragePool\): takes channels and space"):
        Network(Sequential(GlobalAveragePool()), (5,)).root  # noqa: B018 - wiring is what raises
