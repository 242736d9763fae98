"""ONNX files become networks: koubai's own bit for bit, PyTorch's within rounding, hostile ones never."""

import io
import os
import sys
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import koubai as kb
from koubai.cli.main import main
from koubai.core.errors import ConfigError, DataError, EngineError, KoubaiError, ShapeError
from koubai.exchange.to_onnx import onnx_model
from koubai.network import Network, Weights
from support.data_files import mutated
from support.marks import long
from support.samples import collect

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnx.reference")
SAMPLES = collect(Path(__file__).parents[1] / "layers")
RANDOM_PADDING = "padding_mode='random'"


def written(model, path: Path) -> Path:
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize("sample", SAMPLES, ids=[sample.id for sample in SAMPLES])
def test_every_layer_comes_back_bit_for_bit(sample, tmp_path):
    network, cell = sample.network(), sample.cell("float32")
    weights = Weights(
        {f"{c.path}." * bool(c.path) + n: p for c in cell.walk() for n, p in c.params.items()},
        {f"{c.path}." * bool(c.path) + n: p for c in cell.walk() for n, p in c.buffers.items()},
    )
    path = written(onnx_model(network, weights), tmp_path / "net.onnx")
    if RANDOM_PADDING in repr(sample.layer):
        with pytest.raises(ConfigError, match="Reshape"):
            kb.from_onnx(path)
        return
    again = kb.from_onnx(path)
    x = sample.x("float32")
    expected = network.bind(weights, training=False).forward(x)
    assert np.array_equal(again.predict(x, prepared=True), expected, equal_nan=True)


@pytest.mark.parametrize(
    "name",
    ["lenet", "simple_convnet", "deep_convnet", "resnet18", *long("alexnet", "vgg")],
)
def test_models_come_back(name, tmp_path):
    shapes = {"resnet18": (3, 32, 32), "vgg": (3, 32, 32), "alexnet": (3, 67, 67)}
    layer = kb.core.layer.LAYERS[name]()
    network = Network(layer, shapes.get(name, (1, 28, 28)))
    weights = network.initialize(1)
    again = kb.from_onnx(written(onnx_model(network, weights), tmp_path / "net.onnx"))
    x = np.random.default_rng(0).normal(size=(2, *network.in_shape)).astype("f")
    expected = network.bind(weights, training=False).forward(x)
    assert np.array_equal(again.predict(x, prepared=True), expected)
    assert again.network.parameter_count == network.parameter_count


@pytest.mark.parametrize("scale", ["raw", "unit", "bytes", "standard", "robust"])
@pytest.mark.parametrize("kind", ["values", "classes"])
def test_a_run_comes_back_with_its_preparation(scale, kind, tmp_path):
    rng = np.random.default_rng(0)
    x = 1e6 + rng.normal(size=(60, 3)) * [1, 10, 100]
    t = x[:, 0] - 1e6 if kind == "values" else np.array(["no", "yes"])[(x[:, 0] > 1e6).astype(int)]
    source = kb.data.arrays(x, t, scale=scale, target_scale="standard" if kind == "values" else "raw")
    net = kb.Sequential(kb.Linear(4), kb.Tanh(), kb.Linear(1 if kind == "values" else 2))
    run = kb.fit(net, source, steps=20, progress=False, engine="reference")
    again = kb.from_onnx(run.export_onnx(tmp_path / "net"))
    np.testing.assert_allclose(again.predict(x), run.predict(x), rtol=1e-6, atol=1e-6)
    if kind == "classes":
        assert again.preparation.class_names == ("no", "yes")
        assert np.array_equal(again.predict_classes(x), run.predict_classes(x))
    kb.save(tmp_path / "kept", again)
    assert np.array_equal(kb.load(tmp_path / "kept").predict(x), again.predict(x))


def test_scales_behind_scales_and_pictures_as_stored(tmp_path):
    source = kb.data.flawed(kb.data.digits(scale="unit"), [kb.data.ConstantFeatures(0.1)], scale="standard")
    run = kb.fit(kb.Mlp((8,)), source, steps=20, progress=False, engine="reference")
    x = kb.data.digits().read(None).x_test[:9]
    again = kb.from_onnx(run.export_onnx(tmp_path / "digits"))
    np.testing.assert_allclose(again.predict(x), run.predict(x), rtol=1e-5, atol=1e-6)
    prepared = kb.from_onnx(run.export_onnx(tmp_path / "prepared", prepared=True))
    assert prepared.preparation is None
    with pytest.raises(KoubaiError, match="prepared=True"):
        prepared.predict(x)


