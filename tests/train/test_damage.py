"""Folders that are not as they were written: one clear error; the rest comes back; links lead nowhere."""

import json
import os
import shutil

import pytest

from koubai.core.errors import RunError
from koubai.train import RunFolder, resume, train
from koubai.train.manifest import FileEntry, Manifest
from koubai.train.model_file import load
from koubai.train.verify import verify
from support.runs import Stopper, assert_same


@pytest.fixture
def whole(recipe, watch):
    return train(recipe, engine="reference", observation=watch)


def broken_json(place):
    (place / "run.json").write_text("{")


def other_format(place):
    (place / "run.json").write_text('{"format": 99}')


def list_for_settings(place):
    (place / "run.json").write_text("[1]")


def strange_watch(place):
    text = (place / "run.json").read_text()
    (place / "run.json").write_text(text.replace('"tap_every"', '"tap_evry"'))


def other_recipe(place):
    text = (place / "recipe.toml").read_text()
    (place / "recipe.toml").write_text(text.replace("seed = 4", "seed = 5"))


def broken_recipe(place):
    (place / "recipe.toml").write_text("seed = \n")


def no_environment(place):
    (place / "environment.json").write_text("[]")


def other_data(place):
    text = (place / "environment.json").read_text()
    (place / "environment.json").write_text(text.replace('"sha256": "', '"sha256": "0'))


def no_history(place):
    (place / "history.jsonl").unlink()


def short_history(place):
    os.truncate(place / "history.jsonl", 30)


