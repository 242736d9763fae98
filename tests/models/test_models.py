"""The course's networks: their exact sizes, their paths, and what they are made of."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from koubai.core.errors import SettingError, ShapeError, UnknownName
from koubai.core.layer import LAYERS
from koubai.layers import (
    BatchNorm,
    Conv2d,
    Dropout,
    Flatten,
    Linear,
    LocalResponseNorm,
    ReLU,
    Sequential,
    Sigmoid,
)
from koubai.models import (
    MODELS,
    VGG,
    AlexNet,
    DeepConvNet,
    DoubleConvNet,
    LeNet,
    Mlp,
    ResNet18,
    SimpleConvNet,
    SmallResNet,
)
from koubai.models.resnet import basic_block
from koubai.network import Network, layer_rows
from support.shape_builder import ShapeBuilder, Shaped

MNIST, IMAGENET = (1, 28, 28), (3, 227, 227)
SIZES = [  # model, input, parameters, multiply-adds
    (Mlp(hidden=(40,)), MNIST, 784 * 40 + 40 + 40 * 10 + 10, 784 * 40 + 40 * 10),
    (
        Mlp(hidden=(40, 20), activation="sigmoid", batch_norm=True),
        MNIST,
        32_430 + 2 * 60,
        784 * 40 + 800 + 200,
    ),
    (Mlp(hidden=(40, 20), batch_norm=True, batch_norm_trainable=False), MNIST, 32_430, 784 * 40 + 800 + 200),
    (
        Mlp(hidden=(100,) * 6, dropout=0.15),
        MNIST,
        784 * 100 + 5 * 100**2 + 1000 + 610,
        784 * 100 + 5 * 100**2 + 1000,
    ),
    (SimpleConvNet(), MNIST, 433_890, 24 * 24 * 30 * 25 + 4320 * 100 + 1000),
    (DoubleConvNet(), MNIST, 75_430, 24 * 24 * 10 * 49 + 12 * 12 * 20 * 90 + 720 * 100 + 1000),
    (DeepConvNet(), MNIST, 123_552, 8_772_340),
    (LeNet(), MNIST, 61_706, 28 * 28 * 6 * 25 + 10 * 10 * 16 * 150 + 400 * 120 + 120 * 84 + 840),
    (AlexNet(), IMAGENET, 60_965_224, 724_406_816),
    (AlexNet(grouped=False), IMAGENET, 62_378_344, 1_135_256_096),
    # Parameters of the next four are those that torchvision prints for its networks of these names.
    (ResNet18(), (3, 224, 224), 11_689_512, 1_814_073_344),
    (VGG(), (3, 224, 224), 138_357_544, 15_470_264_320),
    (VGG(depth=11), (3, 224, 224), 132_863_336, 7_609_090_048),
    (VGG(depth=19, batch_norm=True), (3, 224, 224), 143_678_248, 19_632_062_464),
    (
        SmallResNet(),
        MNIST,
        16 * 9
        + 4 * 16 * 9 * 16 // 2
        + 32 * 9 * (16 + 32)
        + 64 * 9 * (32 + 64)
        + 16 * 32
        + 32 * 64
        + 2 * (3 * 16 + 3 * 32 + 3 * 64)
        + 650,
        28 * 28 * 16 * 9 * 33 + 14 * 14 * 32 * (9 * 48 + 16) + 7 * 7 * 64 * (9 * 96 + 32) + 640,
    ),
]
LARGE = AlexNet | ResNet18 | VGG
SMALL = [(model, shape) for model, shape, *_ in SIZES if not isinstance(model, LARGE)]


def test_every_registered_model_has_its_size_stated():
    assert {type(model) for model, *_ in SIZES} == set(MODELS.values())


@pytest.mark.parametrize(("model", "shape", "parameters", "multiply_adds"), SIZES, ids=lambda v: str(v)[:40])
def test_parameters_and_multiply_adds_are_exact(model, shape, parameters, multiply_adds):
    network = Network(model, shape)
    assert network.parameter_count == parameters
    assert network.multiply_adds == multiply_adds


def test_alexnet_layer_by_layer():
    """The table of the paper, as section 7 of the course has it."""
    costly = [row for row in layer_rows(Network(AlexNet(), IMAGENET)) if row.parameters]
    assert [(row.shape, row.parameters, row.multiply_adds) for row in costly] == [
        ((96, 55, 55), 34_944, 105_415_200),
        ((256, 27, 27), 307_456, 223_948_800),
        ((384, 13, 13), 885_120, 149_520_384),
        ((384, 13, 13), 663_936, 112_140_288),
        ((256, 13, 13), 442_624, 74_760_192),
        ((4096,), 37_752_832, 37_748_736),
        ((4096,), 16_781_312, 16_777_216),
        ((1000,), 4_097_000, 4_096_000),
    ]
    pooled = [
        row.shape for row in layer_rows(Network(AlexNet(), IMAGENET)) if row.layer.startswith("MaxPool2d")
    ]
    assert pooled == [(96, 27, 27), (256, 13, 13), (256, 6, 6)]


def test_alexnet_starts_as_the_paper_says():
    """On 67 x 67 images the same net has a smaller fc6, which is quicker to draw."""
    network = Network(AlexNet(classes=10), (3, 67, 67))
    weights = network.initialize(0).params
    biases = [float(b.mean()) for path, b in weights.items() if path.endswith("bias")]
    assert biases == [0, 1, 0, 1, 1, 1, 1, 0]
    assert all(b.std() == 0 for path, b in weights.items() if path.endswith("bias"))
    stds = [float(w.std()) for path, w in weights.items() if path.endswith("weight")]
    np.testing.assert_allclose(stds, 0.01, rtol=0.02)


def test_alexnets_options():
    layers = AlexNet(local_response=False, dropout=0.0).expand()
    assert not any(isinstance(layer, LocalResponseNorm | Dropout) for layer in layers)
    assert sum(isinstance(layer, LocalResponseNorm) for layer in AlexNet().expand()) == 2
    assert [layer.groups for layer in AlexNet().expand() if isinstance(layer, Conv2d)] == [1, 2, 1, 2, 2]
    with pytest.raises(ShapeError, match="height"):
        Network(AlexNet(), (3, 32, 32)).root  # noqa: B018 - wiring is what raises


@pytest.mark.parametrize(("model", "shape"), SMALL, ids=lambda v: str(v)[:40])
def test_a_model_is_its_layers(model, shape):
    """Same paths, same initial weights, same outputs and gradients, same lowering."""
    ours, theirs = Network(model, shape), Network(model.expand(), shape)
    assert list(ours.param_specs) == list(theirs.param_specs)
    assert all(path.partition(".")[0].isdigit() for path in ours.param_specs)
    x = np.random.default_rng(0).random((2, *shape))
    results = []
    for network in (ours, theirs):
        root = network.bind(network.initialize(3, "float64"), training=True)
        y = root.forward(x)
        builder = ShapeBuilder(network.root)
        builder.lower(network.root, Shaped(shape))
        results.append((y, root.backward(np.ones_like(y)), builder.listing))
    assert np.array_equal(results[0][0], results[1][0])
    assert np.array_equal(results[0][1], results[1][1])
    assert results[0][2] == results[1][2]


def test_a_residual_block_is_pytorchs():
    """The first block of the second stage: stride 2, and a projection."""
    block = Sequential(*basic_block(6, 2, projected=True))
    network = Network(block, (4, 5, 5))
    cell = network.bind(network.initialize(0, "float64"), training=True)
    w = {path: torch.tensor(value) for path, value in network.initialize(0, "float64").params.items()}

    def norm(x):
        return functional.batch_norm(x, None, None, training=True, eps=1e-5)

    x = np.random.default_rng(0).normal(size=(3, 4, 5, 5))
    tx = torch.tensor(x)
    inner = functional.relu(norm(functional.conv2d(tx, w["0.body.0.weight"], stride=2, padding=1)))
    body = norm(functional.conv2d(inner, w["0.body.3.weight"], padding=1))
    shortcut = norm(functional.conv2d(tx, w["0.shortcut.0.weight"], stride=2))
    np.testing.assert_allclose(cell.forward(x), functional.relu(body + shortcut).numpy(), atol=1e-12)


def test_a_residual_network_has_the_depth_of_its_name():
    layers = [row.layer for row in layer_rows(Network(ResNet18(), (3, 224, 224)))]
    assert sum(name.startswith(("Conv2d", "Linear")) for name in layers) == 18 + 3  # and three projections
    small = [row.layer for row in layer_rows(Network(SmallResNet(blocks=3), MNIST))]
    assert sum(name.startswith(("Conv2d", "Linear")) for name in small) == 6 * 3 + 2 + 2


def test_the_order_is_affine_norm_activation_dropout():
    model = Mlp(hidden=(8,), classes=3, activation="sigmoid", batch_norm=True, dropout=0.2)
    assert model.expand() == Sequential(Flatten(), Linear(8), BatchNorm(), Sigmoid(), Dropout(0.2), Linear(3))
    assert Mlp(classes=3).expand() == Sequential(Flatten(), Linear(3))


def test_arms_that_differ_between_the_affine_layers_start_from_the_same_weights():
    plain = Network(Mlp(hidden=(8, 6)), (5,)).initialize(4).params
    other = (
        Network(Mlp(hidden=(8, 6), activation="tanh", batch_norm=True, dropout=0.5), (5,))
        .initialize(4)
        .params
    )
    pairs = [[w for path, w in arm.items() if path.endswith("weight")] for arm in (plain, other)]
    assert len(pairs[0]) == 3
    assert all(np.array_equal(ours, theirs) for ours, theirs in zip(*pairs, strict=True))


def test_the_deep_convnet_of_the_course():
    layers = list(DeepConvNet().expand())
    convolutions = [(c.out_channels, c.kernel, c.padding) for c in layers if isinstance(c, Conv2d)]
    assert convolutions == [(16, 3, 1), (16, 3, 1), (32, 3, 1), (32, 3, 2), (64, 3, 1), (64, 3, 1)]
    assert layers[-5:] == [Linear(50), ReLU(), Dropout(0.5), Linear(10), Dropout(0.5)]


def test_the_lenet_of_the_doctors_second_case():
    model = LeNet(activation="sigmoid", hidden=(120, *(84,) * 7), padding=0)
    assert sum(isinstance(layer, Sigmoid) for layer in model.expand()) == 10
    assert Network(model, MNIST).out_shape == (10,)


def test_models_are_layers_by_the_same_name():
    assert all(LAYERS[name] is cls for name, cls in MODELS.items())


def test_a_model_may_stand_inside_another_layer():
    network = Network(Sequential(Mlp(hidden=(4,), classes=3), ReLU()), (5,))
    assert list(network.param_specs) == ["0.1.weight", "0.1.bias", "0.3.weight", "0.3.bias"]


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: Mlp(hidden=(4,), activation="sigmoyd"), UnknownName, "did you mean 'sigmoid'"),
        (lambda: LeNet(activation="linear"), UnknownName, "unknown activation 'linear'"),
        (lambda: Mlp(hidden=(4, 0)), SettingError, "hidden"),
        (lambda: Mlp(dropout=1.0), SettingError, "dropout"),
        (lambda: SimpleConvNet(classes=0), SettingError, "classes"),
        (lambda: AlexNet(dropout=-0.5), SettingError, "dropout"),
        (lambda: VGG(depth=12), SettingError, "depth"),
        (lambda: SmallResNet(blocks=0), SettingError, "blocks"),
    ],
)
def test_settings_out_of_range_are_named(make, error, text):
    with pytest.raises(error, match=text):
        make()
