"""The README and the guides say only what works: commands exist, Python blocks run, recipes can be read."""

import re
from pathlib import Path

import pytest

from koubai.cli.main import COMMANDS
from koubai.lab.catalog import build, catalog
from koubai.lab.experiment_file import read_experiment
from koubai.train.recipe_file import read_recipe

ROOT = Path(__file__).parents[2]
GUIDES = ("README.md", "docs/getting-started.md", "docs/hajimeni.md", "docs/experiments/index.md")


def text(guide: str) -> str:
    return (ROOT / guide).read_text(encoding="utf-8")


def blocks(guide: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text(guide), re.DOTALL)


@pytest.mark.parametrize("guide", GUIDES)
def test_commands_exist(guide):
    named = re.findall(r"(?:^|`|&& |; )koubai (?:--lang ja )?([a-z]+)", text(guide), re.MULTILINE)
    assert named
    assert set(named) <= set(COMMANDS)


@pytest.mark.parametrize("guide", GUIDES)
def test_experiments_that_are_run_exist(guide):
    runs = re.findall(
        r"koubai (?:--lang ja )?run ([a-z-]+)(?:[^\n`#]*?--data ([a-z-]+))?(?=[\s`])", text(guide)
    )
    for name, data in runs:
        assert name.replace("-", "_") in catalog()
        build(name, data or None)


@pytest.mark.parametrize("guide", GUIDES)
def test_python_runs(guide, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for block in blocks(guide, "python"):
        names = {}
        if "model" in block:
            torch = pytest.importorskip("torch")
            names["model"] = torch.nn.Linear(3, 2)
            names["optimizer"] = torch.optim.SGD(names["model"].parameters(), 0.1)
        exec(compile(block, guide, "exec"), names)
        if hasattr(run := names.get("run"), "scores"):
            assert run.scores["test"].accuracy > 0.9, "an example should show something that learns"


@pytest.mark.parametrize("guide", GUIDES)
def test_recipes_and_experiments_can_be_read(guide):
    for block in blocks(guide, "toml"):
        if "question" in block:
            assert read_experiment(block).claims
        else:
            assert read_recipe(block).steps == 1000