def all_checkpoints_torn(place):
    for file in (place / "checkpoints").iterdir():
        os.truncate(file, file.stat().st_size // 2)


def checkpoint_of_zeros(place):
    for file in (place / "checkpoints").iterdir():
        file.write_bytes(bytes(1000))


def pickle_for_checkpoint(place):
    for file in (place / "checkpoints").iterdir():
        file.write_bytes(b"\x80\x04cos\nsystem\n(S'touch hacked'\ntR.")


def no_manifest(place):
    (place / "manifest.json").unlink()


def broken_manifest(place):
    text = (place / "manifest.json").read_text()
    (place / "manifest.json").write_text(text.replace("recipe.toml", "recipe.tomm"))


def flipped_bit(place):
    file = RunFolder(place).files("checkpoints", "step")[-1]
    data = bytearray(file.read_bytes())
    data[-3] ^= 1
    file.write_bytes(data)


def no_vectors(place):
    RunFolder(place).files("vectors", "step")[0].unlink()


def doubled_line(place):
    lines = (place / "history.jsonl").read_bytes().splitlines(keepends=True)
    (place / "history.jsonl").write_bytes(b"".join([lines[0], *lines]))


def swapped(place):
    one, other = RunFolder(place).files("checkpoints", "step")
    saved = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(saved)


def pipe_for_checkpoint(place):
    file = RunFolder(place).files("checkpoints", "step")[-1]
    file.unlink()
    os.mkfifo(file)


def pipe_for_history(place):
    (place / "history.jsonl").unlink()
    os.mkfifo(place / "history.jsonl")


def pipe_for_manifest(place):
    (place / "manifest.json").unlink()
    os.mkfifo(place / "manifest.json")


def folder_for_history(place):
    (place / "history.jsonl").unlink()
    (place / "history.jsonl").mkdir()


def list_for_run(place):
    (place / "environment.json").replace(place / "run.json")


def folder_for_recipe(place):
    (place / "recipe.toml").unlink()
    (place / "recipe.toml").mkdir()


TAMPERED = {
    broken_json: "this file is damaged",
    other_format: "this file is damaged",
    list_for_settings: "this file is damaged",
    strange_watch: "this file is damaged",
    other_recipe: "this file is damaged",
    broken_recipe: "this file is damaged",
    other_data: "this file is larger than it can be",
    no_environment: "this file is damaged",
    no_history: "cannot read this file: there is no such file",
    short_history: "history is damaged in line",
    all_checkpoints_torn: "this file is damaged",
    checkpoint_of_zeros: "this file is damaged",
    pickle_for_checkpoint: "this file is damaged",
    no_manifest: "manifest.json is missing",
    broken_manifest: "this file is damaged",
    flipped_bit: "this file is damaged",
    no_vectors: "this file is missing",
    doubled_line: "history is damaged in line 2",
    swapped: "this file is damaged",
    pipe_for_checkpoint: "not a regular file",
    pipe_for_history: "not a regular file",
    pipe_for_manifest: "not a regular file",
    folder_for_recipe: "cannot read this file",
    folder_for_history: "cannot read this file",
    list_for_run: "this file is larger than it can be",
}


@pytest.mark.parametrize("tamper", TAMPERED, ids=lambda tamper: tamper.__name__)
def test_a_folder_that_was_tampered_with_gives_one_clear_error(recipe, watch, tmp_path, tamper):
    place = tmp_path / "run"
    train(recipe, engine="reference", observation=watch, folder=place, save_every=10, on_progress=Stopper(20))
    tamper(place)
    with pytest.raises(RunError, match=TAMPERED[tamper]) as error:
        resume(place)
    assert str(place) in error.value.where
    assert not list(tmp_path.rglob("hacked"))


def test_a_damaged_checkpoint_is_told_and_gone_back_from_when_asked(recipe, watch, whole, tmp_path):
    place = tmp_path / "run"
    train(recipe, engine="reference", observation=watch, folder=place, save_every=10, on_progress=Stopper(35))
    latest = RunFolder(place).files("checkpoints", "step")[-1]
    os.truncate(latest, 100)
    with pytest.raises(RunError, match="this file is damaged") as error:
        resume(place)
    assert "go back to step 30: koubai resume" in error.value.hint
    assert verify(place).back_to == 30
    assert_same(resume(place, salvage=True), whole)
    assert verify(place).sound
    assert latest.name in {file.name.removeprefix("checkpoints-") for file in place.glob("set-aside-1/*")}


@pytest.mark.long
@pytest.mark.parametrize("tamper", TAMPERED, ids=lambda tamper: tamper.__name__)
def test_a_salvaged_run_ends_as_if_nothing_had_been(recipe, watch, whole, tmp_path, tamper):
    place = tmp_path / "run"
    train(recipe, engine="reference", observation=watch, folder=place, save_every=10, on_progress=Stopper(35))
    tamper(place)
    if verify(place).back_to is None:
        with pytest.raises(RunError, match="what decides this run is damaged"):
            resume(place, salvage=True)
    else:
        assert_same(resume(place, salvage=True), whole)
        assert verify(place).sound


def outside_of(tmp_path):
    """Make a folder outside, with what a run would delete, cut or read if it followed a link there."""
    outside = tmp_path / "outside"
    outside.mkdir()
    for name in ("step-00000099.safetensors", "step-00000001.safetensors", "notes", ".a.part"):
        (outside / name).write_text("mine\n" * 100)
    return outside


def link_to_history(place, outside):
    (place / "history.jsonl").unlink()
    (place / "history.jsonl").symlink_to(outside / "notes")


def link_to_checkpoints(place, outside):
    shutil.rmtree(place / "checkpoints")
    (place / "checkpoints").symlink_to(outside)


def link_to_vectors(place, outside):
    shutil.rmtree(place / "vectors")
    (place / "vectors").symlink_to(outside)


def link_to_lock(place, outside):
    (place / ".lock").unlink()
    (place / ".lock").symlink_to(outside / "new")


def link_to_manifest(place, outside):
    (place / "manifest.json").unlink()
    (place / "manifest.json").symlink_to(outside / "notes")


def second_name(place, outside):
    """A hard link: another name of a file outside, which is to stay as it is."""
    (outside / "history").write_bytes((place / "history.jsonl").read_bytes() + b"mine\n")
    (place / "history.jsonl").unlink()
    (place / "history.jsonl").hardlink_to(outside / "history")


def name_that_leaves(place, outside):
    """A manifest with a right digest of its own that names a file outside."""
    files = Manifest.read(RunFolder(place).place).files
    name = "../outside/step-00000001.safetensors"
    Manifest({**files, name: FileEntry.of((outside / "notes").read_bytes())}).write(RunFolder(place).place)


LINKS = (link_to_history, link_to_checkpoints, link_to_vectors, link_to_lock, link_to_manifest, second_name)


@pytest.mark.parametrize("link", [*LINKS, name_that_leaves], ids=lambda link: link.__name__)
def test_a_strangers_folder_touches_nothing_outside(recipe, watch, whole, tmp_path, link):
    place, outside = tmp_path / "run", outside_of(tmp_path)
    train(recipe, engine="reference", observation=watch, folder=place, save_every=10, on_progress=Stopper(20))
    link(place, outside)
    before = {file.name: file.read_bytes() for file in outside.iterdir()}
    for salvage in (False, True):
        if link in (second_name, link_to_lock):  # a link that says nothing makes way
            assert_same(resume(place, salvage=salvage), whole)
        elif link is name_that_leaves and not salvage:
            with pytest.raises(RunError, match="a name that no file of a run has"):
                resume(place)
        elif not salvage:
            with pytest.raises(RunError, match="links in a run's folder are not followed"):
                resume(place, salvage=salvage)
        else:
            assert_same(resume(place, salvage=True), whole)
        assert {file.name: file.read_bytes() for file in outside.iterdir()} == before


@pytest.mark.parametrize("lost", ["checkpoints/*", "checkpoints"])
def test_a_finished_run_without_its_checkpoints_is_an_error(recipe, watch, whole, tmp_path, lost):
    place = tmp_path / "run"
    train(recipe, engine="reference", observation=watch, folder=place, save_every=10)
    for path in list(place.glob(lost)):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(RunError, match="this file is missing") as error:
        resume(place)
    assert "model.safetensors" in error.value.hint
    assert load(place).recipe == recipe  # the trained weights are whole, and are said to be
    assert verify(place).back_to == 0
    assert_same(resume(place, salvage=True), whole)


def test_a_checkpoint_of_another_run_is_told(recipe, watch, tmp_path):
    for name, seed in (("a", 1), ("b", 2)):
        one = recipe.edit(seed=seed)
        train(one, engine="reference", observation=watch, folder=tmp_path / name, on_progress=Stopper(20))
    mine, theirs = (RunFolder(tmp_path / name).files("checkpoints", "step")[-1] for name in "ab")
    shutil.copy(theirs, mine)
    with pytest.raises(RunError, match="this file is damaged"):
        resume(tmp_path / "a")


def test_a_manifest_of_an_earlier_moment_is_told(recipe, watch, whole, tmp_path):
    place, kept = tmp_path / "run", tmp_path / "manifest"

    def keep(session):
        if session.step == 20:
            shutil.copy(place / "manifest.json", kept)

    train(
        recipe,
        engine="reference",
        observation=watch,
        folder=place,
        save_every=10,
        progress_every=1,
        on_progress=keep,
    )
    shutil.copy(kept, place / "manifest.json")
    for act in (resume, load, lambda place: RunFolder(place).history()):
        with pytest.raises(RunError, match="older than the files beside it") as error:
            act(place)
        assert "go back to step 60" in error.value.hint
    assert_same(resume(place, salvage=True), whole)


def unvouched(place):
    """Make of a run one of an early version, for whose files no digests vouch."""
    settings = json.loads((place / "run.json").read_text())
    del settings["sha256"]
    (place / "run.json").write_text(json.dumps(settings | {"format": 1}))
    (place / "manifest.json").unlink()


def test_a_run_of_an_early_version_goes_on_with_a_note(recipe, watch, whole, tmp_path):
    place = tmp_path / "run"
    train(recipe, engine="reference", observation=watch, folder=place, save_every=10, on_progress=Stopper(20))
    unvouched(place)
    with pytest.warns(UserWarning, match="no digests vouch"):
        assert_same(resume(place), whole)
    assert (place / "manifest.json").exists()
    assert verify(place).sound


@pytest.mark.filterwarnings("ignore:.*no digests vouch")
@pytest.mark.parametrize("plain", ['"text"', '["text"]', '[{"data": "text"}]', "[[]]", "7"])
def test_an_environment_that_is_none_is_told(recipe, watch, tmp_path, plain):
    place = tmp_path / "run"
    train(recipe, engine="reference", observation=watch, folder=place, on_progress=Stopper(5))
    unvouched(place)
    (place / "environment.json").write_text(plain)
    with pytest.raises(RunError, match="does not hold what it should") as caught:
        _ = RunFolder(place).environments
    assert "environment.json" in caught.value.where
