"""A run's folder: what is in it, what a crash at any write leaves, what tampering leads to."""

import json
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest

import koubai as kb
from koubai.core.errors import ConfigError, DataError, RunError
from koubai.engines.choose import why_not_native
from koubai.train import Recipe, RunFolder, Session, resume, train
from koubai.train.folder_writer import RunWriter
from support.marks import long
from support.runs import Stopper, assert_same


class Crash(BaseException):
    """What kill -9 is to a process, for one call."""


@pytest.fixture
def whole(recipe, watch):
    return train(recipe, engine="reference", observation=watch)


def test_a_finished_folder_holds_the_run(recipe, watch, whole, tmp_path):
    run = train(recipe, engine="reference", observation=watch, folder=tmp_path / "run", save_every=20)
    assert_same(run, whole)
    folder = RunFolder(tmp_path / "run")
    assert folder.finished
    assert folder.recipe == recipe
    assert folder.history() == whole.history
    assert folder.result["scores"] == whole.scores
    assert folder.settings["observation"] == watch
    (environment,) = folder.environments
    assert environment["engine"] == "reference"
    assert environment["data"] == {"name": "digits", "sha256": whole.session.dataset.sha256}
    assert environment["versions"]["numpy"] == np.__version__
    assert environment["kernels"] == ""
    assert [kb_file.name for kb_file in folder.files("checkpoints", "step")] == [
        "step-00000040.safetensors",
        "step-00000060.safetensors",
    ]


@pytest.mark.parametrize("name", ["half\ud800", "null\0"])
def test_a_name_that_no_file_can_have_is_refused_before_training(name):
    with pytest.raises(RunError, match="not a valid file name"):
        kb.fit(kb.Sequential(kb.Linear(2)), (np.zeros((9, 2)), np.arange(9) % 2), steps=1, folder=name)


def test_reading_a_finished_run_writes_nothing(recipe, watch, whole, tmp_path):
    train(recipe, engine="reference", observation=watch, folder=tmp_path / "run")
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "run").rglob("*")}
    assert_same(resume(tmp_path / "run"), whole)
    assert {file: file.stat().st_mtime_ns for file in (tmp_path / "run").rglob("*")} == before


@pytest.mark.parametrize("step", [1, 15, 33, 59])
def test_an_interrupted_run_goes_on_bit_for_bit(recipe, watch, whole, tmp_path, step):
    place = tmp_path / "run"
    part = train(
        recipe, engine="reference", observation=watch, folder=place, save_every=1, on_progress=Stopper(step)
    )
    assert part.stopped_by == "interrupted"
    assert part.session.step == step
    assert not RunFolder(place).finished
    assert set(part.scores) == {"train", "val", "test"}
    assert_same(resume(place), whole)
    assert [entry["from_step"] for entry in RunFolder(place).environments] == [0, step]


@pytest.mark.parametrize("engine", ["native", "torch"])
def test_other_engines_go_on_bit_for_bit_too(recipe, watch, tmp_path, engine):
    if engine == "torch":
        pytest.importorskip("torch")
    elif reason := why_not_native():
        pytest.skip(reason)
    whole = train(recipe, engine=engine, observation=watch)
    place = tmp_path / "run"
    train(recipe, engine=engine, observation=watch, folder=place, save_every=7, on_progress=Stopper(20))
    again = resume(place)
    assert again.session.program.engine == engine
    assert_same(again, whole)


def test_an_interrupted_run_goes_on_in_memory_too(recipe, watch, whole):
    part = train(recipe, engine="reference", observation=watch, on_progress=Stopper(10))
    assert part.stopped_by == "interrupted"
    from koubai.train import finish

    assert_same(finish(part.session), whole)


def crash_at(monkeypatch, moment):
    """End the process at the `moment`-th moment: right before or right after a call that changes the disk."""
    moments = 0

    def crashing(original):
        def call(*arguments, **more):
            nonlocal moments
            moments += 1
            if moments == moment:
                raise Crash
            result = original(*arguments, **more)
            moments += 1
            if moments == moment:
                raise Crash
            return result

        return call

    monkeypatch.setattr(os, "fsync", crashing(os.fsync))
    monkeypatch.setattr(os, "replace", crashing(os.replace))


@pytest.mark.long
def test_a_crash_at_any_write_leaves_a_run_that_resumes_bit_for_bit(recipe, watch, tmp_path, monkeypatch):
    recipe = recipe.edit(steps=4, early_stopping=kb.EarlyStopping(2))
    watch = replace(watch, evaluate_every=2, tap_every=3)
    whole = train(recipe, engine="reference", observation=watch)
    number, crashes = 0, 0
    while True:
        number += 1
        place = tmp_path / str(number)
        with monkeypatch.context() as patch:
            crash_at(patch, number)
            try:
                run = train(recipe, engine="reference", observation=watch, folder=place, save_every=2)
            except Crash:
                crashes += 1
            else:
                break
        if RunFolder(place).exists:
            with (place / "history.jsonl").open("ab") as file:
                file.write(b'{"path":"","quantity":"loss","steps":[9')
            run = resume(place, save_every=2)
        else:
            run = train(recipe, engine="reference", observation=watch, folder=place, save_every=2)
        assert_same(run, whole)
        assert RunFolder(place).finished
        assert not list(place.rglob(".*.part"))
        shutil.rmtree(place)
    assert crashes > 40


