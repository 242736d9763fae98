"""Weights from elsewhere: what they compute, how they are matched, and what hostile files lead to."""

import pickle
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import koubai as kb
from koubai.cli.main import main
from koubai.core.errors import ConfigError, KoubaiError, RunError
from koubai.layers import BatchNorm, Conv2d, Flatten, Linear, ReLU, Sequential
from koubai.models import SimpleConvNet
from koubai.train.import_weights import Source, import_weights, read_mapping

SHAPE = (1, 28, 28)


def simple():
    """The course's simple convnet as somebody else writes it."""
    torch.manual_seed(1)
    nn = torch.nn
    return nn.Sequential(
        *(nn.Conv2d(1, 30, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(4320, 100), nn.ReLU(), nn.Linear(100, 10)),
    )


def assert_same(trained, model, shape=SHAPE):
    x = np.random.default_rng(0).random((3, *shape), np.float32)
    with torch.no_grad():
        expected = model.eval()(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(trained.predict(x, prepared=True), expected, rtol=1e-4, atol=1e-5)


@pytest.fixture(params=[".pt", ".safetensors", ".npz"])
def file(request, tmp_path):
    model, path = simple(), tmp_path / f"theirs{request.param}"
    if request.param == ".pt":
        torch.save(model.state_dict(), path)
    elif request.param == ".safetensors":
        save_file(model.state_dict(), path)
    else:
        np.savez(path, **{name: value.numpy() for name, value in model.state_dict().items()})
    return path


def test_a_network_computes_what_it_computed_elsewhere(file):
    imported = kb.import_weights(file, SimpleConvNet(), SHAPE)
    assert_same(imported.trained, simple())
    assert imported.mapping["4.weight"] == Source("4.weight", transpose=True)
    assert imported.unused == imported.ambiguous == ()


def test_the_command_writes_what_load_reads(file, tmp_path, capsys):
    out = tmp_path / "ours.safetensors"
    assert main(["import", str(file), "--as", "simple_convnet", "-o", str(out), "--json"]) == 0
    assert_same(kb.load(out), simple())
    again = tmp_path / "again.safetensors"
    mapping = out.with_suffix(".mapping.toml")
    command = ["import", str(file), "--as", "simple_convnet", "--mapping", str(mapping), "-o", str(again)]
    assert main(command) == 0
    assert again.read_bytes() == out.read_bytes()
    assert "0.weight" in capsys.readouterr().out


def test_batch_norm_is_matched_by_meaning_and_integers_are_left(tmp_path):
    torch.manual_seed(2)
    nn = torch.nn
    model = nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(16, 16))
    model(torch.randn(8, 2, 4, 4) + 1)
    torch.save({"epoch": 3, "state_dict": model.state_dict()}, tmp_path / "a.pth")
    ours = Sequential(Conv2d(4, 3), BatchNorm(epsilon=1e-5), ReLU(), Flatten(), Linear(16))
    imported = import_weights(tmp_path / "a.pth", ours, (2, 4, 4))
    assert imported.mapping["1.running_variance"].name == "1.running_var"
    assert imported.mapping["1.gamma"].name == "1.weight"
    assert imported.mapping["4.weight"].transpose, "square, and PyTorch keeps outputs as rows"
    assert imported.unused == ("1.num_batches_tracked",)
    assert_same(imported.trained, model, (2, 4, 4))


def test_equal_shapes_go_by_number_and_are_named(tmp_path):
    random = np.random.default_rng(0)
    arrays = {f"layer{i}.kernel": random.normal(size=(4, 4)) for i in (10, 2, 1)}
    np.savez(tmp_path / "a.npz", **arrays)
    ours = Sequential(*(Linear(4, bias=False) for _ in range(3)))
    imported = import_weights(tmp_path / "a.npz", ours, (4,))
    assert [source.name for source in imported.mapping.values()] == [f"layer{i}.kernel" for i in (1, 2, 10)]
    assert imported.ambiguous == ("0.weight", "1.weight")
    x = random.normal(size=(2, 4))
    expected = x @ arrays["layer1.kernel"] @ arrays["layer2.kernel"] @ arrays["layer10.kernel"]
    np.testing.assert_allclose(imported.trained.predict(x, prepared=True), expected, rtol=1e-4, atol=1e-5)


def test_saved_and_loaded_is_the_same(file, tmp_path):
    trained = kb.import_weights(file, SimpleConvNet(), SHAPE).trained
    loaded = kb.load(kb.save(tmp_path / "kept", trained))
    assert loaded.recipe == trained.recipe
    for path, array in trained.weights.params.items():
        assert np.array_equal(loaded.weights.params[path], array)
    back = kb.import_weights(tmp_path / "kept.safetensors", SimpleConvNet(), SHAPE)
    assert back.ambiguous == ()
    assert not any(source.transpose for source in back.mapping.values()), "a file of our own"


def test_a_run_is_saved_as_its_method_does(recipe, tmp_path):
    run = kb.fit(recipe, engine="reference", progress=False)
    assert kb.save(tmp_path / "a", run).read_bytes() == run.save(tmp_path / "b").read_bytes()


# ------------------------------------------------------------------------------------- what cannot be


class Hostile:
    """Would write a file if it were ever unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_a_pickle_that_runs_code_is_refused_and_nothing_runs(tmp_path):
    torch.save({"0.weight": Hostile(tmp_path / "ran")}, tmp_path / "a.pt")
    (tmp_path / "b.pt").write_bytes(pickle.dumps({"0.weight": Hostile(tmp_path / "ran")}))
    (tmp_path / "ran").unlink(missing_ok=True)
    for name in ("a.pt", "b.pt"):
        with pytest.raises(RunError, match="holds more than weights, or is damaged"):
            import_weights(tmp_path / name, SimpleConvNet(), SHAPE)
    assert not (tmp_path / "ran").exists()


def test_objects_in_npz_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", w=np.array([{"a": 1}], dtype=object))
    with pytest.raises(KoubaiError, match="not an array of numbers"):
        import_weights(tmp_path / "a.npz", SimpleConvNet(), SHAPE)
    with zipfile.ZipFile(tmp_path / "b.npz", "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("w.npy", b"\0" * 10**8)
    with pytest.raises(KoubaiError, match=r"b\.npz"):
        import_weights(tmp_path / "b.npz", SimpleConvNet(), SHAPE)


@pytest.mark.parametrize("suffix", [".pt", ".npz", ".safetensors"])
@pytest.mark.parametrize("content", [b"", b"\x80\x04", b"PK\x03\x04 no", bytes(range(256)) * 4])
def test_what_is_no_such_file_is_one_clear_error(tmp_path, suffix, content):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    with pytest.raises(KoubaiError) as error:
        import_weights(path, SimpleConvNet(), SHAPE)
    assert str(path) in str(error.value)


def test_other_things_that_cannot_be(tmp_path):
    def load(path, network=None):
        return import_weights(path, network or SimpleConvNet(), SHAPE)

    with pytest.raises(KoubaiError, match=r"nowhere\.npz"):
        load(tmp_path / "nowhere.npz")
    with pytest.raises(RunError, match="not a file of weights"):
        load(tmp_path / "weights.h5")
    torch.save([torch.zeros(3)], tmp_path / "list.pt")
    with pytest.raises(RunError, match="no state_dict"):
        load(tmp_path / "list.pt")
    np.savez(tmp_path / "few.npz", w=np.zeros((30, 1, 5, 5)))
    with pytest.raises(RunError, match=r"fits parameter 0\.bias"):
        load(tmp_path / "few.npz")
    np.savez(tmp_path / "nan.npz", w=np.full((2, 1), np.nan), b=np.zeros(1))
    with pytest.raises(ConfigError, match="not finite"):
        import_weights(tmp_path / "nan.npz", Linear(1), (2,))


def test_every_mistake_of_a_mapping_is_told(tmp_path):
    np.savez(tmp_path / "a.npz", kernel=np.zeros((2, 3)), shift=np.zeros(3))
    (tmp_path / "map.toml").write_text('[tensors]\nweight = "kernal"\nbios = "shift"\n')
    with pytest.raises(ConfigError) as error:
        import_weights(tmp_path / "a.npz", Linear(3), (2,), tmp_path / "map.toml")
    text = str(error.value)
    assert "3 problems" in text
    assert "did you mean 'kernel'" in text
    assert "did you mean 'bias'" in text
    for wrong in ("[tensors]\nweight = 3\n", "[tensors]\nweight = { to = 'a' }\n", "a = 1\n", "[[["):
        (tmp_path / "map.toml").write_text(wrong)
        with pytest.raises(ConfigError):
            read_mapping(tmp_path / "map.toml")