# ---------------------------------------------------------------------------------------- files of PyTorch

torch = pytest.importorskip("torch")
nn = torch.nn


class Block(nn.Module):
    """Two ways, summed; then three, joined."""

    def __init__(self):
        super().__init__()
        self.one = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.SiLU())
        self.two = nn.Conv2d(2, 4, 1)
        self.three = nn.Conv2d(4, 3, 3, padding=1)
        self.four = nn.AvgPool2d(3, 1, 1)
        self.last = nn.Linear(11, 5)

    def forward(self, x):
        y = torch.relu(self.one(x) + self.two(x))
        y = torch.cat([y, self.three(y), self.four(y)], 1)
        return self.last(y.mean((2, 3)).view(x.size(0), -1))


MODULES = {
    "convnet": (
        lambda: nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Dropout(0.3),
            nn.Flatten(),
            nn.Linear(64, 10),
            nn.Softmax(1),
        ),
        (1, 8, 8),
    ),
    "functions": (
        lambda: nn.Sequential(
            nn.Linear(6, 8), nn.GELU(), nn.Linear(8, 8, bias=False), nn.Tanh(), nn.Linear(8, 7), nn.ELU(0.7),
            nn.Linear(7, 7), nn.SELU(), nn.LeakyReLU(0.2), nn.Softplus(), nn.Sigmoid(), nn.PReLU(7),
            nn.Mish(),
        ),
        (6,),
    ),
    "one dimension": (
        lambda: nn.Sequential(
            nn.Conv1d(2, 4, 3, stride=2, padding=2, dilation=2, groups=2),
            nn.SiLU(),
            nn.ConvTranspose1d(4, 3, 3, stride=2, output_padding=1),
            nn.AvgPool1d(2),
            nn.Flatten(),
        ),
        (2, 12),
    ),
    "norms": (
        lambda: nn.Sequential(
            nn.Conv2d(3, 5, 3, padding=1, padding_mode="reflect"),
            nn.InstanceNorm2d(5, affine=True),
            nn.Conv2d(5, 4, 3, padding=1, padding_mode="replicate"),
            nn.LayerNorm([4, 6, 6]),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        ),
        (3, 6, 6),
    ),
    "ways": (Block, (2, 6, 6)),
}  # fmt: skip


def exported(module, shape, path, *, dynamic=True, **how):
    axes = {"dynamic_axes": {"x": {0: "n"}}} if dynamic else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module, (torch.zeros(2, *shape),), str(path), dynamo=False, input_names=["x"], **axes, **how
        )
    return path


@pytest.mark.parametrize("dynamic", [True, False])
@pytest.mark.parametrize("name", MODULES)
def test_what_pytorch_exports_gives_the_same(name, dynamic, tmp_path):
    make, shape = MODULES[name]
    torch.manual_seed(0)
    module = make()
    module.train()(torch.randn(16, *shape))  # running statistics of their own
    path = exported(module.eval(), shape, tmp_path / "net.onnx", dynamic=dynamic)
    x = torch.randn(5, *shape)
    with torch.no_grad():
        expected = module(x).numpy()
    again = kb.from_onnx(path)
    assert again.network.in_shape == shape
    scale = np.abs(expected).max()
    np.testing.assert_allclose(
        again.predict(x.numpy(), prepared=True), expected, rtol=1e-4, atol=1e-5 * scale
    )


def test_what_came_from_onnx_is_trained_on(tmp_path):
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10))
    found = kb.from_onnx(exported(module, (1, 8, 8), tmp_path / "net.onnx"))
    run = kb.fit(found.recipe.network, kb.data.digits(), optimizer=kb.Adam(0.01), steps=200, progress=False)
    assert run.scores["test"].accuracy > 0.85