@pytest.mark.parametrize("patience", [1, *long(2)])
def test_early_stopping_survives_a_resume(recipe, watch, tmp_path, patience):
    recipe = recipe.edit(
        steps=200,
        early_stopping=kb.EarlyStopping(patience),
        optimizer=kb.SGD(2.0),
        schedule=kb.ConstantRate(),
    )
    watch = replace(watch, evaluate_every=5)
    whole = train(recipe, engine="reference", observation=watch)
    assert whole.stopped_by == "early stopping"
    steps, losses = whole.history.series("val_loss")
    best = int(steps[np.argmin(losses)])
    assert whole.session.state().step == best < whole.session.step
    for step in range(3, whole.session.step, 4):
        place = tmp_path / str(step)
        train(
            recipe,
            engine="reference",
            observation=watch,
            folder=place,
            save_every=1,
            on_progress=Stopper(step),
        )
        run = resume(place)
        assert_same(run, whole)
        assert_same(resume(place), whole)
        assert len(RunFolder(place).files("checkpoints", "best")) <= 2


def test_a_run_that_became_nan_ends_and_stays_ended(recipe, watch, tmp_path):
    recipe = recipe.edit(
        optimizer=kb.SGD(1e30), network=kb.Sequential(kb.Flatten(), kb.Linear(10), kb.Linear(10))
    )
    with np.errstate(all="ignore"):
        run = train(recipe, engine="reference", observation=watch, folder=tmp_path / "run")
        assert run.stopped_by == "not finite"
        assert run.session.step < 60
        again = resume(tmp_path / "run")
    assert again.history == run.history
    assert again.stopped_by == "not finite"
    assert np.isnan(again.scores["test"].loss)
    json.loads((tmp_path / "run/result.json").read_text(), parse_constant=pytest.fail)


def test_a_second_run_in_a_folder_is_refused(recipe, watch, tmp_path):
    train(recipe, engine="reference", observation=watch, folder=tmp_path / "run")
    with pytest.raises(RunError, match="there is a run here already") as error:
        train(recipe, engine="reference", folder=tmp_path / "run")
    assert "koubai resume" in error.value.hint


def test_two_writers_at_once_are_refused(recipe, watch, tmp_path):
    train(recipe, engine="reference", observation=watch, folder=tmp_path / "run", on_progress=Stopper(10))
    with RunWriter(tmp_path / "run").held(), pytest.raises(RunError, match="another process is writing"):
        resume(tmp_path / "run")


def test_a_full_disk_is_one_clear_error_and_leaves_what_was_written(
    recipe, watch, whole, tmp_path, monkeypatch
):
    place, fsync, calls = tmp_path / "run", os.fsync, 0

    def full(handle):
        nonlocal calls
        calls += 1
        if calls >= 20:
            raise OSError(28, "No space left on device")
        return fsync(handle)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(RunError, match="the disk is full") as error:
            train(recipe, engine="reference", observation=watch, folder=place, save_every=5)
    assert error.value.where.startswith(str(place))
    assert "resume" in error.value.hint
    assert_same(resume(place), whole)


def test_a_folder_that_cannot_be_made_is_named(recipe, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot write this run: a part of this path is a file") as error:
        train(recipe, engine="reference", folder=tmp_path / "file" / "run")
    assert str(tmp_path) in error.value.where


def test_equal_runs_leave_equal_weights_byte_for_byte(recipe, watch, tmp_path):
    for name in "ab":
        train(recipe, engine="reference", observation=watch, folder=tmp_path / name)
    for name in ("model.safetensors", "checkpoints/step-00000060.safetensors"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_no_run_is_no_run(tmp_path):
    with pytest.raises(RunError, match="there is no run here"):
        resume(tmp_path)


def test_arrays_in_memory_can_be_handed_over_again(tmp_path, watch):
    rng = np.random.default_rng(0)
    x, t = rng.normal(size=(60, 4)), rng.integers(0, 3, 60)
    recipe = Recipe(kb.Sequential(kb.Linear(3)), kb.data.arrays(x, t), steps=20, batch_size=5)
    whole = train(recipe, engine="reference", observation=watch)
    place = tmp_path / "run"
    train(recipe, engine="reference", observation=watch, folder=place, on_progress=Stopper(10))
    assert_same(resume(place, dataset=recipe.data.load()), whole)
    with pytest.raises(RunError, match="data are not those"):
        resume(place, dataset=kb.data.arrays(x + 1, t).load())


def test_early_stopping_without_anything_to_judge_by_is_refused(recipe):
    with pytest.raises(ConfigError, match="needs a validation part"):
        Session(recipe.edit(early_stopping=kb.EarlyStopping(), **{"data.validation": 0}), engine="reference")


def test_a_batch_larger_than_an_epoch_is_refused_before_training(recipe):
    with pytest.raises(DataError, match="batch is larger"):
        Session(recipe.edit(replacement=False, batch_size=5000), engine="reference")
