import re

import pytest

from koubai.lab.conclude.notebook import result_html
from koubai.words import set_language, speaking


def test_a_result_shows_itself_without_a_script(result):
    html = result._repr_html_()
    assert "<script" not in html
    arms = {arm for arm, measure in result.summaries if measure == result.experiment.measure}
    assert html.count("<svg") == len(arms) + 1, "a picture an arm, and the scale below"
    assert all(name in html or "<" in name for name in result.arms)


def test_dots_lie_where_the_numbers_are(grid_result):
    html = result_html(grid_result)
    assert "95.7% [95.1%, 96.7%]" in html
    *_, last, below = html.split("<svg")
    mean = float(last.split('x1="')[2].split('"')[0])
    assert mean == pytest.approx(6 + 188 * 0.957, abs=0.5)
    ticks = re.findall(r'<text x="([\d.]+)"[^>]*>([\d.]+)<', below)
    assert ("100.0", "0.5") in ticks
    verdict, table = html.index("<ul>"), html.index("<table>")
    assert verdict < table, "what was found comes first"
    with speaking("ja"):
        assert "どの活性化関数" in result_html(grid_result)


def test_names_are_escaped(hostile_result):
    set_language("en")
    html = hostile_result._repr_html_()
    set_language(None)
    assert "<script" not in html
    assert "&lt;script&gt;alert" in html
