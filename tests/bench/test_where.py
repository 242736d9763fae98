"""The benchmarks are no part of the package: a clone has them; who has none is told where they are."""

import sys

import pytest

from koubai.cli import benchmarks
from koubai.core.errors import KoubaiError
from koubai.words import LANGUAGES, set_language


@pytest.fixture(autouse=True)
def _a_package_that_is_not_installed(monkeypatch, tmp_path):
    monkeypatch.setattr(benchmarks, "PACKAGE", "benchmarks_of_nobody")
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_without_a_clone_the_reader_is_told_where_they_are(lang):
    set_language(lang)
    with pytest.raises(KoubaiError, match=r"pip install \./benchmarks"):
        benchmarks.benchmark("speed.command")
    set_language(None)


def test_in_a_clone_they_are_found(tmp_path):
    folder = tmp_path / "benchmarks/benchmarks_of_nobody"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "found.py").write_text("answer = 42\n")
    assert benchmarks.benchmark("found").answer == 42
