"""What koubai shows in notebooks: findings first, drawn axes, shapes; the same in the export."""

import json
import re
from html import unescape
from xml.etree import ElementTree

import numpy as np
import pytest

import koubai as kb
from koubai.core.markup import curves, table
from koubai.doctor.answer.markup import verdict_html
from koubai.doctor.answer.verdict import Unseen, Verdict
from koubai.doctor.patient.place import Place
from koubai.doctor.visit.finding import Finding, Measure
from koubai.lab.declare.experiment import Arm
from koubai.train import notebook
from koubai.words import set_language


@pytest.fixture(autouse=True)
def english():
    set_language("en")
    yield
    set_language(None)


def whole(html):
    """Parse HTML as strictly as XML; return its texts."""
    assert "<script" not in html
    root = ElementTree.fromstring(f"<div>{html}</div>")
    return [text.strip() for text in root.itertext() if text.strip()], root


def drawn(html):
    """Return the points of each curve, and each tick's place by its text: of the x axis and of the y axis."""
    _, root = whole(html)
    lines = [
        np.array([p.split(",") for p in each.get("points").split()], float) for each in root.iter("polyline")
    ]
    texts = [each for each in root.iter("text") if each.get("x") is not None]
    below = {each.text: float(each.get("x")) for each in texts if each.get("text-anchor") == "middle"}
    beside = {each.text: float(each.get("y")) - 5 for each in texts if each.get("text-anchor") == "end"}
    return lines, below, beside


def test_a_curve_lies_where_its_axes_say():
    x, y = np.array([0.0, 250, 1000]), np.array([0.0, 1.0, 4.0])
    (line,), below, beside = drawn(curves({"a": (x, y)}, "updates", "loss", "It rises."))
    assert {"0", "200", "1,000", "updates"} <= set(below)
    assert line[0, 0] == pytest.approx(below["0"], abs=0.2)
    assert line[2, 0] == pytest.approx(below["1,000"], abs=0.2)
    assert line[1, 1] == pytest.approx(beside["1"], abs=0.2)
    assert line[2, 1] == pytest.approx(beside["4"], abs=0.2)


def test_a_fall_over_decades_is_drawn_on_a_logarithmic_axis():
    (line,), _, beside = drawn(curves({"a": (np.arange(3.0), np.array([1.0, 0.1, 0.001]))}, "x", "y", "t"))
    assert line[1, 1] == pytest.approx(beside["0.1"], abs=0.2)
    assert beside["0.1"] - beside["1"] == pytest.approx(beside["0.01"] - beside["0.1"], abs=0.3)


def test_what_cannot_be_drawn_is_left_away_and_texts_are_escaped():
    nan = np.array([1.0, np.nan, np.inf])
    assert curves({"a": (np.arange(3.0), nan)}, "x", "y", "t") == ""
    html = curves(
        {"<b>": (np.arange(9.0), np.ones(9)), "c": (np.arange(9.0), np.ones(9))}, "<x>", "<y>", "<t>"
    )
    assert "<b>" not in html
    assert {"<x>", "<y>", "<t>"} <= set(whole(html)[0])
    assert whole(table([["<i>"], ["<u>"]]))[0] == ["<i>", "<u>"]


def test_many_points_are_averaged_and_flat_lines_stay_on_the_page():
    (line,), *_ = drawn(curves({"a": (np.arange(9999.0), np.ones(9999))}, "x", "y", "t"))
    assert len(line) == 240
    assert len(set(line[:, 1])) == 1


@pytest.fixture(scope="module")
def sick():
    net = kb.Sequential(kb.Flatten(), kb.Linear(40, weight_init=kb.Zeros()), kb.ReLU(), kb.Linear(10))
    return kb.fit(net, kb.data.digits(), optimizer=kb.SGD(0.1), steps=60, progress=False, engine="reference")


