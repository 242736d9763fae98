"""The store: what is kept comes back, whole or not at all, whatever happens."""

import os
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from koubai.core.errors import RunError
from koubai.lab import start
from koubai.lab.conclude.export import to_json
from koubai.lab.perform import keeper
from koubai.lab.perform.bundle import perform_all
from koubai.lab.perform.outcome import Context
from koubai.lab.perform.run_result import Exhibit
from koubai.lab.perform.store import Store
from koubai.lab.perform.work import tasks_of
from koubai.probes.held import Held
from koubai.report.experiment import experiment_page
from koubai.report.html import render


@pytest.fixture
def run(trainings):
    return perform_all(tasks_of(trainings)[:1])[0]


def assert_same(ours, theirs):
    assert ours.history == theirs.history
    assert dict(ours.scores) == pytest.approx(dict(theirs.scores), abs=0, nan_ok=True)
    for mine, other in zip(ours.exhibits, theirs.exhibits, strict=True):
        assert (mine.kind, mine.path, mine.note, mine.columns, mine.rows) == (
            other.kind,
            other.path,
            other.note,
            other.columns,
            other.rows,
        )
        assert all(np.array_equal(mine.arrays[name], other.arrays[name]) for name in other.arrays)
    plain = {"history": None, "scores": None, "exhibits": ()}
    assert replace(ours, **plain).__dict__ == replace(theirs, **plain).__dict__


def test_a_run_comes_back_as_it_was(run, tmp_path):
    assert {exhibit.kind for exhibit in run.exhibits} == {"histogram", "weights"}
    odd = replace(run, scores={**run.scores, "nan": float("nan"), "inf": float("-inf")})
    table = Exhibit("table", "t", {"values": np.eye(2)}, note="n", columns=("a", "b"), rows=("c", "d"))
    odd = replace(odd, exhibits=(*odd.exhibits, table))
    store = Store(tmp_path)
    store.save(odd)
    assert_same(store.load(odd.key, odd.arm, odd.seed), odd)
    assert store.load("another", "a", 0) is None


def test_a_run_is_found_under_the_name_it_has_now(run, tmp_path):
    store = Store(tmp_path)
    store.save(run)
    found = store.load(run.key, "renamed", 5)
    assert (found.arm, found.seed) == ("renamed", 5)


def test_saving_twice_keeps_the_first(run, tmp_path):
    store = Store(tmp_path)
    store.save(run)
    store.save(replace(run, seconds=-1.0))
    assert store.load(run.key, run.arm, run.seed).seconds == run.seconds
    assert [path.name for path in store.runs.iterdir()] == [run.key]


@pytest.mark.parametrize("damage", ["{", "{}", '{"format": 99}', ""])
def test_a_damaged_run_is_one_clear_error(run, tmp_path, damage):
    store = Store(tmp_path)
    store.save(run)
    (store.runs / run.key / "result.json").write_text(damage)
    with pytest.raises(RunError, match="stored run cannot be read") as error:
        store.load(run.key, run.arm, run.seed)
    assert error.value.hint == f"delete the folder {store.runs / run.key} to run it again"


def test_a_folder_that_cannot_be_written_is_told_before_anything_runs(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(RunError, match="cannot write here") as error:
        Store(tmp_path / "file").check()
    assert "--out" in error.value.hint


def test_a_full_disk_leaves_earlier_runs_and_no_rest(run, tmp_path, monkeypatch):
    store = Store(tmp_path)
    store.save(run)

    def full(*args, **more):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match="the disk is full"):
        store.save(replace(run, key="next"))
    assert [path.name for path in store.runs.iterdir()] == [run.key]
    assert_same(store.load(run.key, run.arm, run.seed), run)


_WRITER = """
import sys
from dataclasses import replace
from pathlib import Path
from koubai.lab.perform.store import Store
store = Store(Path(sys.argv[1]))
source = next(store.runs.glob("[!.]*")).name
run = store.load(source, "a", 0)
for i in range(10**9):
    store.save(replace(run, key=f"{sys.argv[2]}-{i}", seconds=float(i)))
    print("saved", flush=True)
"""


def test_a_writer_killed_at_any_moment_leaves_whole_runs(run, tmp_path):
    store = Store(tmp_path)
    store.save(run)
    for attempt in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(tmp_path), str(attempt)],
            stdout=subprocess.PIPE,
            env=os.environ,
        )
        for _ in range(2):  # however slow the machine is
            assert process.stdout.readline() == b"saved\n"
        time.sleep(0.05 + 0.037 * attempt)
        process.kill()
        process.wait()
    kept = [path.name for path in store.runs.iterdir() if not path.name.startswith(".")]
    assert len(kept) > 8
    for name in kept:
        found = store.load(name, run.arm, run.seed)
        assert found.history == run.history
    store.sweep()
    assert sorted(path.name for path in store.runs.iterdir()) == sorted(kept)


