"""docs/architecture.md describes the tree as it is."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src/koubai"
TEXT = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")


def floors() -> list[list[str]]:
    """Return the names of every floor of the picture, top first; two spaces part names from their meaning."""
    picture = re.search(r"```text\n(.*?)```", TEXT, re.DOTALL).group(1)
    return [line.split("  ")[0].split() for line in picture.strip().splitlines()]


def test_the_picture_is_the_contract_that_is_checked():
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contract, *_ = config["tool"]["importlinter"]["contracts"]
    assert floors() == [layer.split(" | ") for layer in contract["layers"]]


def test_every_package_is_in_the_picture_and_all_in_the_picture_exist():
    packages = {path.parent.name for path in SOURCE.glob("*/__init__.py")}
    modules = {path.stem for path in SOURCE.glob("*.py")} - {"__init__", "__main__"}
    assert {name for floor in floors() for name in floor} == packages | modules


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`([a-z_]+/[a-z_/]*(?:\.py)?)`", TEXT))))
def test_every_file_and_folder_that_it_names_exists(path):
    assert (SOURCE / path).exists()


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`([a-z_]+\.py)`", TEXT))))
def test_every_file_that_it_names_without_its_folder_is_one_of_the_native_engine(name):
    assert (SOURCE / "engines/native" / name).exists()