def test_a_run_shows_findings_then_scores_then_its_curve_then_layers_with_shapes(sick):
    said = "\n".join(whole(sick._repr_html_())[0])
    order = [said.index(word) for word in ("K006", "accuracy", "updates", "Flatten()", "Linear(40")]
    assert order == sorted(order)
    assert "run.findings" in said


def test_findings_show_place_evidence_and_what_to_do_and_escape_names():
    finding = Finding(
        "K010", "not_learning", "warn", "<0>", Place("<a>.py", 3, "loss"), 1, (Measure("skill", 0.1, 0.5),)
    )
    texts = "\n".join(whole(finding._repr_html_())[0])
    for part in ("K010", "<0>", "<a>.py:3", "Evidence"):
        assert part in texts
    blind = whole(verdict_html(Verdict([], (Unseen("loss"),))))[0]
    assert blind[0].startswith("Not judged")
    assert not any("Healthy" in text for text in blind)
    assert whole(verdict_html(Verdict([])))[0] == ["Healthy: nothing found that harms this run."]
    set_language("ja")
    assert whole(verdict_html(Verdict([])))[0][0].startswith("健康です")


def test_networks_and_experiments_show_what_they_are_made_of(sick):
    texts = whole(sick.session.network._repr_html_())[0]
    first = texts.index("Linear(40)")
    assert texts[first + 1 : first + 3] == ["40", f"{64 * 40 + 40:,}"]
    experiment = kb.Experiment(
        "rates", sick.recipe, (Arm("slow", {"optimizer.learning_rate": 0.001}), Arm("as it is"))
    )
    shown = "\n".join(whole(experiment._repr_html_())[0])
    assert "optimizer.learning_rate = 0.001" in shown
    assert "2 arms x 6 seeds" in shown


class Handle:
    def __init__(self):
        self.painted = []

    def update(self, html):
        self.painted.append(html)


def test_progress_is_painted_over_and_its_last_line_stays(monkeypatch):
    place = Handle()
    monkeypatch.setattr("koubai.train.progress.display_here", lambda: place)
    monkeypatch.setattr("koubai.train.progress._PAINT_EVERY", 0.0)
    net = kb.Sequential(kb.Flatten(), kb.Linear(10))
    kb.fit(net, kb.data.digits(), steps=30, engine="reference", observation=kb.Observation(tap_every=1))
    assert len(place.painted) > 1
    assert "30" in "".join(whole(place.painted[-1])[0])
    assert "<svg" not in place.painted[-1]
    assert any("<svg" in html for html in place.painted[:-1])
    assert notebook.display_here() is None or "IPython" in __import__("sys").modules


CELLS = [
    "import koubai as kb\nnet = kb.Sequential(kb.Flatten(), kb.Linear(40), kb.ReLU(), kb.Linear(10))",
    "run = kb.fit(net, kb.data.digits(), optimizer=kb.Adam(0.01), steps=400, engine='reference')\nrun",
    "run.session.network",
    "run.findings",
]


@pytest.mark.slow
def test_a_notebook_is_executed_saved_and_exported_with_all_that_it_showed(tmp_path):
    nbformat, nbconvert = pytest.importorskip("nbformat"), pytest.importorskip("nbconvert")
    from nbconvert.preprocessors import ExecutePreprocessor

    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    ExecutePreprocessor(timeout=300).preprocess(book, {"metadata": {"path": str(tmp_path)}})
    saved = json.loads(nbformat.writes(book))
    shown = [
        "".join(output["data"]["text/html"])
        for cell in saved["cells"]
        for output in cell["outputs"]
        if "text/html" in output.get("data", {})
    ]
    assert any("400" in html and "<svg" not in html for html in shown), "the last line of the progress"
    page, _ = nbconvert.HTMLExporter().from_notebook_node(book)
    exported = unescape(page)
    for html in shown:
        missing = [text for text in whole(html)[0] if text not in exported]
        assert missing == []
    points = [line for html in shown for line in re.findall(r'points="([^"]+)"', html)]
    assert points
    assert all(line in page for line in points), "the export draws the very same"
