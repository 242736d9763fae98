"""Exports to Weights & Biases and MLflow, read back by the real packages; nothing leaves the machine."""

import pytest

from koubai.core.errors import KoubaiError
from koubai.probes.history import History
from koubai.report.export import export
from koubai.report.export.rows import Curves, by_step


def curves():
    history = History()
    for step, loss in ((1, 2.5), (2, 1.25), (3, 0.5)):
        history.add(step, "", "loss", loss)
    history.add(3, "0", "update_ratio", 0.125)
    return [
        Curves("ReLU + He", 0, history, {"steps": 3, "optimizer": {"type": "sgd"}}),
        Curves("tanh", 1, history),
    ]


def records(data, block=1 << 15):
    """The records of a .wandb file: LevelDB's log behind seven bytes; one that is split is put together."""
    at, whole = 7, b""
    while at + 7 <= len(data):
        if block - at % block < 7:
            at += block - at % block
        size, kind = int.from_bytes(data[at + 4 : at + 6], "little"), data[at + 6]
        whole += data[at + 7 : at + 7 + size]
        at += 7 + size
        if kind in (1, 4):  # all of it, or its last part
            yield whole
            whole = b""


def test_numbers_of_one_step_stand_together():
    assert by_step(curves()[0].history) == [
        (1, {"loss": 2.5}),
        (2, {"loss": 1.25}),
        (3, {"loss": 0.5, "update_ratio/0": 0.125}),
    ]


@pytest.mark.parametrize(("to", "package"), [("wandb", "wandb"), ("mlflow", "mlflow.tracking")])
def test_a_package_that_is_missing_is_named(to, package, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, package, None)
    with pytest.raises(KoubaiError, match=f"needs {to}") as caught:
        export(curves(), tmp_path / to, to)
    assert "pip install" in caught.value.hint


@pytest.mark.slow
def test_weights_and_biases_reads_back_what_was_written(tmp_path, monkeypatch):
    wandb = pytest.importorskip("wandb", reason="pip install wandb")
    from wandb.proto.wandb_internal_pb2 import Record

    monkeypatch.setenv("WANDB_MODE", "offline")
    export(curves(), tmp_path / "out", "wandb")
    wandb.teardown()  # its service writes what is left, as it does when the process ends
    files = sorted((tmp_path / "out").rglob("*.wandb"))
    assert len(files) == 2
    logged, names = [], set()
    for file in files:
        for data in records(file.read_bytes()):
            record = Record.FromString(data)
            if record.WhichOneof("record_type") == "history":
                logged.append({(i.key or "/".join(i.nested_key)): i.value_json for i in record.history.item})
            if record.WhichOneof("record_type") == "run":
                names.add(record.run.display_name)
    assert names == {"ReLU_+_He/seed-0", "tanh/seed-1"}
    assert [float(row["loss"]) for row in logged] == [2.5, 1.25, 0.5] * 2
    assert {float(row["update_ratio/0"]) for row in logged if "update_ratio/0" in row} == {0.125}


@pytest.mark.slow
def test_mlflow_reads_back_what_was_written(tmp_path):
    tracking = pytest.importorskip("mlflow.tracking", reason="pip install mlflow-skinny")
    export(curves(), tmp_path / "out", "mlflow")
    client = tracking.MlflowClient(tracking_uri=(tmp_path / "out").as_uri())
    experiment = client.get_experiment_by_name("koubai")
    runs = client.search_runs([experiment.experiment_id])
    assert {run.info.run_name for run in runs} == {"ReLU_+_He/seed-0", "tanh/seed-1"}
    (he,) = (run for run in runs if run.data.params["arm"] == "ReLU + He")
    assert he.data.params["steps"] == "3"
    history = client.get_metric_history(he.info.run_id, "loss")
    assert [(m.step, m.value) for m in history] == [(1, 2.5), (2, 1.25), (3, 0.5)]
    assert he.data.metrics["update_ratio/0"] == 0.125
