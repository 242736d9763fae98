"""A recipe in an address and as Python: both make the same run as its file."""

import contextlib
import io
from pathlib import Path

import pytest

import koubai as kb
from koubai.cli.main import main
from koubai.core.errors import ConfigError
from koubai.train.recipe_address import LONGEST, read_address, write_address
from koubai.train.recipe_python import write_python
from koubai.train.train import train

RECIPES = {
    "plain": kb.Recipe(kb.Mlp((8,), classes=2), kb.data.Moons(n=60), steps=30, batch_size=10),
    "every part": kb.Recipe(
        kb.Sequential(kb.Flatten(), kb.Linear(12), kb.BatchNorm(), kb.LeakyReLU(0.2), kb.Linear(10)),
        kb.data.Digits(train=100, label_noise=0.1, validation=20),
        optimizer=kb.Adam(0.02, beta1=0.8),
        schedule=kb.StepDecay(10, 0.5),
        penalties=(kb.L2(0.001), kb.ProximalL1(1e-5)),
        clipping=kb.Clipping(1.0),
        initializer=kb.Normal(0.1),
        early_stopping=kb.EarlyStopping(),
        frozen=("1.weight",),
        steps=20,
        seed=7,
    ),
    "pictures": kb.Recipe(
        kb.Sequential(kb.Conv2d(4, 3, padding=1), kb.ReLU(), kb.Flatten(), kb.Linear(10)),
        kb.data.Digits(train=60, augment=(kb.data.Crop(1),)),
        steps=5,
    ),
}


@pytest.fixture(params=RECIPES)
def recipe(request):
    return RECIPES[request.param]


def test_an_address_holds_the_whole_recipe(recipe):
    behind = write_address(recipe)
    assert read_address(f"http://127.0.0.1:8123/#play/{behind}") == recipe
    assert set(behind) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~%=&,:@"), (
        "no letter that a mail or a terminal would cut at"
    )


def test_the_script_makes_the_same_numbers(recipe):
    found, printed = {"__name__": "__main__"}, io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(write_python(recipe), "recipe.py", "exec"), found)
    assert found["recipe"] == recipe
    ours = train(recipe)
    lines = [f"{part} {score.loss} {score.accuracy}" for part, score in ours.scores.items()]
    assert printed.getvalue().splitlines() == lines


def test_koubai_train_takes_an_address_as_it_takes_the_file(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    recipe = RECIPES["plain"]
    Path("recipe.toml").write_text(recipe.to_toml())
    address = f"http://127.0.0.1:8123/#play/{write_address(recipe)}"
    assert main(["train", address, "--out", "a", "--plain"]) == 0
    assert main(["train", "recipe.toml", "--out", "b", "--plain"]) == 0
    a, b = (kb.RunFolder(name) for name in "ab")
    assert a.recipe == b.recipe == recipe
    assert (Path("a") / "history.jsonl").read_text() == (Path("b") / "history.jsonl").read_text()
    capsys.readouterr()
    assert main(["train", address.replace("moons", "mons")]) == 2
    assert "did you mean 'moons'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("behind", "told"),
    [
        ("steps", "no setting with its value"),
        ("=5", "no setting with its value"),
        ("a..b=5", "no setting with its value"),
        (".".join("a" * 40) + "=5", "no setting with its value"),
        ("steps=5&steps=6", "given twice"),
        ("steps=5&steps.a=6", "given twice"),
        ("steps=NaN", "whole number"),
        ("steps=" + "9" * 5000, "whole number"),
        ("steps=" + "[" * 9000, "whole number"),
        ("x" * (LONGEST + 1), "longer than"),
    ],
)
def test_what_is_no_recipe_is_told(behind, told):
    with pytest.raises(ConfigError, match=told):
        read_address("#play/" + behind)
