"""Users as they come, each a script that runs from its first line to its last in an empty folder."""

import runpy
from pathlib import Path

import pytest

SCRIPTS = [
    pytest.param(path, marks=pytest.mark.slow if path.stem == "ci_author_user" else ())  # four processes
    for path in sorted(Path(__file__).parent.glob("*_user.py"))
]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_user_reaches_the_end(script, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(script), run_name="__main__")