def test_equal_plans_have_equal_keys_and_what_decides_changes_them(trainings, descents):
    keys = [task.key for task in tasks_of(trainings)]
    assert len(set(keys)) == len(keys)
    assert keys == [task.key for task in tasks_of(trainings)]
    assert not set(keys) & {task.key for task in tasks_of(trainings, engine="reference")}
    more_seeds = tasks_of(replace(trainings, seeds=(0, 1, 2)))
    assert [task.key for task in more_seeds][: len(keys)] == keys
    assert [task.exhibits for task in more_seeds] == [True, True, False, False, False, False]
    other_observations = replace(trainings, observations=replace(trainings.observations, histograms=False))
    changed = [task.key for task in tasks_of(other_observations)]
    assert changed[2:] == keys[2:]  # only the first seed shows histograms
    assert not set(changed[:2]) & set(keys)
    assert len({task.key for task in tasks_of(descents)}) == 6


def test_a_plan_is_performed_without_a_store_or_listener(descents):
    outcome = descents.plan(descents["0.2"], 0).perform(Context())
    assert outcome.scores["distance"] == pytest.approx(0.6**5)


def flip(file):
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


@pytest.mark.parametrize(
    "name", ["result.json", "history.safetensors", "exhibits.safetensors", "manifest.json"]
)
@pytest.mark.parametrize("damage", ["flip", "delete", "cut", "link", "pipe"])
def test_every_file_of_a_stored_run_is_checked(run, tmp_path, name, damage):
    store = Store(tmp_path)
    store.save(run)
    file = store.runs / run.key / name
    copy = tmp_path / "copy"
    copy.write_bytes(file.read_bytes())
    if damage == "flip":
        flip(file)
    elif damage == "cut":
        os.truncate(file, file.stat().st_size // 2)
    else:
        file.unlink()
    if damage == "link":
        file.symlink_to(copy)
    elif damage == "pipe":
        os.mkfifo(file)
    with pytest.raises(RunError, match="stored run cannot be read") as error:
        store.load(run.key, run.arm, run.seed)
    assert name in error.value.where or name in error.value.message
    (found,) = store.verify()
    assert [one.name for one in found.files if one.state in ("damaged", "missing")] == [name]
    assert not found.sound


def test_a_run_under_the_key_of_another_is_told(run, tmp_path):
    store = Store(tmp_path)
    store.save(run)
    (store.runs / run.key).rename(store.runs / "another")
    with pytest.raises(RunError, match=f"it is the run {run.key}"):
        store.load("another", run.arm, run.seed)


def test_a_store_that_is_a_link_is_refused(run, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "store").mkdir()
    (tmp_path / "store/runs").symlink_to(tmp_path / "elsewhere")
    for act in (lambda store: store.save(run), Store.check, Store.sweep):
        with pytest.raises(RunError, match="links in a run's folder are not followed"):
            act(Store(tmp_path / "store"))
    assert not list((tmp_path / "elsewhere").iterdir())


def test_rests_are_swept_when_nobody_else_writes(run, tmp_path):
    store = Store(tmp_path)
    store.save(run)
    rest = store.runs / f".{run.key}.0123abcd"
    with store.held():
        rest.mkdir()
        (rest / "result.json").write_text("half")
        with store.held():  # as another process would: somebody writes here, so nothing is swept
            assert rest.exists()
    with store.held():
        assert not rest.exists()
    assert store.load(run.key, run.arm, run.seed) is not None


def test_a_run_that_lost_all_its_files_is_kept_again(run, tmp_path):
    store = Store(tmp_path)
    (store.runs / run.key).mkdir(parents=True)
    assert store.load(run.key, run.arm, run.seed) is None
    store.save(run)
    assert_same(store.load(run.key, run.arm, run.seed), run)


def test_an_experiment_that_does_not_fit_in_memory_says_the_same(trainings, tmp_path, monkeypatch):
    """The result and the page to the last letter: of runs just made, and of runs that were kept."""
    whole = start.run(trainings, out=tmp_path, threads=1)
    said = to_json(whole), render(experiment_page(whole))
    monkeypatch.setattr(keeper, "_ROOM", 0)
    for out in (tmp_path, tmp_path / "new"):
        found = start.run(trainings, out=out, threads=1)
        for run, there in zip(found.runs, whole.runs, strict=True):
            assert isinstance(run.history._tables, Held)
            assert run.history == there.history
            for exhibit, other in zip(run.exhibits, there.exhibits, strict=True):
                assert not isinstance(exhibit.arrays, dict)
                np.testing.assert_equal(dict(exhibit.arrays), dict(other.arrays))
        if out == tmp_path:
            alike = replace(found, seconds=whole.seconds)
            assert (to_json(alike), render(experiment_page(alike))) == said


def test_a_run_that_is_damaged_after_it_was_let_go_is_named(run, tmp_path):
    store = Store(tmp_path)
    store.save(run)
    store.let_go(run)
    file = tmp_path / "runs" / run.key / "history.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    with pytest.raises(RunError, match=run.key):
        list(run.history)
