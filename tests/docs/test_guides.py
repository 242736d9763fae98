"""The README and the guides say only what works: commands exist, Python blocks run, recipes can be read."""

import io
import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from tests.support.data_files import real_folder

from koubai import load
from koubai.cli.main import COMMANDS, main
from koubai.lab import replay
from koubai.lab.catalog import catalog_experiment
from koubai.lab.declare.experiment_file import read_experiment
from koubai.lab.experiments.entry import catalog
from koubai.study.glossary import find_meanings
from koubai.train.import_weights import Source, read_mapping
from koubai.train.recipe_file import read_recipe
from koubai.words import set_language
from support.marks import long

ROOT = Path(__file__).parents[2]
GUIDES = ("README.md", "docs/getting-started.md", "docs/notes-ja.md", "docs/experiments/index.md")

SCRIPT = """
import torch

torch.manual_seed(0)
x = torch.randn(200, 4)
model = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), 0.1)
for step in range(60):
    rows = torch.randint(200, (50,))
    optimizer.zero_grad()
    torch.nn.functional.mse_loss(model(x[rows]), x[rows].sum(1, keepdim=True)).backward()
    optimizer.step()
"""


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
        catalog_experiment(name, data or None)


@pytest.mark.parametrize("guide", [*GUIDES, "docs/index.md"])
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


def lines(block: str) -> list[list[str]]:
    """Return the words of every command of a block, without comments; a line may hold several."""
    parts = [re.split(r"&&|;", line.split("#")[0]) for line in block.splitlines()]
    return [shlex.split(part) for line in parts for part in line if part.strip()]


