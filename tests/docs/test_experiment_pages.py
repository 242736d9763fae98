"""Every experiment of the catalogue gets a page; where its results lie, with pictures and what came out."""

import json
import re
import sys
from pathlib import Path

import pytest

from koubai.cli.main import main
from koubai.lab.catalog import build, listing

ROOT = Path(__file__).parents[2]
FIGURE = re.compile(r'<script type="application/json">(.*?)</script>')


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    assert main(["run", "parabola", "--json", "--out", str(folder / "runs/parabola")]) == 0
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        from catalog import write_experiments
    finally:
        sys.path.remove(str(ROOT / "docs"))
    write_experiments(folder / "experiments", folder / "runs")
    return {path.stem: path.read_text(encoding="utf-8") for path in (folder / "experiments").iterdir()}


def test_every_experiment_has_its_question_its_command_and_its_recipe(pages):
    assert set(pages) == {entry.name() for entry in listing()} | {"index"}
    for entry in listing():
        page, question = pages[entry.name()], build(entry.name()).question
        assert question.en in page
        assert question.ja in page
        assert f"koubai run {entry.name()}\n" in page
        assert f"[{page.splitlines()[0].removeprefix('# ')}]({entry.name()}.md)" in pages["index"]
        assert "<tbody>" in page


def test_a_page_without_results_has_no_picture_and_says_so(pages):
    assert "without results" in pages["valley"]
    assert not FIGURE.search(pages["valley"])


def test_a_page_with_results_tells_them_in_both_languages_and_draws_them(pages):
    page = pages["parabola"]
    assert "without results" not in page
    assert "eps 1.05" in page
    japanese = re.search(r'<details lang="ja">.*?</details>', page, re.DOTALL).group()
    assert len(re.findall("<li>", japanese)) >= 6  # six learning rates
    figures = [json.loads(text) for text in FIGURE.findall(page)]
    assert len(figures) >= 7  # six descents and the outcome
    assert all(figure["data"] for figure in figures)
    assert page.count("<figure") == page.count("The numbers")