def test_a_scale_in_front_is_how_inputs_are_prepared(tmp_path):
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Sequential(nn.Flatten(), nn.Linear(12, 3))

        def forward(self, x):
            return self.inner((x / 255 - torch.tensor([0.5, 0.2, 0.1])[:, None, None]) / 0.25)

    module, x = Scaled(), torch.randint(0, 256, (4, 3, 2, 2)).float()
    found = kb.from_onnx(exported(module, (3, 2, 2), tmp_path / "net.onnx"))
    np.testing.assert_allclose(found.predict(x.numpy()), module(x).detach(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", [(3, 1, 1), (1, 3, 1, 1), (1,)])
def test_a_constant_behind_a_convolution_is_its_bias(shape, tmp_path):
    """As Keras writes it."""
    bias = np.arange(np.prod(shape), dtype="f").reshape(shape) + 1
    constants = [array("w", (3, 1, 2, 2)), onnx.numpy_helper.from_array(bias, "b")]
    model = graph([node("Conv", "x w", "a"), node("Add", "a b")], constants, ("n", 1, 3, 3))
    x = np.random.default_rng(0).normal(size=(2, 1, 3, 3)).astype("f")
    expected = onnx.reference.ReferenceEvaluator(model).run(None, {"x": x})[0]
    found = kb.from_onnx(written(model, tmp_path / "net.onnx")).predict(x, prepared=True)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


# ---------------------------------------------------------------------------------------- what is refused


def graph(nodes, constants=(), shape=("n", 4), outputs=("y",), opset=21, **more):
    made = onnx.helper.make_graph(
        nodes,
        "g",
        [onnx.helper.make_tensor_value_info("x", 1, list(shape))],
        [onnx.helper.make_tensor_value_info(name, 1, None) for name in outputs],
        list(constants),
        **more,
    )
    return onnx.helper.make_model(made, opset_imports=[onnx.helper.make_opsetid("", opset)])


def node(kind, inputs, outputs="y", **more):
    return onnx.helper.make_node(kind, inputs.split(), outputs.split(), name=f"the {kind}", **more)


def array(name, shape):
    return onnx.numpy_helper.from_array(np.ones(shape, np.float32), name)


REFUSED = {
    "an operator": (graph([node("Sin", "x")]), r"(?s)the Sin: koubai has no layer.*operator Sin.*Gemm"),
    "several": (graph([node("Sin", "x", "a"), node("Cos", "a")]), r"(?s)2 problems.*the Sin.*the Cos"),
    "a loop": (graph([node("Loop", "x x x")]), "operator Loop"),
    "a domain": (graph([node("Gemm", "x", domain="com.other")]), r"operator com\.other\.Gemm"),
    "a setting": (graph([node("Gemm", "x w", alpha=2.0)], [array("w", (4, 2))]), r"Gemm with alpha=2\.0"),
    "a weight that is computed": (graph([node("MatMul", "x x")]), "this MatMul is not part of a chain"),
    "sizes": (graph([node("Gemm", "x w")], [array("w", (5, 2))]), r"Gemm with weight \(5, 2\), x \(4,\)"),
    "pads": (
        graph([node("Conv", "x w", pads=[0, 1, 1, 0])], [array("w", (1, 1, 3, 3))], ("n", 1, 4, 4)),
        r"Conv with pads=\[0, 1, 1, 0\]",
    ),
    "a constant along another axis": (
        graph(
            [node("Conv", "x w", "a"), node("Add", "a b")],
            [array("w", (3, 1, 2, 2)), array("b", (3,))],
            (1, 1, 4, 4),
        ),
        r"Add with constant \(3,\)",
    ),
    "auto_pad": (
        graph([node("Conv", "x w", auto_pad="SAME_UPPER")], [array("w", (1, 1, 3, 3))], ("n", 1, 4, 4)),
        "auto_pad=SAME_UPPER",
    ),
    "ceil_mode": (
        graph([node("MaxPool", "x", kernel_shape=[2, 2], ceil_mode=1)], shape=("n", 1, 5, 5)),
        "MaxPool with ceil_mode=1",
    ),
    "a way used twice": (
        graph(
            [node("Relu", "x", "a"), node("Add", "a x", "b"), node("Add", "a x", "c"), node("Add", "b c")],
        ),
        "is not part of a chain",
    ),
    "three dimensions": (
        graph([node("Conv", "x w")], [array("w", (1, 1, 1, 1, 1))], ("n", 1, 2, 2, 2)),
        "Conv with x",
    ),
    "a step of 0": (
        graph([node("MaxPool", "x", kernel_shape=[2, 2], strides=[0, 0])], shape=("n", 1, 4, 4)),
        "MaxPool with",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("model", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_koubai_has_no_layer_for_names_node_and_setting(model, sentence, tmp_path):
    with pytest.raises(ConfigError, match=sentence):
        kb.from_onnx(written(model, tmp_path / "net.onnx"))


BROKEN = {
    "no graph": (onnx.ModelProto(), "not an ONNX model"),
    "two outputs": (graph([node("Relu", "x", "y z")], outputs=("y", "z")), "not one input"),
    "a name from nowhere": (graph([node("Gemm", "x w")]), "'w', which nothing before it gives"),
    "a circle": (
        graph([node("Relu", "b", "a"), node("Relu", "a", "b")], outputs=("b",)),
        "nothing before it",
    ),
    "a name given twice": (graph([node("Relu", "x", "x")]), "'x' is given twice"),
    "an output from nowhere": (graph([node("Relu", "x", "z")]), "Relu with constant"),
    "too many nodes": (graph([node("Relu", "x", f"a{i}") for i in range(5001)]), "too many nodes"),
}


@pytest.mark.parametrize(("model", "sentence"), BROKEN.values(), ids=BROKEN)
def test_what_is_no_network_is_an_error(model, sentence, tmp_path):
    with pytest.raises(KoubaiError, match=sentence):
        kb.from_onnx(written(model, tmp_path / "net.onnx"))


def test_an_open_shape_is_asked_for(tmp_path):
    model = graph([node("Relu", "x", "a"), node("Tanh", "a")], shape=("n", 1, "h", "w"))
    path = written(model, tmp_path / "net.onnx")
    with pytest.raises(ShapeError, match="leaves the shape of its input open"):
        kb.from_onnx(path)
    assert kb.from_onnx(path, in_shape=(1, 3, 2)).network.in_shape == (1, 3, 2)


def beside(path, location, **more):
    model = graph([node("MatMul", "x w")], [array("w", (4, 2))])
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = 1
    for key, value in {"location": location, **more}.items():
        tensor.external_data.add(key=key, value=str(value))
    return written(model, path)


def test_arrays_beside_the_file_are_read_from_below_its_folder_only(tmp_path):
    home = tmp_path / "home"
    (home / "below").mkdir(parents=True)
    data = np.arange(8, dtype="<f4").tobytes()
    for place in (home / "below" / "w.bin", tmp_path / "secret.bin"):
        place.write_bytes(b"1234" + data)
    found = kb.from_onnx(beside(home / "net.onnx", "below/w.bin", offset=4, length=32))
    assert found.weights.params["0.weight"].ravel().tolist() == list(range(8))
    (home / "link").symlink_to(tmp_path / "secret.bin")
    os.mkfifo(home / "pipe")
    outside = ("../secret.bin", str(tmp_path / "secret.bin"), "link", "below/../../secret.bin", "", ".")
    for location in outside:
        with pytest.raises(DataError, match="leads out of the model's folder"):
            kb.from_onnx(beside(home / "net.onnx", location, offset=4))
    wrong = [("pipe", {}), ("below/w.bin", {"offset": 8}), ("below/w.bin", {"offset": -1}), ("no.bin", {})]
    wrong += [("below/w.bin", {"offset": "x"}), ("below/w.bin", {"length": 2**62})]
    for location, more in wrong:
        with pytest.raises(KoubaiError):
            kb.from_onnx(beside(home / "net.onnx", location, **more))


def test_sizes_are_believed_only_where_the_bytes_are_there(tmp_path):
    for dims in ([2**40, 2**40], [-1, 8], [4, 3], [2**31, 4]):
        model = graph([node("MatMul", "x w")], [array("w", (4, 2))])
        model.graph.initializer[0].dims[:] = dims
        with pytest.raises(KoubaiError, match=r"shape|size"):
            kb.from_onnx(written(model, tmp_path / "net.onnx"))


def test_ways_that_double_at_every_fork_end_at_once(tmp_path):
    nodes, last = [], "x"
    for i in range(60):  # 2 ** 60 ways, if all were gone
        nodes += [node("Relu", last, f"r{i}"), node("Add", f"r{i} {last}", f"a{i}")]
        nodes += [node("Add", f"r{i} {last}", f"b{i}"), node("Add", f"a{i} b{i}", f"c{i}")]
        last = f"c{i}"
    with pytest.raises(ConfigError, match="is not part of a chain"):
        kb.from_onnx(written(graph(nodes, outputs=(last,)), tmp_path / "net.onnx"))


def test_constants_that_double_at_every_node_end_at_once(tmp_path):
    nodes = [node("Relu", "c", "n0")]  # of no constant that is computed here
    nodes += [node("Concat", f"n{i} n{i}", f"n{i + 1}", axis=0) for i in range(60)]
    model = graph([*nodes, node("Reshape", "x n60")], [array("c", (2,))])
    with pytest.raises(ConfigError, match="Reshape with shape"):
        kb.from_onnx(written(model, tmp_path / "net.onnx"))


def test_an_array_of_very_many_axes_is_refused_by_their_number(tmp_path):
    model = graph([node("MatMul", "x w")], [array("w", (4, 2))])
    tensor = model.graph.initializer[0]
    tensor.dims[:] = [2**62] * 400_000  # whose product takes a quarter of an hour
    with pytest.raises(DataError, match="not the shape of an array") as caught:
        kb.from_onnx(written(model, tmp_path / "net.onnx"))
    assert len(str(caught.value)) < 1000
    tensor.data_location = 1
    with pytest.raises(KoubaiError):
        kb.from_onnx(written(model, tmp_path / "net.onnx"))


@pytest.mark.parametrize(("times", "found"), [(1, True), (100, False)])
def test_arrays_that_are_moved_take_no_more_room_than_they_have(times, found, tmp_path):
    w = np.random.default_rng(0).normal(size=(250, 1000)).astype("f")  # a megabyte
    nodes, last, expected = [], "w", w
    for i in range(times):
        nodes += [node("Transpose", last, f"t{i}"), node("Reshape", f"t{i} s", f"r{i}")]
        last, expected = f"r{i}", expected.T.reshape(250, 1000)
    constants = [
        onnx.numpy_helper.from_array(w, "w"),
        onnx.numpy_helper.from_array(np.array([250, 1000]), "s"),
    ]
    path = written(graph([*nodes, node("MatMul", f"x {last}")], constants, ("n", 250)), tmp_path / "net.onnx")
    tracemalloc.start()
    try:
        if found:
            assert np.array_equal(kb.from_onnx(path).weights.params["0.weight"], expected)
        else:
            with pytest.raises(ConfigError, match="MatMul with r99"):
                kb.from_onnx(path)
        assert tracemalloc.get_traced_memory()[1] < 10 * w.nbytes
    finally:
        tracemalloc.stop()


SEED = io.BytesIO(
    onnx_model(
        (
            small := Network(
                kb.Sequential(kb.Conv2d(2, 2), kb.BatchNorm(), kb.Flatten(), kb.Linear(2)), (1, 3, 3)
            )
        ),
        small.initialize(0),
    ).SerializeToString()
).getvalue()


@given(mutated(SEED))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_bytes_are_an_error_or_a_network(tmp_path, data):
    path = tmp_path / "net.onnx"
    path.write_bytes(data)
    try:
        found = kb.from_onnx(path)
    except KoubaiError:
        return
    assert isinstance(found.network, Network)


def test_without_onnx_it_says_what_to_install(monkeypatch, tmp_path):
    path = written(graph([node("Relu", "x")]), tmp_path / "net.onnx")
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(EngineError, match="needs the package onnx"):
        kb.from_onnx(path)
    with pytest.raises(EngineError):
        kb.from_onnx(tmp_path / "nowhere.onnx")


def test_the_command_writes_what_the_file_holds(tmp_path, capfd):
    run = kb.fit(kb.Mlp((8,)), kb.data.digits(), steps=5, progress=False, engine="reference")
    path = run.export_onnx(tmp_path / "digits.onnx")
    assert main(["import", str(path), "-o", str(tmp_path / "again.safetensors")]) == 0
    x = kb.data.digits().read(None).x_test[:3]
    np.testing.assert_allclose(kb.load(tmp_path / "again").predict(x), run.predict(x), rtol=1e-6)
    assert "again.safetensors" in capfd.readouterr().out.replace("\n", "")
    assert main(["import", str(tmp_path / "x.npz")]) == 2
    assert "--as" in capfd.readouterr().err
