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


def test_the_reading_order_is_ten_files_as_long_as_it_says():
    told = TEXT.partition("## Where to begin reading")[2].partition("## ")[0]
    (tour,) = re.findall(r"\]\(\.\./(tests/[a-z_]+\.py)\)", told)
    listed = re.findall(r"^\d+\. `([a-z_/]+\.py)`", told, re.MULTILINE)
    files = [ROOT / tour, *(SOURCE / name for name in listed)]
    assert len(files) == 10
    lines = sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files)
    said = int(re.search(r"about ([\d,]+) lines", told)[1].replace(",", ""))
    assert abs(lines - said) < 0.1 * said


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`([a-z_]+\.py)`", TEXT))))
def test_every_file_that_it_names_without_its_folder_is_one_of_the_native_engine(name):
    assert (SOURCE / "engines/native" / name).exists()
