"""The plugin for pytest, in sessions of its own: what fails, with what words, and what stays as it was."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from koubai import pytest_plugin
from support.host import environment

ROOT = Path(__file__).parents[2]
TESTS = """
import pytest
import torch
from torch import nn


def parts(rate):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))
    return model, torch.optim.SGD(model.parameters(), lr=rate)


def train(model, optimizer, steps=200):
    t = torch.randint(0, 3, (600,))
    x = torch.eye(4)[t] * 2 + torch.randn(600, 4)
    for step in range(steps):
        rows = torch.randint(0, 600, (50,))
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x[rows]), t[rows])
        loss.backward()
        optimizer.step()


def test_zeros(watched):
    model, optimizer = parts(0.1)
    for p in model.parameters():
        nn.init.zeros_(p)
    train(model, optimizer)


def test_named(watched):
    model, optimizer = parts(1e-7)
    with watched(model, optimizer, every=1):
        train(model, optimizer)


def test_sound(watched):
    train(*parts(0.1))


def test_idle(watched):
    assert 1 + 1 == 2


def test_unwatched():
    model, optimizer = parts(0.1)
    for p in model.parameters():
        nn.init.zeros_(p)
    train(model, optimizer)


def test_broken(watched):
    train(*parts(0.1), steps=0)
    raise ValueError("mine")


def test_without_training():
    pass
"""


def session(folder, *words):
    """Run pytest with the plugin and no other; return its outcomes by test, and all that it printed."""
    file = folder / "test_training.py"
    file.write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-p", "koubai.pytest_plugin", "-p", "no:cacheprovider", "-rA"]
    env = environment(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1", KOUBAI_LANG="en", NO_COLOR="1")
    done = subprocess.run(
        [*command, file.name, *words],
        check=False,
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=240,
    )
    said = re.findall(r"^(PASSED|FAILED|ERROR) test_training.py::(\w+)", done.stdout, re.MULTILINE)
    return {name: word for word, name in said}, done.stdout + done.stderr


def test_the_fixture_fails_with_the_finding_its_file_and_its_line(tmp_path):
    outcomes, out = session(tmp_path)
    assert outcomes == {
        "test_zeros": "FAILED",
        "test_named": "FAILED",
        "test_sound": "PASSED",
        "test_idle": "FAILED",
        "test_unwatched": "PASSED",
        "test_broken": "FAILED",
        "test_without_training": "PASSED",
    }
    assert re.search(r"^test_training\.py:\d+: K\d{3} ", out, re.MULTILINE), out
    assert "saw no PyTorch model train" in out
    assert "ValueError: mine" in out
    assert "koubai: 1 healthy, 2 with findings, 0 not judged" in out


@pytest.mark.long
def test_every_test_is_watched_when_that_is_asked_for(tmp_path):
    chosen = ("-k", "sound or unwatched or without_training")
    outcomes, out = session(tmp_path, "--koubai", *chosen)
    assert outcomes == {"test_sound": "PASSED", "test_unwatched": "FAILED", "test_without_training": "PASSED"}
    assert "koubai: 1 healthy, 1 with findings, 0 not judged" in out
    refused = session(tmp_path, "--koubai-fail-on", "sometimes")[1]
    assert "invalid choice: 'sometimes'" in refused


def test_pytest_finds_it_by_its_entry_point():
    """As pyproject.toml says; and in this environment, where it was installed since that was written."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"]["pytest11"] == {"koubai": pytest_plugin.__name__}
    found = [each for each in entry_points(group="pytest11") if each.name == "koubai"]
    if not found:
        pytest.skip("koubai was installed before it had a plugin: install it again")
    assert found[0].load() is pytest_plugin
