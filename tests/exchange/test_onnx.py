"""Every layer as ONNX: checked by onnx, run by ONNX Runtime, the same numbers within rounding."""

import sys
from pathlib import Path

import numpy as np
import pytest

import koubai as kb
from koubai.cli.main import main
from koubai.core.errors import EngineError
from koubai.core.layer import LAYERS, Layer
from koubai.exchange.to_onnx import onnx_model
from koubai.layers.activations import Activation
from koubai.network import Network, Weights
from support.close import assert_close
from support.samples import collect

pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")
SAMPLES = collect(Path(__file__).parents[1] / "layers")


def run(model, x):
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    session = runtime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    kind = {"tensor(float)": "float32", "tensor(double)": "float64"}[session.get_inputs()[0].type]
    return session.run(None, {"x": x.astype(kind)})[0]


@pytest.mark.parametrize("sample", SAMPLES, ids=[sample.id for sample in SAMPLES])
def test_every_layer_gives_the_same(sample):
    network, cell = sample.network(), sample.cell("float32")
    weights = Weights(
        {f"{c.path}." * bool(c.path) + n: p for c in cell.walk() for n, p in c.params.items()},
        {f"{c.path}." * bool(c.path) + n: p for c in cell.walk() for n, p in c.buffers.items()},
    )
    x = sample.x("float32")
    expected = network.bind(weights, training=False).forward(x)
    y = run(onnx_model(network, weights), x)
    assert_close(y, expected, terms=sample.terms, name=sample.id, scale=float(np.abs(expected).max()))


def test_every_registered_layer_is_among_the_samples():
    assert {type(sample.layer) for sample in SAMPLES} >= {
        cls for cls in LAYERS.values() if not issubclass(cls, kb.models.Model)
    }


@pytest.mark.parametrize("name", ["lenet", "simple_convnet", "resnet18", "dense_block"])
def test_models_give_the_same(name):
    layer = LAYERS[name]() if name in LAYERS else kb.Mlp((4,))
    network = Network(layer, (3, 32, 32) if name == "resnet18" else (1, 28, 28))
    weights = network.initialize(1)
    x = np.random.default_rng(0).normal(size=(2, *network.in_shape)).astype("f")
    expected = network.bind(weights).forward(x)
    y = run(onnx_model(network, weights), x)
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize("scale", ["raw", "unit", "bytes", "standard", "robust"])
def test_the_preparation_is_part_of_the_graph(scale, tmp_path):
    """Far from 0, in float64: a scale computed in float32 would be lost."""
    x = 1e6 + np.random.default_rng(0).normal(size=(60, 3)) * [1, 10, 100]
    source = kb.data.arrays(x, x[:, 0] - 1e6, scale=scale, target_scale="standard")
    net = kb.Sequential(kb.Linear(4), kb.Tanh(), kb.Linear(1))
    trained = kb.fit(net, source, optimizer=kb.Adam(0.01), steps=20, progress=False)
    path = trained.export_onnx(tmp_path / "net")
    assert path.name == "net.onnx"
    session = runtime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    kind = {"tensor(float)": "float32", "tensor(double)": "float64"}[session.get_inputs()[0].type]
    assert kind == ("float32" if scale == "raw" else "float64")
    y = session.run(None, {"x": x.astype(kind)})[0]
    assert y.dtype == np.float64
    np.testing.assert_allclose(y, trained.predict(x), rtol=1e-4, atol=1e-4)


def test_pictures_flawed_sources_and_names_of_classes(tmp_path):
    import onnx

    source = kb.data.flawed(kb.data.digits(scale="unit"), [kb.data.ConstantFeatures(0.1)], scale="standard")
    trained = kb.fit(kb.Mlp((8,)), source, steps=20, progress=False)
    x = kb.data.digits().read(None).x_test[:9]
    model = onnx.load(trained.export_onnx(tmp_path / "digits.onnx"))
    np.testing.assert_allclose(run(model, x.astype("f")), trained.predict(x), rtol=1e-3, atol=1e-4)
    inner = np.asarray(trained.session.dataset.x_test[:9])
    prepared = onnx.load(trained.export_onnx(tmp_path / "inner", prepared=True))
    np.testing.assert_allclose(run(prepared, inner), trained.session.outputs(inner), rtol=1e-4, atol=1e-5)
    names = {prop.key: prop.value for prop in model.metadata_props}
    assert ("classes" in names) == bool(trained.preparation.class_names)


def test_float64_and_an_empty_batch():
    network = Network(kb.Sequential(kb.Flatten(), kb.Linear(3), kb.Softmax()), (2, 2))
    weights = network.initialize(0, "float64")
    x = np.random.default_rng(0).normal(size=(5, 2, 2))
    y = run(onnx_model(network, weights, "float64"), x)
    np.testing.assert_allclose(y, network.bind(weights).forward(x), rtol=1e-12)
    assert run(onnx_model(network, weights, "float64"), x[:0]).shape == (0, 3)


def test_a_layer_without_lowering_and_an_unknown_function_say_so():
    class Doubled(Layer):
        def forward(self, cell, x):
            return 2 * x

    class Cubed(Activation):
        registry_name = "cubed"

    for layer, said in ((Doubled(), "has no lowering"), (Cubed(), "no node for 'cubed'")):
        network = Network(kb.Sequential(layer), (3,))
        with pytest.raises(EngineError, match=said) as caught:
            onnx_model(network, network.initialize(0))
        assert "0" in caught.value.where


def test_without_onnx_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "onnx", None)
    network = Network(kb.Linear(2), (3,))
    with pytest.raises(EngineError, match="needs the package onnx"):
        onnx_model(network, network.initialize(0))


def test_the_command_writes_a_finished_run_and_a_file(tmp_path, capfd):
    import onnx

    trained = kb.fit(kb.Mlp((8,)), kb.data.digits(), steps=5, folder=tmp_path / "run", progress=False)
    trained.save(tmp_path / "net")
    x = kb.data.digits().read(None).x_test[:3].astype("f")
    assert main(["export", str(tmp_path / "run"), "--to", "onnx"]) == 0
    assert "model.onnx" in capfd.readouterr().out.replace("\n", "")
    assert main(["export", str(tmp_path / "net.safetensors"), "--to", "onnx", "--json"]) == 0
    for path in (tmp_path / "run/model.onnx", tmp_path / "net.onnx"):
        np.testing.assert_allclose(run(onnx.load(path), x), trained.predict(x), rtol=1e-4, atol=1e-4)
    assert main(["verify", str(tmp_path / "run")]) == 0
