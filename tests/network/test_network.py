import numpy as np
import pytest

from koubai.core.errors import KoubaiError, ShapeError
from koubai.initializers import Zeros
from koubai.layers import BatchNorm, Conv2d, Flatten, Linear, MaxPool2d, ReLU, Residual, Sequential, Sigmoid
from koubai.losses import SoftmaxCrossEntropy
from koubai.models import AlexNet
from koubai.network import Network, layer_rows, layer_table

NET = Sequential(Conv2d(4, 3), BatchNorm(), ReLU(), MaxPool2d(2), Flatten(), Linear(3))


def test_shapes_paths_and_counts():
    network = Network(NET, (1, 6, 6))
    assert network.out_shape == (3,)
    assert list(network.param_specs) == ["0.weight", "0.bias", "1.gamma", "1.beta", "5.weight", "5.bias"]
    assert list(network.buffer_specs) == ["1.running_mean", "1.running_variance"]
    assert [cell.path for cell in network.leaves] == ["0", "1", "2", "3", "4", "5"]
    assert network.parameter_count == 40 + 8 + 51
    assert network.multiply_adds == 16 * 4 * 9 + 16 * 3


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_initial_weights_depend_on_the_seed(dtype):
    network = Network(NET, (1, 6, 6))
    first, again, other = (
        network.initialize(0, dtype),
        network.initialize(0, dtype),
        network.initialize(1, dtype),
    )
    assert all(np.array_equal(first.params[path], again.params[path]) for path in first.params)
    assert not np.array_equal(first.params["0.weight"], other.params["0.weight"])
    assert all(array.dtype == dtype for array in (*first.params.values(), *first.buffers.values()))
    assert first.buffers["1.running_variance"].tolist() == [1] * 4


def test_binding_uses_the_very_arrays():
    network = Network(NET, (1, 6, 6))
    weights = network.initialize(0)
    root = network.bind(weights)
    assert root.children["0"].weight is weights.params["0.weight"]
    copy = weights.copy()
    copy.params["0.weight"][:] = 0
    assert weights.params["0.weight"].any()


def test_zero_weights_keep_units_equal_and_relu_gradients_zero():
    """The check question on symmetry: with all weights 0 the units of a layer never part."""
    x, t = np.random.default_rng(0).normal(size=(20, 4)), np.arange(20) % 3
    for activation in (Sigmoid(), ReLU()):
        network = Network(Sequential(Linear(5), activation, Linear(3)), (4,), Zeros())
        weights = network.initialize(0, "float64")
        root = network.bind(weights, training=True)
        for _ in range(20):
            y = root.forward(x)
            root.backward(SoftmaxCrossEntropy().gradient(y, t))
            for path, w in weights.params.items():
                w[...] = w - 0.5 * root.children[path[0]].grads[path[2:]]
        hidden = weights.params["0.weight"]
        assert (hidden == hidden[:, :1]).all(), "all units of the hidden layer are still one"
        assert hidden.any() == isinstance(activation, Sigmoid)
        if isinstance(activation, ReLU):
            assert not root.children["0"].grads["weight"].any()
            assert not root.children["2"].grads["weight"].any()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda w: w.params.pop("0.bias"), "parameters of another network"),
        (lambda w: w.buffers.update(extra=np.zeros(1)), "buffers of another network"),
        (lambda w: w.params.update({"5.bias": np.zeros(4)}), "5.bias: parameter has another shape"),
    ],
)
def test_foreign_weights_are_refused(change, text):
    network = Network(NET, (1, 6, 6))
    weights = network.initialize(0)
    network.check(weights)
    change(weights)
    with pytest.raises(KoubaiError, match=text):
        network.check(weights)


def test_an_empty_input_is_refused():
    with pytest.raises(ShapeError, match="an axis of the input is empty"):
        Network(Linear(1), (0,)).root  # noqa: B018 - wiring is what raises


def test_the_summary_counts_what_the_network_counts():
    network = Network(Sequential(Linear(4), Residual(Sequential(Linear(4), ReLU()))), (3,))
    found = layer_rows(network)
    assert [row.path for row in found] == ["0", "1.body.0", "1.body.1"]
    assert [row.layer for row in found] == ["Linear(4)", "Linear(4)", "ReLU()"]
    assert sum(row.parameters for row in found) == network.parameter_count
    assert sum(row.multiply_adds for row in found) == network.multiply_adds


def test_the_table_in_both_languages():
    network = Network(AlexNet(), (3, 227, 227))
    english, japanese = (
        layer_table(network, lang="en").splitlines(),
        layer_table(network, lang="ja").splitlines(),
    )
    assert english[0].split() == ["path", "layer", "output", "parameters", "multiply-adds"]
    assert japanese[0].split() == ["場所", "層", "出力", "パラメータ数", "積和演算数"]
    assert english[2].startswith("0      Conv2d(96, 11, stride=4)             96 x 55 x 55 ")
    assert english[2].endswith("    34,944    105,415,200")
    assert english[-1].split() == ["total", "60,965,224", "724,406,816"]
    assert len(english) == len(japanese) == 23 + 4
    assert {len(line) for line in english} == {len(english[1])}, "numbers end in one column"


def test_gradients_are_tapped_from_the_first_parameter_on():
    body = Sequential(Sigmoid(), Linear(4))
    network = Network(Sequential(Flatten(), Residual(body), ReLU(), Linear(2)), (2, 2))
    assert {path for path, _ in network.untapped} == {"0", "1.body.0"}
    assert {role for _, role in network.untapped} == {"activation_gradient"}