@pytest.mark.parametrize("guide", ["README.md", *long("docs/getting-started.md")])
def test_every_command_runs_in_its_order(guide, tmp_path, monkeypatch, capfd):
    """Whoever follows a guide to the letter meets no error; exit 3 means that the doctor found something.

    `make` runs in CI, `koubai mcp` in tests/ci; `koubai serve` ends by Ctrl-C only, tests/page opens it.
    MNIST is not downloaded: without its files their command is not run. Of the course one experiment is run:
    all take minutes.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO())  # nobody answers the quiz
    monkeypatch.setattr(replay, "EXPERIMENTS", replay.EXPERIMENTS[:1])
    if there := real_folder().exists():
        monkeypatch.setenv("KOUBAI_DATA", str(real_folder()))
    Path("train.py").write_text(SCRIPT, encoding="utf-8")
    recipe = next(block for block in blocks(guide, "toml") if "[network]" in block)
    Path("recipe.toml").write_text(recipe, encoding="utf-8")
    done = []
    try:
        for block in blocks(guide, "sh"):
            for words in lines(block):
                if words[0] == "export":
                    monkeypatch.setenv(*words[1].split("="))
                elif words[:2] == ["koubai", "serve"] or words[:4] == ["koubai", "--lang", "ja", "serve"]:
                    done.append("serve")
                elif words[1] == "mcp":
                    done.append("mcp")
                elif words[0] == "koubai" and (there or not {"mnist", "DIR"} & set(words)):
                    code = main([str(real_folder()) if word == "DIR" else word for word in words[1:]])
                    known = (0, 3) if words[1] == "doctor" else (0,)
                    assert code in known, (words, capfd.readouterr().err)
                    done.append(words[1])
    finally:
        set_language(None)
    assert {"run", "train", "doctor"} <= set(done)


def test_the_page_about_scikit_learn_runs():
    found = blocks("docs/sklearn.md", "python")
    assert len(found) == 5
    scores = []
    for block in found:
        names = {}
        if "sklearn.callback" in block and find_spec("sklearn.callback") is None:
            continue  # scikit-learn before 1.9
        exec(compile(block, "docs/sklearn.md", "exec"), names)
        if "clf" in names:
            scores.append(names["clf"].score(names["X_test"], names["y_test"]))
        if "search" in names:
            scores.append(names["search"].best_score_)
    assert len(scores) == 2
    assert min(scores) > 0.9, "an example should show something that learns"


def test_the_page_about_tables_runs(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    guide = "docs/tables.md"
    towns, truths = ("Nara", "Kyoto"), ("true", "false")
    rows = [f"{30 + i % 20},{towns[i % 2]},{truths[i % 3 // 2]},{200 + i}.5" for i in range(80)]
    Path("houses.csv").write_text("\n".join(["age,town,member,price", *rows]), encoding="utf-8")
    recipe = 'batch_size = 20\ndata = "digits"\nnetwork = { type = "mlp", hidden = [8] }\n'
    Path("recipe.toml").write_text(recipe, encoding="utf-8")
    (shell,), (python,), (recipe,) = (blocks(guide, language) for language in ("sh", "python", "toml"))
    for _, *words in lines(shell):
        assert main([*words, "--steps", "20"]) == 0, capfd.readouterr().err
    assert "Target 'price': values." in " ".join(capfd.readouterr().err.split())
    exec(compile(python, guide, "exec"), {})
    whole = read_recipe('network = "mlp"\n' + recipe)
    assert (whole.data.target, whole.data.drop, whole.data.missing) == ("price", ("id",), "median")


def test_the_page_about_pytorch_and_onnx_runs(tmp_path, monkeypatch):
    """Its blocks assert what they say; the commands are tried in tests/exchange."""
    pytest.importorskip("onnx")
    monkeypatch.chdir(tmp_path)
    found = blocks("docs/exchange.md", "python")
    assert len(found) == 4
    for block in found:
        assert "assert" in block or "raise" in block
        exec(compile(block, "docs/exchange.md", "exec"), {})


def test_weights_from_elsewhere_are_imported_as_the_page_says(tmp_path, monkeypatch, capfd):
    """Its Python runs, its mapping can be read, its first command does on the same file what Python did."""
    guide = "docs/import.md"
    monkeypatch.chdir(tmp_path)
    (python,), (mapping,), (shell,) = (blocks(guide, language) for language in ("python", "toml", "sh"))
    names = {}
    exec(compile(python, guide, "exec"), names)
    assert (names["ours"] == names["t"]).mean() > 0.9, "an example should show something that learned"
    Path("mapping.toml").write_text(mapping, encoding="utf-8")
    assert read_mapping(Path("mapping.toml"))["1.weight"] == Source("fc1.weight", transpose=True)
    (_, *words), second = lines(shell)
    assert main(words) == 0
    again, ours = (load(f"{name}.safetensors").weights.params for name in ("again", "ours"))
    assert all(np.array_equal(again[path], ours[path]) for path in ours)
    assert second[:2] == ["koubai", "import"]


def test_every_word_that_a_guide_looks_up_is_known():
    words = re.findall(r"koubai (?:--lang ja )?explain ([^\s`]+)", "".join(map(text, GUIDES)))
    assert len(words) > 20, "one line a section of the notes"
    assert [word for word in words if word != "errata" and not find_meanings(word)] == []


def test_the_commands_for_readers_of_the_notes_run(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO())  # nobody answers the quiz
    try:
        for block in blocks("docs/notes-ja.md", "sh"):
            for words in lines(block):
                if words[0] == "export":
                    monkeypatch.setenv(*words[1].split("="))
                else:
                    assert main(words[1:]) == 0, (words, capfd.readouterr().err)
    finally:
        set_language(None)
    assert Path("sigmoid.html").exists()


def test_no_page_names_the_host_of_a_package_index():
    """Projects are linked, not the place that one index has for them."""
    hosts = ("py" + "pi.org", "python" + "hosted.org", "ana" + "conda.org", "download.py" + "torch.org")
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "docs").rglob("*.po")]
    assert len(pages) > 15
    named = {page.name: host for page in pages for host in hosts if host in page.read_text(encoding="utf-8")}
    assert named == {}
