import base64
import gzip
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest

from koubai.core.errors import KoubaiError
from koubai.report import write_html
from koubai.report.experiment import experiment_page
from koubai.report.html import render
from koubai.report.run import RunRecord, run_page
from koubai.train.folder import RunFolder
from koubai.train.train import train

LOADING = {"src", "href", "action", "data", "poster", "srcset", "background", "formaction"}


class Document(HTMLParser):
    """What a browser would take from a page: elements, their attributes, the text of scripts."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.scripts, self.text = [], [], []
        self.inside = None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.inside = tag if tag in ("script", "style") else None

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, data):
        if self.inside == "script":
            self.scripts.append((self.elements[-1][1], data))
        elif self.inside is None:
            self.text.append(data)

    def all(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]


@pytest.fixture(scope="module", params=["en", "ja"])
def page(request, result):
    return Document(render(experiment_page(result, request.param))), request.param


def test_a_page_is_complete_in_itself(page):
    document, lang = page
    assert document.all("html") == [{"lang": lang}]
    loading = [
        (tag, name, value)
        for tag, attrs in document.elements
        for name, value in attrs.items()
        if name in LOADING
    ]
    assert all(tag == "a" and value.startswith("#") for tag, _, value in loading)
    assert not [
        attrs for tag, attrs in document.elements if tag in ("link", "iframe", "object", "embed", "img")
    ]


def test_every_link_has_its_section_and_every_id_is_unique(page):
    document, _ = page
    ids = [attrs["id"] for _, attrs in document.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {attrs["href"][1:] for attrs in document.all("a")} <= set(ids)


def test_every_figure_has_its_sentence_and_its_table(page):
    document, _ = page
    figures = [i for i, (tag, _) in enumerate(document.elements) if tag == "figure"]
    assert figures
    for start, end in zip(figures, [*figures[1:], len(document.elements)], strict=True):
        inside = document.elements[start:end]
        assert ("p", {"class": "summary"}) in inside
        assert "table" in [tag for tag, _ in inside]
        assert any(attrs.get("class") == "plot" for _, attrs in inside)


def test_only_the_two_scripts_it_carries_may_run(page):
    document, _ = page
    policy = next(attrs["content"] for attrs in document.all("meta") if attrs.get("http-equiv"))
    allowed = set(re.findall(r"'sha256-([^']+)'", policy))
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe-inline" not in policy.split("script-src")[1].split(";")[0]
    (own,) = [text for attrs, text in document.scripts if not attrs]
    (packed,) = [text for attrs, text in document.scripts if attrs.get("id") == "plotly-packed"]
    plotly = gzip.decompress(base64.b64decode(packed))
    hashes = {base64.b64encode(hashlib.sha256(part).digest()).decode() for part in (own.encode(), plotly)}
    assert hashes == allowed


def test_the_data_of_a_page_name_every_plot(page):
    document, _ = page
    (data,) = [json.loads(text) for attrs, text in document.scripts if attrs.get("id") == "page-data"]
    plots = {attrs["id"] for _, attrs in document.elements if attrs.get("class") == "plot"}
    assert set(data["figures"]) == plots
    assert all("template" not in figure["layout"] for figure in data["figures"].values())


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_a_name_that_means_harm_is_only_text(hostile_result, lang):
    text = render(experiment_page(hostile_result, lang))
    document = Document(text)
    assert '<script>alert("x")</script> <b>bold</b>' in " ".join("".join(document.text).split())
    assert not document.all("b")
    assert "alert(" not in "".join(body for attrs, body in document.scripts if attrs.get("id") != "page-data")
    (data,) = [body for attrs, body in document.scripts if attrs.get("id") == "page-data"]
    assert not set("<>&") & set(data)


def test_two_writings_of_one_result_are_equal(grid_result):
    assert render(experiment_page(grid_result, "en")) == render(experiment_page(grid_result, "en"))


def test_the_question_and_the_verdicts_come_first(grid_result):
    text = render(experiment_page(grid_result, "en"))
    first = text.index("<h1>Which combination")
    assert first < text.index("Cannot tell yet") < text.index("<main>")
    assert text.index("ReLU + He ends with a higher test accuracy than") < text.index("<main>")


def test_collapsed_runs_and_differences_are_said(grid_result):
    document = Document(render(experiment_page(grid_result, "en")))
    text = " ".join("".join(document.text).split())
    assert "collapsed: one class for every sample" in text
    assert "Normal(scale=0.01)" in text
    assert "Example CPU" in text


def test_a_page_of_a_run_reads_its_folder(run_folder):
    page = run_page(RunRecord.read(RunFolder(run_folder)), "en")
    sections = {section.name: section for section in page.sections}
    assert set(sections) == {
        "learning",
        "gradients",
        "layers",
        "activations",
        "filters",
        "recipe",
        "environment",
    }
    assert page.badges[0].tone == "good"
    assert page.badges[0].text == "All 60 updates were made."
    assert any("test data: accuracy" in sentence for sentence in page.sentences)
    (activations,) = sections["activations"].pictures
    assert [row[1] for row in activations.table.rows] == ["1 ReLU", "4 Sigmoid"]
    document = Document(render(page))
    assert not document.all("b")


def test_findings_are_cards_in_the_words_of_the_doctor(run_folder):
    record = RunRecord.read(RunFolder(run_folder))
    finding = {
        "code": "K003",
        "name": "vanishing_gradient",
        "severity": "severe",
        "layer": "3",
        "first_step": 0,
        "details": {"inverse": 40000.0, "layers": 4},
        "evidence": [{"measure": "gradient_ratio", "value": 2.5e-5, "threshold": 0.001, "sick": "below"}],
        "remedies": ["use_relu"],
    }
    unknown = {"name": "from_the_future", "severity": "warn", "details": {"size": "inf"}, "evidence": []}
    for lang, title in (("en", "Vanishing gradient (K003)"), ("ja", "勾配消失 (K003)")):
        section = run_page(record, lang, [finding, unknown]).sections[0]
        assert section.cards[0].title == title
        assert section.cards[0].tone == "bad"
        assert "3 Linear" in section.cards[0].paragraphs[0]
        assert "40,000" in section.cards[0].paragraphs[0]
        assert section.cards[1].title == "from the future"
    healthy = run_page(record, "en", []).sections[0]
    assert healthy.text == ("Nothing: no sign of a fault was confirmed.",)


def test_an_unfinished_run_has_a_page_too(run_folder, tmp_path):
    def stop(session):
        session.stopped_by = "interrupted"

    folder = tmp_path / "stopped"
    run = train(RunFolder(run_folder).recipe, engine="reference", folder=folder, on_progress=stop)
    page = run_page(RunRecord.read(RunFolder(folder)), "en")
    assert page.badges[0].word == "Not finished"
    assert f"{run.session.step} of 60 updates" in page.badges[0].text


def test_a_failed_writing_leaves_the_old_report(grid_result, tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    path.write_text("old")

    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(KoubaiError, match="the disk is full"):
        write_html(grid_result, path, "en")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_report_makes_the_folders_it_needs(grid_result, tmp_path):
    path = write_html(grid_result, tmp_path / "new" / "report.html")
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
