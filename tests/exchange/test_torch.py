"""Every layer as a PyTorch module and back: the same outputs, the same bits."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import koubai as kb
from koubai.core.errors import ConfigError, EngineError, ShapeError
from koubai.core.layer import LAYERS, Layer
from koubai.exchange.from_torch import from_torch
from koubai.exchange.to_torch import to_torch
from koubai.network import Network, Weights
from support.close import assert_close
from support.samples import collect

SAMPLES = collect(Path(__file__).parents[1] / "layers")


def weights_of(cell):
    return Weights(
        {f"{c.path}." * bool(c.path) + n: p for c in cell.walk() for n, p in c.params.items()},
        {f"{c.path}." * bool(c.path) + n: p for c in cell.walk() for n, p in c.buffers.items()},
    )


@pytest.mark.parametrize("sample", SAMPLES, ids=[sample.id for sample in SAMPLES])
def test_every_layer_goes_there_and_back(sample):
    network, weights = sample.network(), weights_of(sample.cell("float32"))
    x = sample.x("float32")
    expected = network.bind(weights).forward(x)
    module = to_torch(network, weights)
    with torch.no_grad():
        y = module(torch.from_numpy(x)).numpy()
    assert_close(y, expected, terms=sample.terms, name=sample.id, scale=float(np.abs(expected).max()))

    again, read = from_torch(module, sample.shape)
    assert list(read.params) == list(weights.params)
    for ours, theirs in ((read.params, weights.params), (read.buffers, weights.buffers)):
        assert ours.keys() == theirs.keys()
        assert all(np.array_equal(ours[path], theirs[path]) for path in ours)
    assert np.array_equal(again.bind(read).forward(x), expected)
    third = to_torch(again, read)
    for (name, a), (other, b) in zip(module.state_dict().items(), third.state_dict().items(), strict=True):
        assert name == other
        assert torch.equal(a, b)
    with torch.no_grad():
        assert np.array_equal(third(torch.from_numpy(x)).numpy(), y)


def test_every_registered_layer_is_among_the_samples():
    assert {type(sample.layer) for sample in SAMPLES} >= {
        cls for cls in LAYERS.values() if not issubclass(cls, kb.models.Model)
    }


def test_the_state_dict_reads_as_in_pytorch():
    net = kb.Sequential(
        kb.Conv2d(4, 3), kb.BatchNorm(), kb.ReLU(), kb.MaxPool2d(2), kb.Flatten(), kb.Linear(10)
    )
    network = Network(net, (1, 8, 8))
    module = to_torch(network, network.initialize(0))
    twin = nn.Sequential(
        nn.Conv2d(1, 4, 3),
        nn.BatchNorm2d(4, 1e-6),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(36, 10),
    )
    twin.load_state_dict(module.state_dict())
    x = torch.randn(5, 1, 8, 8)
    assert torch.equal(module(x), twin.eval()(x))
    assert repr(module) == repr(twin)
    assert not module.training


def test_training_goes_on_in_pytorch_as_in_koubai():
    """One step of SGD there is one step of SGD here, batch norm's running statistics included."""
    x, t = np.random.default_rng(0).normal(size=(20, 5)).astype("f"), np.arange(20) % 3
    net = kb.Sequential(kb.Linear(7), kb.BatchNorm(), kb.Tanh(), kb.Linear(3))
    source = kb.data.arrays(x, t, x[:1], t[:1])
    before = kb.fit(net, source, steps=0, engine="reference", progress=False)
    after = kb.fit(net, source, optimizer=kb.SGD(0.1), steps=1, batch_size=20, replacement=False,
                   engine="reference", progress=False)  # fmt: skip
    module = before.to_torch().train()
    loss = nn.functional.cross_entropy(module(torch.from_numpy(x)), torch.from_numpy(t))
    loss.backward()
    torch.optim.SGD(module.parameters(), 0.1).step()
    for name, w in after.to_torch().state_dict().items():
        if name != "1.num_batches_tracked":
            np.testing.assert_allclose(module.state_dict()[name], w, rtol=1e-5, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("name", ["lenet", "simple_convnet", "resnet18"])
def test_models_go_there_and_back(name):
    layer = kb.models.MODELS[name]() if name in kb.models.MODELS else kb.Mlp((4,))
    shape = (3, 32, 32) if name == "resnet18" else (1, 28, 28)
    network = Network(layer, shape)
    weights = network.initialize(1)
    _, read = from_torch(to_torch(network, weights), shape)
    assert all(np.array_equal(read.params[path], w) for path, w in weights.params.items())


def test_what_comes_from_pytorch_predicts_here():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(6, 5), nn.Sequential(nn.GELU(), nn.LayerNorm(5)), nn.Linear(5, 2))
    trained = kb.from_torch(module)
    x = torch.randn(4, 6)
    np.testing.assert_allclose(
        trained.predict(x.numpy(), prepared=True), module(x).detach(), rtol=1e-5, atol=1e-6
    )
    assert list(trained.weights.params) == [
        "0.weight",
        "0.bias",
        "1.1.gamma",
        "1.1.beta",
        "2.weight",
        "2.bias",
    ]
    assert torch.equal(trained.to_torch()[0].weight, module[0].weight)


