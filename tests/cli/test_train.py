"""koubai train, resume, models, summary, parts: what they print and leave behind."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from koubai.core.layer import LAYERS
from koubai.models import MODELS
from koubai.train import Recipe, RunFolder
from koubai.train.model_file import load


def only_run():
    (folder,) = Path("runs").iterdir()
    return RunFolder(folder)


def test_train_leaves_a_folder_and_says_what_it_reached(koubai):
    koubai(
        "train", "digits.toml", "--set", "network.1.out_features=9", "--seed", "3", "--engine", "reference"
    )
    assert koubai.code == 0
    assert "Trained 40 steps" in koubai.out
    folder = only_run()
    assert folder.finished
    assert str(folder.path) in koubai.out
    recipe = Recipe.from_toml(Path("digits.toml"))
    assert folder.recipe == recipe.edit(seed=3, **{"network.1.out_features": 9})
    assert f"{folder.result['scores']['test'].accuracy:.4f}" in koubai.out


def test_the_same_recipe_again_is_not_trained_again(koubai):
    koubai("train", "digits.toml")
    first = only_run().result
    koubai("train", "digits.toml", "--lang", "ja")
    assert "すでに終わっています" in koubai.err
    assert "40 ステップ" in koubai.out
    assert only_run().result == first


def test_another_recipe_does_not_overwrite_a_run(koubai):
    koubai("train", "digits.toml", "--out", "here")
    koubai("train", "digits.toml", "--out", "here", "--seed", "5")
    assert koubai.code == 2
    assert "there is a run here already" in koubai.err


def test_new_takes_the_next_free_folder_and_overwrite_replaces(koubai):
    koubai("train", "digits.toml", "--out", "here")
    first = RunFolder("here").result
    Path("here/notes.txt").write_text("mine")
    for folder in ("here-2", "here-3"):
        koubai("train", "digits.toml", "--out", "here", "--new")
        assert koubai.code == 0
        assert RunFolder(folder).finished
    koubai("train", "digits.toml", "--out", "here", "--seed", "5", "--overwrite")
    assert koubai.code == 0
    assert RunFolder("here").recipe.seed == 5
    assert RunFolder("here").result != first
    assert Path("here/notes.txt").read_text() == "mine", "only the run is replaced"
    koubai("verify", "here")
    assert koubai.code == 0


def test_a_run_is_replaced_only_by_one_that_can_begin(koubai):
    koubai("train", "digits.toml", "--out", "here")
    first = RunFolder("here").result
    for wrong in (["--steps", "-1"], ["--set", "data=mnist", "--data-dir", "nowhere"], ["--new"]):
        koubai("train", "digits.toml", "--out", "here", "--overwrite", *wrong)
        assert koubai.code == 2
        assert RunFolder("here").result == first


def test_a_damaged_run_can_be_replaced(koubai):
    koubai("train", "digits.toml", "--out", "here")
    Path("here/manifest.json").write_bytes(b"no manifest")
    koubai("train", "digits.toml", "--out", "here", "--overwrite")
    assert koubai.code == 0
    assert RunFolder("here").finished


def test_mistakes_of_the_command_line_come_all_at_once(koubai):
    koubai("train", "digits.toml", "--set", "optimizer.learning_rat=3", "--set", "x", "--steps", "-3")
    assert koubai.code == 2
    for part in ("3 problem", "x: a change has the form", "did you mean 'learning_rate'?", "steps: expected"):
        assert part in koubai.err


def test_results_as_json(koubai):
    found = json.loads(koubai("train", "digits.toml", "--json", "--engine", "reference").out)
    assert found["step"] == 40
    assert found["stopped_by"] is None
    assert found["engine"] == "reference"
    assert 0 <= found["scores"]["test"]["accuracy"] <= 1
    assert json.loads(koubai("resume", found["folder"], "--json").out)["scores"] == found["scores"]


def test_a_diverged_run_says_so_and_is_still_json(koubai):
    words = ("--set", "optimizer=sgd", "--set", "optimizer.learning_rate=1e30", "--engine", "reference")
    koubai("train", "digits.toml", *words)
    assert "NaN or infinite" in koubai.out
    assert json.loads(koubai("train", "digits.toml", *words, "--json").out)["stopped_by"] == "not finite"


def test_ctrl_c_saves_and_prints_the_command_that_continues(koubai, tmp_path):
    words = [sys.executable, "-m", "koubai.cli.main", "train", "digits.toml", "--steps", "100000"]
    words += ["--engine", "reference"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    while not list(tmp_path.glob("runs/*/run.json")):
        time.sleep(0.05)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    folder = only_run()
    command = f"koubai resume {folder.path}"
    assert command in output
    assert not folder.finished
    reached = len(folder.history().series("loss")[0])
    assert 0 < reached < 100_000

    process = subprocess.Popen(
        [sys.executable, "-m", "koubai.cli.main", *command.split()[1:]],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    while len(folder.history().series("loss")[0]) <= reached:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130


def test_on_a_terminal_there_is_a_live_bar(tmp_path):
    from .conftest import RECIPE

    (tmp_path / "digits.toml").write_text(RECIPE)
    words = [sys.executable, "-m", "koubai.cli.main", "train", "digits.toml", "--steps", "3000"]
    here, there = pty.openpty()
    process = subprocess.Popen(
        [*words, "--engine", "reference"],
        stdout=subprocess.PIPE,
        stderr=there,
        cwd=tmp_path,
        env={**os.environ, "TERM": "xterm"},
    )
    os.close(there)
    drawn = b""
    while True:
        try:
            part = os.read(here, 4096)
        except OSError:
            break
        if not part:
            break
        drawn += part
    os.close(here)
    assert process.wait(timeout=60) == 0
    assert "/3000" in drawn.decode()
    assert "test accuracy" in drawn.decode()


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_models_are_listed_with_their_counts(koubai, lang):
    shown = koubai("models", "--plain", "--lang", lang).out
    assert "60,965,224" in shown
    assert "724,406,816" in shown
    listed = json.loads(koubai("models", "--json").out)
    assert [row["name"] for row in listed] == list(MODELS)
    assert {row["name"]: row["parameters"] for row in listed}["double_convnet"] == 75_430


def test_summary_of_a_model_adds_up(koubai):
    found = json.loads(koubai("summary", "alexnet", "--set", "grouped=false", "--json").out)
    assert found["parameters"] == 62_378_344 == sum(layer["parameters"] for layer in found["layers"])
    assert found["multiply_adds"] == 1_135_256_096 == sum(layer["multiply_adds"] for layer in found["layers"])
    assert "97 x 97" not in koubai("summary", "simple-convnet", "--lang", "ja").out
    assert "パラメータ数" in koubai.out
    assert "433,890" in koubai.out


def test_summary_of_a_recipe_takes_the_shape_of_its_data(koubai):
    found = json.loads(koubai("summary", "digits.toml", "--json").out)
    assert found["input"] == [1, 8, 8]
    assert found["parameters"] == 64 * 8 + 8 + 8 * 10 + 10
    found = json.loads(koubai("summary", "digits.toml", "--input", "1x4x4", "--json").out)
    assert found["parameters"] == 16 * 8 + 8 + 8 * 10 + 10


def test_parts_are_the_registries(koubai):
    rows = json.loads(koubai("parts", "layer", "--json").out)
    assert [row["name"] for row in rows] == list(LAYERS)
    assert all(row["what"] for row in rows)
    everything = json.loads(koubai("parts", "--json").out)
    assert {row["kind"] for row in everything} == {
        *("layer", "model", "loss", "initializer", "optimizer", "schedule", "penalty", "data-set", "flaw"),
        "probe",
        "augmentation",
    }
    (conv,) = (row for row in rows if row["name"] == "conv2d")
    assert conv["settings"]["stride"] == "1"
    assert conv["settings"]["out_channels"] is None


def test_a_finished_run_with_broken_facts_is_not_called_finished(koubai):
    koubai("train", "digits.toml", "--out", "run", "--steps", "2", "--engine", "reference")
    facts = Path("run/run.json")
    facts.write_text(facts.read_text()[:-5])
    koubai("resume", "run")
    assert koubai.code == 2
    assert "this file is damaged" in koubai.err
    assert "finished already" not in koubai.err


def table(folder):
    rows = [f"{i % 9},{('a', 'b', 'c')[i % 3]},{1.5 * (i % 9)}" for i in range(90)]
    (folder / "t.csv").write_text("\n".join(["x,kind,y", *rows]))
    return str(folder / "t.csv")


@pytest.mark.parametrize(
    ("target", "outputs", "said"),
    [("y", 1, "Target 'y': values."), ("kind", 3, "Target 'kind': 3 classes (a, b, c).")],
)
def test_a_table_is_trained_without_a_recipe(koubai, tmp_path, target, outputs, said):
    koubai("train", "--data", table(tmp_path), "--target", target, "--steps", "300", "--out", "run")
    assert koubai.code == 0
    assert said in " ".join(koubai.err.split())
    trained = load("run")
    assert trained.network.out_shape == (outputs,)
    assert trained.preparation.scheme.target == target
    assert trained.preparation.units is not None or outputs == 3


def test_one_output_tells_two_classes_of_a_table_apart(koubai, tmp_path):
    (tmp_path / "two.csv").write_text(
        "\n".join(["x,t", *(f"{i},{('no', 'yes')[i > 45]}" for i in range(90))])
    )
    words = ("--data", str(tmp_path / "two.csv"), "--target", "t", "--set", "network.classes=1")
    assert koubai("train", *words, "--steps", "5", "--out", "run").code == 0
    assert load("run").recipe.loss.registry_name == "sigmoid_cross_entropy"


def test_a_recipe_keeps_all_but_its_data_for_a_table(koubai, tmp_path):
    (tmp_path / "r.toml").write_text('steps = 5\nnetwork = { type = "mlp", hidden = [7] }\ndata = "digits"\n')
    words = ("--data", table(tmp_path), "--target", "kind", "--set", "optimizer=adam", "--out", "run")
    assert koubai("train", "r.toml", *words).code == 0
    recipe = load("run").recipe
    assert (recipe.network.hidden, recipe.network.classes, recipe.steps) == ((7,), 3, 5)
    assert recipe.optimizer.registry_name == "adam"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "give a recipe, or a table"),
        (("--data", "t.csv"), "needs the name of the column"),
        (("digits.toml", "--target", "y"), "--target names a column"),
        (("--data", "none.csv", "--target", "y"), "none.csv"),
    ],
)
def test_what_a_table_lacks_is_said(koubai, words, said):
    assert koubai("train", *words).code not in (0, 3)
    assert said in " ".join(koubai.err.split())


def test_the_plan_for_a_machine_of_64_cores_can_be_looked_at_on_any(koubai):
    """Six shards of a batch of 100, and no 58 threads that wait; nothing is trained."""
    plan = ("summary", "digits.toml", "--plan", "--engine", "native", "--threads", "64")
    said = koubai(*plan, "--set", "batch_size=100").out
    assert "6 shards side by side, each with 16 of 100 samples and one thread" in said
    assert "1 Linear" in said
    told = json.loads(koubai(*plan, "--set", "batch_size=1024", "--json").out)
    assert (told["engine"], told["threads"]) == ("native", 64)
    assert "64 shards side by side, each with 16 of 1024" in told["plan"][0]
    assert koubai("summary", "alexnet", "--plan").code == 2
    assert "a plan needs a recipe" in koubai.err
