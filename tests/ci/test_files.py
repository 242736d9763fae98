"""The files for CI: what docs/ci.md shows can be read and its commands run; so does the hook."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from koubai import __version__
from koubai.cli.main import main
from koubai.doctor.answer import sarif as module
from koubai.doctor.answer.sarif import sarif
from koubai.doctor.answer.verdict import Verdict
from koubai.doctor.patient.place import Place
from koubai.doctor.visit.finding import Finding
from koubai.words import set_language
from support.host import environment
from support.scripts import from_zero

ROOT = Path(__file__).parents[2]
RECIPE = 'steps = 10\nbatch_size = 20\ndata = "digits"\nnetwork = { type = "mlp", hidden = [8] }\n'
SICK = f"\n{from_zero('100')}\n"


@pytest.fixture(autouse=True)
def english():
    set_language("en")
    yield
    set_language(None)


def documented(language):
    page = (ROOT / "docs/ci.md").read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)


def test_sarif_has_file_line_version_and_what_knows_it_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    inside = Finding("K010", "not_learning", "warn", "0", Place(str(tmp_path / "a/train.py"), 7, "loss"))
    later = Finding("K010", "not_learning", "warn", "0", Place(str(tmp_path / "a/train.py"), 9, "loss"))
    other = Finding("K010", "not_learning", "warn", "1", Place(str(tmp_path / "a/train.py"), 7, "loss"))
    outside = Finding("K010", "not_learning", "warn", None, Place("/elsewhere/lib.py", 1, "loss"))
    log = json.loads(json.dumps(sarif(Verdict([inside, later, other, outside]), "run")))["runs"][0]
    assert log["tool"]["driver"]["semanticVersion"] == __version__
    places = [each["locations"][0]["physicalLocation"] for each in log["results"]]
    assert places[0] == {
        "artifactLocation": {"uri": "a/train.py", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 7},
    }
    assert log["originalUriBaseIds"]["%SRCROOT%"]["uri"] == f"{tmp_path.as_uri()}/"
    assert places[3]["artifactLocation"] == {"uri": "/elsewhere/lib.py"}
    known = [each["partialFingerprints"]["koubaiFinding/v1"] for each in log["results"]]
    assert known[0] == known[1], "a line that moved is the same finding"
    assert len(set(known)) == 3


@pytest.mark.parametrize(
    ("said", "wanted"),
    [(["Homepage, https://koubai.example/"], "https://koubai.example/"), ([], None), (None, None)],
)
def test_sarif_has_the_address_that_the_package_names(monkeypatch, said, wanted):
    class Metadata:
        def get_all(self, name):
            assert name == "Project-URL"
            return said

    monkeypatch.setattr(module, "metadata", lambda name: Metadata())
    driver = sarif(Verdict([]), "run")["runs"][0]["tool"]["driver"]
    assert driver.get("informationUri") == wanted


def test_the_action_of_the_page_runs_its_commands(tmp_path, monkeypatch, capfd):
    workflow = yaml.safe_load(next(block for block in documented("yaml") if "jobs:" in block))
    assert set(workflow) == {"name", True, "permissions", "jobs"}, "YAML 1.1 reads `on` as true"
    assert workflow["permissions"]["security-events"] == "write"
    steps = workflow["jobs"]["doctor"]["steps"]
    assert [set(step) & {"uses", "run"} for step in steps] == [{"uses"}, {"uses"}, {"run"}, {"run"}, {"uses"}]
    upload = steps[-1]
    assert upload["if"] == "always()", (
        "a step that found something ends with 3; its file is shown all the same"
    )
    command, _, file = steps[3]["run"].partition(" > ")
    assert upload["with"]["sarif_file"] == file
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text(SICK, encoding="utf-8")
    assert main(shlex.split(command)[1:]) == 3
    log = json.loads(capfd.readouterr().out)
    place = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "train.py"
    assert place["region"]["startLine"] == 6


def hooks():
    return yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))


def test_the_hook_is_what_the_page_says():
    (hook,) = hooks()
    shown = yaml.safe_load(next(block for block in documented("yaml") if "repos:" in block))
    assert shown["repos"][0]["hooks"] == [{"id": hook["id"]}]
    taken = re.compile(hook["files"])
    for name in (
        "recipe.toml",
        "a/recipe-small.toml",
        "my_experiment.toml",
        "recipes/a.toml",
        "b/experiments/c.toml",
    ):
        assert taken.search(name), name
    for name in ("pyproject.toml", "a/settings.toml", "recipe.py.txt"):
        assert not taken.search(name), name


def test_the_hook_tells_every_mistake_of_every_file(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    Path("recipe.toml").write_text(RECIPE, encoding="utf-8")
    Path("recipe-bad.toml").write_text(
        RECIPE.replace("steps", "stepz").replace("mlp", "mpl"), encoding="utf-8"
    )
    Path("recipe-worse.toml").write_text("steps = ", encoding="utf-8")
    entry = shlex.split(hooks()[0]["entry"])
    assert main([*entry[1:], "recipe.toml"]) == 0
    assert "no mistake" in capfd.readouterr().out
    assert main([*entry[1:], "recipe.toml", "recipe-bad.toml", "recipe-worse.toml"]) == 2
    said = capfd.readouterr()
    assert "recipe.toml: 1 arm x 1 seed, no mistake" in said.out
    for part in ("recipe-bad.toml", "line 1", "'steps'", "'mlp'", "recipe-worse.toml"):
        assert part in said.err
    assert main(["--json", *entry[1:], "recipe.toml", "recipe-bad.toml"]) == 2
    sound, bad = json.loads(capfd.readouterr().out)
    assert (sound["arms"], len(bad["error"]["problems"])) == (1, 2)
    assert main(["check", "recipe.toml"]) == 0
    assert "1 arm x 1 seed = 1 run" in capfd.readouterr().out
    assert main(["check"]) == 2


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_pre_commit_itself_runs_the_hook(tmp_path):
    """The hook as it stands, but run by this very environment: setting one up would download all of it."""
    (hook,) = hooks()
    here = f"{sys.executable} -m koubai.cli.process {hook['entry'].partition(' ')[2]}"
    settings = {"repos": [{"repo": "local", "hooks": [hook | {"language": "system", "entry": here}]}]}
    (tmp_path / ".pre-commit-config.yaml").write_text(yaml.safe_dump(settings))
    (tmp_path / "recipe-bad.toml").write_text(RECIPE.replace("steps", "stepz"))
    (tmp_path / "pyproject.toml").write_text("stepz = 1")

    def run(*command):
        env = environment(PRE_COMMIT_HOME=str(tmp_path / "home"), KOUBAI_LANG="en")
        return subprocess.run(
            command, check=False, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120
        )

    for command in (("git", "init", "-q"), ("git", "add", ".")):
        assert run(*command).returncode == 0
    failed = run(sys.executable, "-m", "pre_commit", "run", "--all-files")
    assert failed.returncode == 1, failed.stderr
    assert "line 1" in failed.stdout
    assert "pyproject" not in failed.stdout
    (tmp_path / "recipe-bad.toml").write_text(RECIPE)
    run("git", "add", ".")
    assert run(sys.executable, "-m", "pre_commit", "run", "--all-files").returncode == 0
    valid = run(sys.executable, "-m", "pre_commit", "validate-manifest", str(ROOT / ".pre-commit-hooks.yaml"))
    assert valid.returncode == 0, valid.stdout + valid.stderr
