import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from koubai.lab.declare.experiment import Arm
from koubai.lab.perform.progress import CampaignProgress
from koubai.report import terminal
from koubai.report.terminal import ArmRow, live_view, print_result, progress_line, result_table
from koubai.report.terminal_rows import arm_rows
from koubai.report.theme import columns
from koubai.words import speaking


@pytest.fixture(autouse=True)
def english():
    with speaking("en"):
        yield


def printed(what, width=100, **settings):
    console = Console(file=io.StringIO(), width=width, color_system=None, **settings)
    console.print(what) if not callable(what) else what(console)
    return console.file.getvalue()


def test_a_row_is_the_median_gradient_and_the_mean_score(grid_result):
    (first, *_), _ = arm_rows(grid_result.experiment, grid_result.runs)
    assert first.collapsed == first.made == 5
    assert first.score == pytest.approx(0.102)
    sizes = list(first.gradients.values())
    assert sizes == sorted(sizes)
    assert sizes[0] / sizes[-1] == pytest.approx(2.5e-5, rel=0.2)


@pytest.mark.parametrize("width", [60, 80, 100, 140])
@pytest.mark.parametrize("lang", ["en", "ja"])
def test_every_line_fits_the_terminal_in_both_languages(result, width, lang):
    with speaking(lang):
        table = result_table(result.experiment, result.runs, width=width)
    lines = printed(table, width).splitlines()
    assert max(columns(line) for line in lines) <= width
    assert sum("─" in line for line in lines) == 1


def test_numbers_are_not_cut_where_there_is_room(grid_result):
    text = printed(result_table(grid_result.experiment, grid_result.runs, width=120), 120)
    assert "…" not in text
    assert "[91.0%, 92.6%]" in text
    assert "3×10⁻⁵" in text
    assert "█" in text


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_eighty_columns_hold_the_demo_uncut_with_first_and_last_layer(grid_result, lang):
    with speaking(lang):
        text = printed(result_table(grid_result.experiment, grid_result.runs, width=80), 80)
    assert "…" not in text
    assert "[91.0%, 92.6%]" in text
    assert "3×10⁻⁵" in text


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_a_measure_with_a_long_name_stands_in_lines_above_its_numbers(grid_result, lang):
    experiment = replace(grid_result.experiment, measure="first_to_last_gradient")
    with speaking(lang):
        text = printed(result_table(experiment, grid_result.runs, width=80), 80)
    head, _, _ = text.partition("─")
    assert "…" not in text
    assert len(head.splitlines()) > 1
    assert "dE/du" in head


def test_sixty_columns_cut_no_number(grid_result):
    text = printed(result_table(grid_result.experiment, grid_result.runs, width=60), 60)
    assert "…" not in text
    assert "95.7%" in text


def test_plain_has_no_bar_no_box_no_mark_and_numbers_a_program_reads(grid_result):
    text = printed(lambda console: print_result(console, grid_result, plain=True), 400)
    assert not set("█─✓×⁻") & set(text)
    assert "\nCannot tell yet: " in text
    line = next(line for line in text.splitlines() if line.startswith("sigmoid + normal .01"))
    assert float(line.split()[4]) == pytest.approx(3e-5, rel=0.1)


def test_verdicts_and_sentences_follow_the_table(grid_result):
    text = printed(lambda console: print_result(console, grid_result), 300)
    assert text.index("ReLU + He  ") < text.index("? Cannot tell yet") < text.index("best mean test accuracy")


def test_a_name_is_never_markup(hostile_result):
    text = printed(lambda console: print_result(console, hostile_result, plain=True), 400)
    assert '<script>alert("x")</script>' in text
    with speaking("ja"):
        assert printed(lambda console: print_result(console, hostile_result))


def test_before_any_run_there_is_a_table_of_arms(grid_result):
    text = printed(result_table(grid_result.experiment, ()))
    assert "0/5" in text
    assert "ReLU + He" in text


def test_progress_is_one_line(grid_result):
    progress = CampaignProgress(total=45, reused=5)
    progress.done = 10
    assert progress_line(progress).startswith("15 of 45 runs, about ")
    with speaking("ja"):
        assert re.fullmatch(r"45 回中 15 回完了、残り約 [\d.]+ (秒|分|時間)", progress_line(progress))
    assert progress_line(CampaignProgress(total=45)) == "0 of 45 runs"
    shown = printed(live_view(grid_result.experiment, grid_result.runs, progress))
    assert "15 of 45 runs" in shown


def test_gradients_that_are_nearly_equal_have_bars_that_are():
    low, high = terminal._scale([ArmRow(arm=Arm("a"), made=1, wanted=1, gradients={"0": 0.19, "1": 0.18})])
    drawn = [terminal._gradient(size, (low, high), 6, False).plain.split()[0] for size in (0.19, 0.18)]
    assert len(drawn[0]) - len(drawn[1]) <= 1
    assert terminal._scale([]) == (0.0, 1.0)
