"""Every experiment of the catalog gets a page; where its results lie, with pictures and what came out."""

import json
import re

import pytest

from koubai.cli.main import main
from koubai.lab.catalog import catalog_entries, catalog_experiment
from koubai.words import LANGUAGES, entries
from support.docs import within_docs

FIGURE = re.compile(r'<script type="application/json">(.*?)</script>')


@pytest.fixture(scope="module")
def docs():
    """The module of the record; the folder of the documentation's modules is on the path."""
    with within_docs():
        import record

        yield record


@pytest.fixture(scope="module")
def pages(docs, tmp_path_factory):
    from catalog import write_experiments

    folder = tmp_path_factory.mktemp("pages")
    assert main(["run", "parabola", "--json", "--out", str(folder / "runs/parabola")]) == 0
    write_experiments(folder, folder / "runs")
    return {
        lang: {path.stem: path.read_text(encoding="utf-8") for path in (place / "experiments").iterdir()}
        for lang, place in (("en", folder), ("ja", folder / "ja"))
    }


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_experiment_has_its_question_its_command_and_its_recipe(pages, lang):
    assert set(pages[lang]) == {entry.name() for entry in catalog_entries()} | {"index"}
    assert set(entries("titles")) == {entry.registry_name for entry in catalog_entries()}
    for entry in catalog_entries():
        page = pages[lang][entry.name()]
        assert catalog_experiment(entry.name()).question.say(lang) in page
        assert f"koubai run {entry.name()}\n" in page
        assert f"[{page.splitlines()[0].removeprefix('# ')}]({entry.name()}.md)" in pages[lang]["index"]
        assert "<tbody>" in page


def test_a_page_without_runs_shows_what_is_recorded(pages):
    for entry in catalog_entries():
        page = pages["en"][entry.name()]
        assert "built without results" not in page
        assert FIGURE.search(page), f"{entry.name()} has no picture"
        assert 'class="badge ' in page, f"{entry.name()} has no verdict"
    assert "last recorded" in pages["en"]["first-net"]
    assert "last recorded" not in pages["en"]["valley"], "a descent takes a moment, so it is made at once"


def test_the_record_is_of_the_experiments_as_they_are(docs):
    record = docs.read()
    for entry in catalog_entries():
        experiment, kept = catalog_experiment(entry.name()), record[entry.name()]
        assert list(kept["arms"]) == [arm.name for arm in experiment.arms]
        for numbers in kept["arms"].values():
            assert len(numbers[experiment.measure]) == len(experiment.seeds)
            assert set(numbers["collapsed"]) <= set(experiment.seeds)


def template(text, outcome):
    """A pattern of all sentences that a text can become, without spaces; an outcome has its own words."""
    gaps = {"{outcome}": f"(?:{outcome})"}
    parts = re.split(r"(\{[^}]*\})", text.replace(" ", ""))
    return "".join(gaps.get(part, ".*") if part.startswith("{") else re.escape(part) for part in parts)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_record_says_what_is_said_today(docs, lang):
    """A sentence whose words have changed since it was recorded fits no template any more."""
    known = {f"{area}.{key}": said for area in ("experiments", "lab") for key, said in entries(area).items()}
    whole = ("all_never", "all_fell", "all_diverged", "learned", "single", "mixed")
    outcome = "|".join(template(known[f"lab.outcome.{name}"][lang], "") for name in whole)
    closing = (
        "experiments.",
        "lab.outcome.arm",
        "lab.outcome.gap",
        "lab.outcome.net",
        "lab.outcome.un",
        "lab.sentence.",
    )
    texts = [said[lang] for key, said in known.items() if key.startswith(closing) and lang in said]
    pattern = re.compile("|".join(template(text, outcome) for text in texts))
    spoken = [(name, sentence) for name, kept in docs.read().items() for sentence in kept[lang]]
    aged = [pair for pair in spoken if not pattern.fullmatch(pair[1].replace(" ", ""))]
    assert not aged, "run them again and record: " + ", ".join(sorted({name for name, _ in aged}))


def test_the_record_gives_back_the_verdicts_of_the_runs(docs, tmp_path):
    words = ["run", "search", "--steps", "40", "--json", "--threads", "1", "--out"]
    assert main([*words, str(tmp_path / "search")]) == 0
    assert docs.update(tmp_path, tmp_path / "kept.toml") == ["search"]
    result = docs.stored(tmp_path / "search")
    again = docs.recalled(result.experiment, docs.read(tmp_path / "kept.toml")["search"])
    assert [verdict.outcome for verdict in again.verdicts] == [verdict.outcome for verdict in result.verdicts]
    for lang in ("en", "ja"):
        assert [s.say(lang) for s in again.sentences] == [s.say(lang) for s in result.sentences]
    for arm in result.arms:
        assert again.summary(arm).mean == pytest.approx(result.summary(arm).mean, abs=1e-4)
    assert docs.update(tmp_path / "nothing", tmp_path / "kept.toml") == []
    assert set(docs.read(tmp_path / "kept.toml")) == {"search"}, "what was not run keeps its numbers"


def test_a_page_with_nothing_to_show_says_how_to_get_it(docs, tmp_path):
    from catalog import write_experiments

    write_experiments(tmp_path, tmp_path / "runs", tmp_path / "no record", ["en"])
    page = (tmp_path / "experiments" / "first-net.md").read_text(encoding="utf-8")
    assert "built without results: `scripts/run-catalog`" in page
    assert not FIGURE.search(page)


def test_a_page_with_results_tells_them_in_both_languages_and_draws_them(pages):
    assert "eps 1.05" in pages["en"]["parabola"]
    for lang, numbers, heading in (("en", "The numbers", "In short"), ("ja", "数値</summary>", "要点")):
        page = pages[lang]["parabola"]
        assert "without results" not in page
        short = page.split(heading)[1].split("```")[1]
        assert len(re.findall("<li>", short)) >= 6  # six learning rates
        figures = [json.loads(text) for text in FIGURE.findall(page)]
        assert len(figures) >= 7  # six descents and the outcome
        assert all(figure["data"] for figure in figures)
        assert page.count("<figure") == page.count(numbers)
