"""Where a job is computed: names at the door, who takes a GPU, what is written down."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

import koubai as kb
from koubai.core.errors import EngineError, UnknownName
from koubai.engines import choose
from koubai.engines.devices import asked_device, check_device
from koubai.layers import Flatten, Linear, Sequential
from koubai.train.folder import RunFolder
from koubai.train.recipe import Recipe
from koubai.train.session import Session
from koubai.train.train import resume, train
from support.torch_jobs import batches, job

NETWORK = Sequential(Flatten(), Linear(10))
RECIPE = Recipe(NETWORK, kb.data.digits(), batch_size=20, steps=4)


@pytest.fixture(autouse=True)
def no_device_in_the_environment(monkeypatch):
    monkeypatch.delenv("KOUBAI_DEVICE", raising=False)


def test_names():
    for name in ("auto", "cpu", "gpu", "cuda", "cuda:0", "cuda:11", "mps"):
        check_device(name)
    for name in ("cuda:", "cuda:one", "mps:1", "tpu", "", 0, None):
        with pytest.raises(UnknownName, match="device"):
            check_device(name)
    with pytest.raises(UnknownName, match="did you mean 'cuda'"):
        check_device("cude")


def test_a_wrong_name_is_told_before_anything_is_compiled():
    for engine in ("auto", "native", "torch", "reference"):
        with pytest.raises(UnknownName, match="one of auto, cpu, cuda, cuda:0, gpu, mps"):
            choose.compile_job(replace(job("mlp"), device="cuda0"), engine)


@pytest.mark.parametrize("name", ["gpu", "cuda", "cuda:99"])
def test_a_device_that_is_not_here_is_told_with_what_is(name, monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setattr(
        "koubai.engines.torch.device.devices_here", lambda: ["cpu", "mps"][: 1 + (name != "gpu")]
    )
    with pytest.raises(EngineError, match="no such device") as told:
        choose.compile_job(replace(job("mlp"), device=name))
    assert "cpu" in str(told.value)
    assert name in str(told.value)


def test_a_gpu_is_the_torch_engines():
    for engine in ("native", "reference"):
        with pytest.raises(EngineError, match="computes on the CPU"):
            choose.compile_job(replace(job("mlp"), device="cuda"), engine)
    assert choose.best_engine(replace(job("mlp"), device="cuda:3")) == "torch"


def test_mps_has_no_float64(monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setattr("koubai.engines.torch.device.devices_here", lambda: ["cpu", "mps"])
    for name in ("mps", "gpu"):
        with pytest.raises(EngineError, match="float64"):
            choose.compile_job(replace(job("mlp"), device=name))


def test_auto_takes_a_gpu_for_a_large_network_and_says_so(monkeypatch):
    monkeypatch.setattr(choose, "gpu_here", lambda: True)
    choose._warn_once.cache_clear()
    small = job("convnet", "float32")
    large = replace(small, batch_size=10**7)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert choose.best_engine(small) != "torch"
        assert choose.best_engine(replace(large, device="cpu")) != "torch"
        assert choose.best_engine(replace(large, dtype="float64")) == "reference"
    with pytest.warns(UserWarning, match="there is a GPU"):
        assert choose.best_engine(large) == "torch"
    monkeypatch.setattr(choose, "gpu_here", lambda: False)
    assert choose.best_engine(large) != "torch"


def test_the_environment_says_what_auto_means(monkeypatch):
    monkeypatch.setenv("KOUBAI_DEVICE", "cuda:1")
    assert (asked_device("auto"), asked_device("cpu")) == ("cuda:1", "cpu")
    assert choose.best_engine(job("mlp")) == "torch"
    choose.compile_job(job("mlp"), "reference").advance(batches(1))  # who asked for another engine has it
    monkeypatch.setenv("KOUBAI_DEVICE", "cud")
    with pytest.raises(UnknownName, match="KOUBAI_DEVICE"):
        asked_device("auto")


def test_the_device_is_no_part_of_a_recipe_and_is_written_down(tmp_path):
    pytest.importorskip("torch")
    run = train(RECIPE, engine="torch", device="cpu", folder=tmp_path / "run")
    place = RunFolder(tmp_path / "run")
    assert place.settings["device"] == "cpu"
    assert place.environments[0]["device"] == "cpu"
    assert "device" not in RECIPE.to_toml(full=True)
    again = resume(tmp_path / "run")
    assert again.session.program.job.device == "cpu"
    assert Session(RECIPE, engine="torch", device="cpu").fork().program.job.device == "cpu"
    np.testing.assert_array_equal(
        again.session.outputs(run.session.dataset.x_test), run.session.outputs(run.session.dataset.x_test)
    )


def test_fit_takes_a_device():
    with pytest.raises(UnknownName, match="device"):
        kb.fit(NETWORK, kb.data.digits(), steps=1, device="gpus", progress=False)
    run = kb.fit(NETWORK, kb.data.digits(), steps=1, device="cpu", progress=False)
    assert run.session.computed_on == "cpu"
