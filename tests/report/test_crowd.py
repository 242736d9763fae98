"""Many arms on one page: both ends by rank, how all are spread, and the numbers they have everywhere."""

from io import StringIO

import numpy as np
import pytest
from rich.console import Console

from koubai.data import Digits
from koubai.lab.closing import conclude
from koubai.lab.conclude.export import to_json
from koubai.lab.declare.experiment import Arm, Experiment
from koubai.models import Mlp
from koubai.probes.history import History
from koubai.report.crowd import ENDS, MOST, ends_of, folded
from koubai.report.experiment import experiment_page
from koubai.report.html import render
from koubai.report.terminal import result_table
from koubai.train.recipe import Recipe
from koubai.words import speaking

from .conftest import run_of

COUNT, SEEDS = 100, 3


def crowd_of(count, measure="test_accuracy"):
    draw = np.random.default_rng(count)
    arms = tuple(Arm(f"arm {i}", {"steps": i + 1}) for i in range(count))
    runs = []
    for arm in arms:
        middle = draw.uniform(0.1, 0.9)
        for seed in range(SEEDS):
            score = {measure: middle + draw.normal(0, 0.01)} if arm.name != "arm 7" else {}
            runs.append(run_of(arm.name, seed, score, History()))
    experiment = Experiment(
        "many",
        Recipe(Mlp((4,)), Digits()),
        arms,
        seeds=tuple(range(SEEDS)),
        measure=measure,
        baseline="arm 3",
    )
    return conclude(experiment, tuple(runs))


@pytest.fixture(scope="module")
def many():
    return crowd_of(COUNT)


def ranked(result, sign=-1):
    means = {name: found.mean for name in result.arms if (found := result.summary(name))}
    return sorted(means, key=lambda name: sign * means[name])


@pytest.mark.parametrize(("measure", "sign"), [("test_accuracy", -1), ("test_loss", 1)])
def test_both_ends_are_listed_by_rank_behind_the_baseline(measure, sign):
    result = crowd_of(COUNT, measure)
    order = [*ranked(result, sign), "arm 7"]  # without a number: behind all
    wanted = dict.fromkeys(["arm 3", *order[:ENDS], *order[-ENDS:]])
    assert list(folded(result).arms) == list(wanted)


def test_few_arms_stay_as_they_are():
    result = crowd_of(MOST)
    assert folded(result) is result
    with speaking("en"):
        assert not any(picture.name.startswith("crowd") for picture in pictures(result))


def pictures(result):
    page = experiment_page(result)
    return [page.lead, *(picture for section in page.sections for picture in section.pictures)]


def test_the_page_lists_the_ends_and_draws_how_all_are_spread(many):
    page = experiment_page(many, "en")
    listed = list(folded(many).arms)
    sections = {section.name: section for section in page.sections}
    statistics, comparisons = sections["outcome"].tables
    assert [row[0] for row in statistics.table.rows] == listed
    assert [row[0] for row in comparisons.table.rows] == [
        arm for arm in listed if arm not in ("arm 3", "arm 7")
    ]
    assert len(sections["runs"].tables[0].table.rows) == SEEDS * len(listed)
    assert [row[0] for row in sections["recipe"].tables[0].table.rows] == listed
    notes = [statistics.note, comparisons.note, sections["runs"].tables[0].note, page.lead.note]
    assert all("best 15 and the worst 15 of 100 arms" in note for note in notes)
    assert len(page.lead.panels[0].figure.plotly().layout.yaxis.ticktext) == len(listed)
    assert len(render(page)) < 3e6


def test_the_numbers_are_those_of_the_whole(many):
    """An arm that is listed has the numbers it has among all: Holm's p is over all 98 comparisons."""
    wanted = {row["arm"]: row for row in to_json(many)["comparisons"]}
    found = folded(many)
    assert len(wanted) == COUNT - 2
    for row in found.comparisons:
        assert (row.difference, row.p, row.p_holm) == tuple(
            wanted[row.arm][name] for name in ("difference", "p", "p_holm")
        )
    for name in found.arms:
        assert found.summary(name) is many.summary(name)


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_the_spread_of_all_means_is_drawn_and_said(many, lang):
    with speaking(lang):
        (picture,) = (found for found in pictures(many) if found.name == "crowd-test_accuracy")
    means = np.array([many.summary(name).mean for name in many.arms if name != "arm 7"])
    (trace,) = picture.panels[0].figure.plotly().data
    assert sum(trace.y) == len(means) == COUNT - 1
    assert (trace.x[0], trace.x[-1]) == (means.min(), means.max())
    best, *_, worst = ranked(many)
    for said in (best, worst, f"{means.max():.1%}", f"{means.min():.1%}", f"{np.quantile(means, 0.25):.1%}"):
        assert said in picture.summary
    assert picture.table.rows[3][1] == f"{np.median(means):.1%}"
    assert "1" in picture.note  # one arm without a number


def test_a_terminal_shows_the_ends_and_a_program_gets_all(many):
    with speaking("en"):
        whole, table = (
            result_table(many.experiment, many.runs, plain=plain, width=100) for plain in (True, False)
        )
        screen = Console(width=100, record=True, file=StringIO())
        screen.print(table)
    assert whole.row_count == COUNT
    text = screen.export_text()
    order = ranked(many)
    assert text.index(f"{order[0]} ") < text.index(f"{order[19]} ") < text.index("60 arms between")
    assert text.index("60 arms between") < text.index("arm 7 ")
    assert f"{order[40]} " not in text


def test_nobody_is_both_best_and_worst():
    assert ends_of({str(i): float(i) for i in range(61)}, "test_accuracy", 60, 30).between == 1
