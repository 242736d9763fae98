import numpy as np
import pytest
import torch
from torch.nn import functional

from koubai.core.errors import SettingError, ShapeError
from koubai.layers import (
    Concatenate,
    Conv2d,
    Dropout,
    Flatten,
    Identity,
    Linear,
    MaxPool2d,
    ReLU,
    Residual,
    Sequential,
    Sigmoid,
    Tanh,
)
from koubai.network import Network
from support.samples import Sample


def linear(x, p, path):
    return functional.linear(x, p[f"{path}.weight"].T, p[f"{path}.bias"])


def convolve(x, p, path, **settings):
    return functional.conv2d(x, p[f"{path}.weight"], p[f"{path}.bias"], **settings)


SAMPLES = [
    Sample(Flatten(), (2, 3, 2), lambda x, p: x.flatten(1)),
    Sample(Flatten(), (4,), lambda x, p: x.clone()),
    Sample(
        Sequential(Linear(4), Tanh(), Linear(2)),
        (3,),
        lambda x, p: linear(torch.tanh(linear(x, p, "0")), p, "2"),
    ),
    Sample(
        Sequential(Sequential(Flatten(), Linear(3)), Sigmoid()),
        (2, 2),
        lambda x, p: torch.sigmoid(linear(x.flatten(1), p, "0.1")),
    ),
    Sample(Residual(Linear(4)), (4,), lambda x, p: x + linear(x, p, "body")),
    Sample(
        Residual(Sequential(Linear(5), Tanh(), Linear(2)), shortcut=Linear(2)),
        (3,),
        lambda x, p: linear(torch.tanh(linear(x, p, "body.0")), p, "body.2") + linear(x, p, "shortcut"),
    ),
    Sample(
        Residual(Conv2d(2, 3, padding=1)),
        (2, 3, 3),
        lambda x, p: x + convolve(x, p, "body", padding=1),
        batch=2,
    ),
    Sample(
        Concatenate(Linear(2), Identity(), Sequential(Linear(3), Tanh())),
        (4,),
        lambda x, p: torch.cat([linear(x, p, "0"), x, torch.tanh(linear(x, p, "2.0"))], dim=1),
    ),
    Sample(
        Concatenate(Conv2d(3, 3, padding=1), Conv2d(1, 1), MaxPool2d(3, stride=1, padding=1)),
        (2, 3, 4),
        lambda x, p: torch.cat(
            [convolve(x, p, "0", padding=1), convolve(x, p, "1"), functional.max_pool2d(x, 3, 1, 1)], dim=1
        ),
        batch=2,
    ),
    Sample(Concatenate(Tanh()), (3,), lambda x, p: torch.tanh(x)),
]


def bound(layer, shape):
    network = Network(layer, shape)
    return network.bind(network.initialize(0, "float64"), training=True)


def test_flatten_worked_by_hand():
    cell = bound(Flatten(), (2, 2))
    assert cell.forward(np.array([[[1, 2], [3, 4]]])).tolist() == [[1, 2, 3, 4]]
    assert cell.backward(np.array([[5, 6, 7, 8]])).tolist() == [[[5, 6], [7, 8]]]


def test_sequential_worked_by_hand():
    cell = bound(Sequential(Linear(1), ReLU(), Linear(1)), (1,))
    for path, weight in (("0", 2.0), ("2", 3.0)):
        cell.children[path].params["weight"][:] = weight
    assert cell.forward(np.array([[5.0], [-5.0]])).tolist() == [[30], [0]]
    assert cell.backward(np.array([[1.0], [1.0]])).tolist() == [[6], [0]]
    assert cell.children["0"].grads["weight"].tolist() == [[15]]


def test_residual_worked_by_hand():
    cell = bound(Residual(Linear(1)), (1,))
    cell.children["body"].params["weight"][:] = 3
    assert cell.forward(np.array([[2.0]])).tolist() == [[8]]
    assert cell.backward(np.array([[1.0]])).tolist() == [[4]]


def test_concatenate_worked_by_hand():
    cell = bound(Concatenate(Identity(), Linear(1)), (2,))
    cell.children["1"].params["weight"][:] = [[10], [100]]
    assert cell.forward(np.array([[1.0, 2.0]])).tolist() == [[1, 2, 210]]
    assert cell.backward(np.array([[1.0, 2.0, 3.0]])).tolist() == [[31, 302]]


def test_paths_name_the_place():
    net = Sequential(
        Linear(4),
        Residual(Sequential(Linear(4), ReLU()), shortcut=Linear(4)),
        Concatenate(Linear(1), Linear(2)),
    )
    assert [path for path in Network(net, (3,)).param_specs if path.endswith("weight")] == [
        "0.weight", "1.body.0.weight", "1.shortcut.weight", "2.0.weight", "2.1.weight",
    ]  # fmt: skip


def test_equal_layers_at_two_places_are_two_cells():
    layer = Linear(3)
    root = bound(Sequential(layer, layer), (3,))
    first, second = root.children.values()
    assert first.params["weight"] is not second.params["weight"]
    assert not np.array_equal(first.params["weight"], second.params["weight"])


def test_two_dropouts_have_two_masks():
    root = bound(Concatenate(Dropout(0.5), Dropout(0.5)), (100,))
    y = root.forward(np.ones((1, 100)))
    assert not np.array_equal(y[:, :100], y[:, 100:])


@pytest.mark.parametrize(
    ("layer", "shape", "parts"),
    [
        (Residual(Linear(5)), (4,), ["layer 0 (Residual)", "(4,)", "(5,)", "shortcut"]),
        (Residual(Conv2d(8, 3)), (8, 6, 6), ["layer 0 (Residual)", "(8, 6, 6)", "(8, 4, 4)"]),
        (
            Concatenate(Conv2d(8, 3), Conv2d(8, 5)),
            (1, 6, 6),
            ["layer 0 (Concatenate)", "(8, 4, 4), (8, 2, 2)", "padding"],
        ),
        (Residual(Sequential(ReLU(), Conv2d(8, 9))), (8, 6, 6), ["layer 0.body.1 (Conv2d)", "height"]),
    ],
)
def test_a_misfit_says_where_why_and_what_would_fit(layer, shape, parts):
    with pytest.raises(ShapeError) as caught:
        Network(Sequential(layer), shape).root  # noqa: B018 - wiring is what raises
    for part in parts:
        assert part in str(caught.value)


def test_no_branches_are_refused():
    with pytest.raises(SettingError, match="needs a branch"):
        Concatenate()


def test_a_chain_can_be_read_like_a_list():
    net = Sequential(Linear(2), ReLU())
    assert len(net) == 2
    assert net[1] == ReLU()
    assert list(net) == [Linear(2), ReLU()]
    assert net.with_field("layers", (Tanh(),)) == Sequential(Tanh())