def test_pooling_to_one_place_is_understood_in_front_of_flatten():
    module = nn.Sequential(nn.Conv2d(1, 3, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2))
    x = torch.randn(2, 1, 8, 8)
    y = kb.from_torch(module, (1, 8, 8)).predict(x.numpy(), prepared=True)
    np.testing.assert_allclose(y, module(x).detach(), rtol=1e-5, atol=1e-6)
    with pytest.raises(ConfigError, match=r"1: AdaptiveAvgPool2d is understood in front of nn.Flatten only"):
        kb.from_torch(nn.Sequential(nn.Conv2d(1, 3, 3), nn.AdaptiveAvgPool2d(1)), (1, 8, 8))


@pytest.mark.parametrize(
    ("module", "said"),
    [
        (nn.MaxPool2d(2, ceil_mode=True), "MaxPool2d with ceil_mode=True"),
        (nn.MaxPool2d(2, dilation=2), "MaxPool2d with dilation=2"),
        (nn.AvgPool2d(3, padding=1, count_include_pad=False), "with count_include_pad=False"),
        (nn.AvgPool2d(3, divisor_override=2), "with divisor_override=2"),
        (nn.Conv2d(1, 1, 3, padding="same"), "with padding='same'"),
        (nn.Conv2d(1, 1, 3, padding=1, padding_mode="circular"), "with padding_mode='circular'"),
        (nn.BatchNorm2d(1, momentum=None), "with momentum=None"),
        (nn.BatchNorm2d(1, track_running_stats=False), "with track_running_stats=False"),
        (nn.InstanceNorm2d(1), "with affine=False"),
        (nn.GroupNorm(1, 1, affine=False), "with affine=False"),
        (nn.LayerNorm(8, elementwise_affine=False), "with elementwise_affine=False"),
        (nn.GELU("tanh"), "with approximate='tanh'"),
        (nn.Softplus(2), "with beta=2"),
        (nn.Softmax(0), "with dim=0"),
        (nn.LocalResponseNorm(4), "with size=4"),
        (nn.AdaptiveAvgPool2d(2), "with output_size=2"),
        (nn.Flatten(0), "with start_dim=0"),
        (nn.LSTM(3, 3), "has no LSTM"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_come_says_which_module_and_why(module, said):
    with pytest.raises(ConfigError, match=said) as caught:
        kb.from_torch(nn.Sequential(nn.Sequential(module), nn.Transformer(8, 1, 1, 1, 8)), (1, 8, 8))
    assert [problem.path for problem in caught.value.problems] == ["0.0", "1"]


def test_the_shape_of_inputs_is_asked_for_where_it_cannot_be_known():
    with pytest.raises(ShapeError, match="shape of an input"):
        kb.from_torch(nn.Sequential(nn.Conv2d(1, 3, 3)))
    with pytest.raises(ShapeError, match="Linear"):
        kb.from_torch(nn.Sequential(nn.Linear(3, 2)), (2, 3))


def test_a_layer_of_ones_own_says_that_pytorch_lacks_it():
    class Doubled(Layer):
        def forward(self, cell, x):
            return 2 * x

    network = Network(kb.Sequential(Doubled()), (3,))
    with pytest.raises(EngineError, match="PyTorch has no such layer") as caught:
        to_torch(network, network.initialize(0))
    assert caught.value.where == "layer 0 (Doubled)"
