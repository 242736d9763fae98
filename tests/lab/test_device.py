"""Where the runs of an experiment are computed: settled once, part of their keys, written down."""

from dataclasses import replace

import numpy as np
import pytest

from koubai.cli.main import main
from koubai.core.errors import EngineError, UnknownName
from koubai.engines import choose
from koubai.lab import start
from koubai.lab.order import Order
from koubai.lab.perform import device as lab_device
from koubai.lab.perform.device import settled_device
from koubai.lab.perform.outcome import Context
from koubai.lab.perform.store import Store
from koubai.lab.perform.training import run_recipe
from koubai.lab.perform.work import tasks_of
from koubai.train.files import write_json

KEYS = ["d839b1447c6ea174", "d2168b72db4331de", "31734426d615601a"]


@pytest.fixture(autouse=True)
def no_device_in_the_environment(monkeypatch):
    monkeypatch.delenv("KOUBAI_DEVICE", raising=False)


@pytest.fixture
def gpu(monkeypatch):
    """A CUDA GPU, as far as one is asked for: nothing is computed on it."""
    pytest.importorskip("torch")
    for module in (choose, lab_device):
        monkeypatch.setattr(module, "gpu_here", lambda: True)
    monkeypatch.setattr("koubai.engines.torch.device.devices_here", lambda: ["cpu", "cuda:0", "cuda:1"])
    monkeypatch.setattr("torch.cuda.current_device", lambda: 0)
    choose._warn_once.cache_clear()


def test_a_run_on_a_gpu_is_none_of_the_cpus(trainings):
    here = [task.key for task in tasks_of(trainings)]
    assert here == [task.key for task in tasks_of(trainings, device="cpu")]
    gpus = {name: {task.key for task in tasks_of(trainings, device=name)} for name in ("cuda", "mps")}
    assert not (set(here) & gpus["cuda"]) | (set(here) & gpus["mps"]) | (gpus["cuda"] & gpus["mps"])
    assert {task.key for task in tasks_of(trainings, device="cuda:1")} == gpus["cuda"]


def test_keys_of_the_cpu_are_those_of_before_there_was_another_device(descents):
    """Read off a koubai whose lab knew no devices."""
    assert [task.key for task in tasks_of(descents)][:3] == KEYS


def test_auto_is_the_cpu_but_for_torch_or_a_large_network_where_there_is_a_gpu(trainings, gpu):
    assert settled_device(trainings) == "cpu"
    assert settled_device(trainings, engine="torch") == "cuda"
    assert settled_device(trainings, engine="torch", elsewhere=True) == "cpu"
    assert settled_device(trainings, engine="native") == "cpu"
    large = replace(trainings, base=trainings.base.edit(batch_size=10**9))
    assert settled_device(large, engine="reference") == "cpu"
    with pytest.warns(UserWarning, match="there is a GPU"):
        assert settled_device(large) == "cuda"
    assert settled_device(replace(trainings, base=large.base.edit(dtype="float64"))) == "cpu"


def test_one_large_arm_takes_all_to_the_gpu(trainings, gpu):
    arm = replace(trainings.arms[1], edits={"batch_size": 10**9})
    with pytest.warns(UserWarning, match="there is a GPU"):
        assert settled_device(replace(trainings, arms=(trainings.arms[0], arm))) == "cuda"


def test_what_is_asked_for_is_taken_or_refused_at_the_door(trainings, gpu, monkeypatch):
    assert settled_device(trainings, device="cuda:1") == "cuda:1"
    assert settled_device(trainings, device="cuda:7", elsewhere=True) == "cuda:7"  # a worker may have it
    assert settled_device(trainings, device="gpu", elsewhere=True) in ("cuda", "mps")
    with pytest.raises(EngineError, match="no such device"):
        start.run(trainings, device="cuda:7")
    with pytest.raises(EngineError, match="computes on the CPU"):
        start.run(trainings, engine="native", device="cuda")
    with pytest.raises(UnknownName, match="did you mean 'cuda'"):
        start.run(trainings, device="cude")
    monkeypatch.setenv("KOUBAI_DEVICE", "cuda:1")
    assert settled_device(trainings) == "cuda:1"
    assert settled_device(trainings, device="cpu") == "cpu"
    assert settled_device(trainings, engine="native") == "cpu"  # asked for by nobody here


def test_the_device_reaches_the_engine_and_is_kept_with_the_run(trainings, tmp_path):
    pytest.importorskip("torch")
    arm = replace(trainings, arms=trainings.arms[:1], baseline=None, claims=(), seeds=(0,))
    result = start.run(arm, out=tmp_path, engine="torch", device="cpu", threads=1)
    assert result.runs[0].device == "cpu"
    assert result.environment["device"] == "cpu"
    (kept,) = (Store(tmp_path).load(task.key, task.arm, 0) for task in tasks_of(arm, engine="torch"))
    assert kept.device == "cpu"
    plan = arm.plan(arm.arms[0], 0)
    with pytest.raises(EngineError, match="no such device"):
        run_recipe(plan, Context(arm.observations, "torch", device="cuda:99"))


def test_an_order_keeps_the_device_that_was_settled(tmp_path, capsys):
    assert main(["run", "parabola", "--out", str(tmp_path / "runs")]) == 0
    assert Order.read(tmp_path / "runs").device == "cpu"
    old = tmp_path / "old"
    old.mkdir()
    write_json(old / "order.json", {"target": "parabola", "engine": "auto"})
    assert Order.read(old).device == "cpu"
    assert main(["run", "parabola", "--device", "cuda:99", "--out", str(tmp_path / "other")]) == 2
    assert "no such device" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()
    assert np.isfinite(Order.read(tmp_path / "runs").result(tmp_path / "runs").runs[0].scores["distance"])
