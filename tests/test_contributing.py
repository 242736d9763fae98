"""The worked example of CONTRIBUTING.md does what it says: its two files, and nothing else, add a layer."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"<!-- file: (?P<path>\S+) -->\n```python\n(?P<text>.*?)```", re.DOTALL)

USE = """
import koubai
from koubai.data import Digits
from koubai.train import Recipe, train

net = koubai.Sequential(koubai.Flatten(), koubai.Linear(20), koubai.ReLU6(), koubai.Linear(10))
run = train(Recipe(net, Digits(), optimizer=koubai.SGD(0.1), steps=200))
assert run.scores["test"].accuracy > 0.7, run.scores
print(koubai.layers.LAYERS["relu6"].__name__)
"""


@pytest.mark.long
def test_the_worked_example_adds_a_layer(tmp_path):
    for folder in ("src", "tests/support", "tests/layers"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "tests/conftest.py", tmp_path / "tests")
    blocks = BLOCK.findall((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    assert len(blocks) == 2
    for path, text in blocks:
        (tmp_path / path).write_text(text, encoding="utf-8")

    environment = {"PYTHONPATH": str(tmp_path / "src"), "PATH": ""}
    for command in (
        ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "ReLU6 or relu6", "tests/layers"],
        ["-c", USE],
    ):
        done = subprocess.run(
            [sys.executable, *command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip() == "ReLU6"
