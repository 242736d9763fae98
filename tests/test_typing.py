"""What type checkers are told is true: stubs name what is there, and the public API is checked strictly."""

import ast
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

import koubai

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src/koubai"
STUBS = sorted(SOURCE.rglob("*.pyi"))


def shown(stub):
    """The names that a stub imports for others."""
    tree = ast.parse(stub.read_text(encoding="utf-8"))
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module != "typing"]
    return [(node.module, alias.name, alias.asname) for node in imports for alias in node.names]


@pytest.mark.parametrize("stub", STUBS, ids=lambda stub: stub.parent.name)
def test_every_name_of_a_stub_is_that_very_thing(stub):
    module = import_module(".".join(("koubai", *stub.parent.relative_to(SOURCE).parts)))
    names = shown(stub)
    assert names
    for origin, name, public in names:
        home = import_module(origin)
        found = getattr(home, name) if hasattr(home, name) else import_module(f"{origin}.{name}")
        assert getattr(module, public) is found, f"{public}: write the stubs again (scripts/stubs)"


def test_the_functions_and_nouns_of_koubai_are_typed():
    typed = {public for _, _, public in shown(SOURCE / "__init__.pyi")}
    assert {*koubai._EXPORTS, *koubai._SUBPACKAGES, "Linear", "Adam", "SoftmaxCrossEntropy"} <= typed


def test_what_is_exported_is_checked_strictly():
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mypy"]
    (strict,) = (each for each in config["overrides"] if each.get("warn_return_any"))
    assert set(strict["module"]) == set(koubai._EXPORTS.values())


def test_the_mark_of_a_typed_package_lies_in_it():
    assert (SOURCE / "py.typed").is_file()
