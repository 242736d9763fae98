"""A run keeps the number of threads it began with; what may then not be bit for bit, or slow, is said."""

import json
from pathlib import Path

import numpy as np
import pytest

import koubai as kb
from koubai.train import RunFolder, elsewhere, resume, train
from koubai.train.elsewhere import going_on_otherwise
from support.runs import Stopper, assert_same


@pytest.fixture
def begun(recipe, watch, tmp_path):
    """A run with two threads, interrupted at update 20, and what it would have come to."""
    how = {"engine": "reference", "threads": 2, "observation": watch}
    train(recipe, folder=tmp_path / "run", on_progress=Stopper(20), **how)
    return RunFolder(tmp_path / "run"), train(recipe, **how)


def test_auto_is_the_default_and_the_number_is_recorded(tmp_path, monkeypatch):
    """A row has 3 x 64 x 2000 products and more; 50 million of them are worth a thread in PyTorch."""
    monkeypatch.setattr("koubai.engines.threads.usable_cores", lambda: 3)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    x, t = np.zeros((400, 64), "float32"), np.arange(400) % 2
    recorded = {}
    for hidden in (20, 2000):
        folder = tmp_path / str(hidden)
        net = kb.Mlp(hidden=(hidden,), classes=2)
        run = kb.fit(net, (x, t), steps=1, batch_size=280, folder=folder, engine="torch", progress=False)
        recorded[hidden] = json.loads((folder / "run.json").read_text(encoding="utf-8"))["threads"]
        assert run.session.threads == run.session.program.job.threads == recorded[hidden]
    assert recorded == {20: 1, 2000: 2}


def test_a_resumed_run_keeps_its_number_whatever_is_here_now(begun, monkeypatch):
    monkeypatch.setattr("koubai.engines.threads.usable_cores", lambda: 1)
    run, whole = begun
    again = resume(run.path)
    assert again.session.threads == 2
    assert_same(again, whole)


def test_nothing_is_said_where_nothing_differs(begun, monkeypatch):
    monkeypatch.setattr(elsewhere, "thread_budget", lambda: 2)
    run, _ = begun
    assert (going_on_otherwise(run), going_on_otherwise(run, 2), going_on_otherwise(run, "auto")) == (
        "",
        "",
        "",
    )
    resume(run.path)
    monkeypatch.setattr(elsewhere, "thread_budget", lambda: 1)
    assert going_on_otherwise(run, 1) == ""  # it is finished: nothing goes on
    assert going_on_otherwise(RunFolder(run.path / "nowhere")) == ""


def test_fewer_cores_another_number_and_another_processor_are_said(begun, monkeypatch, capsys):
    run, _ = begun
    monkeypatch.setattr(elsewhere, "thread_budget", lambda: 1)
    monkeypatch.setattr(elsewhere, "cpu", lambda: "An 8086")
    kept = going_on_otherwise(run)
    assert "keeps the 2 threads" in kept
    assert "--threads 1" in kept
    assert "An 8086" in kept
    assert "began with 2 threads and goes on with 1:" in going_on_otherwise(run, 1)
    kb.resume(run.path, threads=1)
    assert "began with 2 threads and goes on with 1:" in capsys.readouterr().err


def test_train_again_takes_the_number_that_is_asked_for_or_the_recorded_one(tmp_path, monkeypatch, capsys):
    from koubai.cli.main import main

    monkeypatch.chdir(tmp_path)
    recipe = Path("recipe.toml")
    recipe.write_text(
        'steps = 40\ndata = "digits"\nnetwork = { type = "mlp", hidden = [4] }\n', encoding="utf-8"
    )
    train(
        kb.Recipe.from_toml(recipe),
        engine="reference",
        threads=2,
        folder="run",
        on_progress=Stopper(20),
        save_every=1,
    )
    assert main(["train", "recipe.toml", "--out", "run", "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["threads"] == 2
    train(
        kb.Recipe.from_toml(recipe),
        engine="reference",
        threads=2,
        folder="other",
        on_progress=Stopper(20),
        save_every=1,
    )
    assert main(["train", "recipe.toml", "--out", "other", "--threads", "1", "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["threads"] == 1
    assert "goes on with 1" in captured.err
