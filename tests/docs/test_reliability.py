"""docs/reliability.md names a test for every promise; each of them exists."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/reliability.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TEXT)))
TABLES = re.findall(r"^\|.*?held by \|\n\|[-|]+\n((?:\|.*\n)+)", TEXT, re.MULTILINE)


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_every_test_it_names_exists(file, name):
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_promise_names_a_test():
    lines = [line for table in TABLES for line in table.splitlines()]
    assert len(lines) > 30
    assert [line for line in lines if not re.search(r"`tests/[\w/]+\.py::test_\w+`", line)] == []


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`?(scripts/[\w-]+)", TEXT))))
def test_every_script_it_names_exists(path):
    assert (ROOT / path).is_file()
