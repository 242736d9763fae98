"""koubai verify, and resume --salvage: what they find, print and leave."""

import json

import pytest

from koubai.train import RunFolder
from koubai.train.verify import verify


@pytest.fixture
def run(koubai):
    """A finished run with checkpoints at 30 and 40 of 40 steps."""
    koubai("train", "digits.toml", "--engine", "reference", "--out", "run", "--save-every", "10")
    assert koubai.code == 0
    return RunFolder("run")


def flip(file, at=-1):
    data = bytearray(file.read_bytes())
    data[at] ^= 4
    file.write_bytes(data)


def test_a_sound_run_is_0(koubai, run):
    koubai("verify", "run")
    assert koubai.code == 0
    assert f"all {len(verify('run').files)} files are as they were written" in koubai.out
    found = json.loads(koubai("verify", "run", "--json").out)
    assert found["sound"]
    assert {file["name"] for file in found["folders"][0]["files"]} == {
        str(path.relative_to("run"))
        for path in run.path.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def test_a_damaged_run_is_3_and_says_which_file_and_what_to_do(koubai, run):
    flip(run.files("checkpoints", "step")[-1])
    koubai("verify", "run")
    assert koubai.code == 3
    assert "checkpoints/step-00000040.safetensors" in koubai.out
    assert "koubai resume run --salvage" in koubai.out
    koubai("verify", "run", "--lang", "ja")
    assert "破損" in koubai.out
    assert "ステップ 30 まで戻って" in koubai.out
    found = json.loads(koubai("verify", "run", "--json").out)
    assert not found["sound"]
    assert found["folders"][0]["back_to"] == 30


def test_salvage_goes_back_and_on_to_the_same_end(koubai, run):
    scores = run.result["scores"]
    flip(run.files("checkpoints", "step")[-1])
    assert koubai("resume", "run").code == 2
    assert "this file is damaged" in koubai.err
    koubai("resume", "run", "--salvage")
    assert koubai.code == 0
    assert "Gone back to step 30; 3 files set aside in run/set-aside-1" in koubai.err
    assert run.result["scores"] == scores
    assert koubai("verify", "run").code == 0
    assert "nothing is damaged" in koubai("resume", "run", "--salvage").err


def test_a_folder_of_runs_is_looked_at_whole(koubai, run):
    koubai("train", "digits.toml", "--engine", "reference", "--out", "more/one")
    run.path.rename("more/two")
    assert koubai("verify", "more").code == 0
    flip(RunFolder("more/two").path / "recipe.toml")
    koubai("verify", "more")
    assert koubai.code == 3
    assert "more/one: all" in koubai.out
    assert "more/two: not all" in koubai.out
    assert "--salvage" not in koubai.out  # without its recipe it cannot go on


def test_the_store_of_an_experiment_is_looked_at(koubai):
    koubai("run", "parabola", "--out", "store", "--seeds", "1")
    assert koubai.code == 0
    found = json.loads(koubai("verify", "store", "--json").out)
    assert found["sound"]
    assert len(found["folders"]) > 1
    flip(next(iter(sorted(RunFolder("store").path.glob("runs/*/result.json")))))
    koubai("verify", "store")
    assert koubai.code == 3
    assert "result.json" in koubai.out
    assert koubai("run", "parabola", "--out", "store", "--seeds", "1").code == 2
    assert "delete the folder" in koubai.err


def test_no_run_is_no_run(koubai):
    for place in (".", "nowhere"):
        assert koubai("verify", place).code == 2
        assert "there is no run here" in koubai.err
    assert koubai("verify", "digits.toml").code == 2
    assert "a file, not a folder" in koubai.err
