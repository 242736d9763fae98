"""Sentences as a Japanese reader reads them: counts are many, distances large, shares high."""

import numpy as np
import pytest

from koubai.lab.catalog import catalog_experiment
from koubai.lab.closing import conclude
from koubai.lab.conclude.phrases import gaps, learned
from koubai.lab.declare.experiment import Arm, Claim, Experiment
from koubai.lab.declare.measures import Measured, factor_name
from koubai.report.figures.outcomes import ArmOutcome, outcomes
from koubai.report.figures.sweep import Sweep, sweep
from koubai.report.palette import style
from koubai.report.picture import Panel, Picture, Table, of_many
from koubai.words import say, speaking
from support.made_runs import made


def test_no_space_stands_between_japanese_and_what_is_filled_in():
    assert (
        say("report.gap.one", "ja", widest="A", wide=3) == "A の訓練とテストの正解率の差は 3 ポイントです。"
    )
    assert Measured("gap", 0.146).say("ja") == "14.6 ポイント"
    assert Measured("gap", -0.146, signed=True).say("ja") == "-14.6 ポイント"
    runs = (made("a", 0, train_accuracy=1.0, test_accuracy=0.854, gap=0.146),)
    (said,) = gaps(conclude(Experiment("e", None, (Arm("a"),), seeds=(0,)), runs))
    assert said.say("ja") == "a: 訓練 100.0%、テスト 85.4% で、差は 14.6 ポイントです。"
    assert said.say("en") == "a: training 100.0%, test 85.4%, gap 14.6 points."


@pytest.mark.parametrize(
    ("measure", "top", "bottom"),
    [
        ("test_accuracy", "最も高く", "最も低く"),
        ("columns", "最も多く", "最も少なく"),
        ("parameters", "最も多く", "最も少なく"),
        ("distance", "最も大きく", "最も小さく"),
        ("gap", "最も大きく", "最も小さく"),
        ("test_loss", "最も大きく", "最も小さく"),
    ],
)
def test_what_is_on_top_depends_on_what_is_measured(measure, top, bottom):
    arms = [ArmOutcome(name, {0: value}, value) for name, value in (("A", 0.2), ("B", 0.9))]
    with speaking("ja"):
        summary = outcomes(arms, measure).summary
    assert top in summary
    assert bottom in summary
    assert summary.index("B") < summary.index(top) < summary.index("A") < summary.index(bottom)


def test_a_sweep_names_its_factor_and_the_smallest_gap():
    line = Sweep("L2", style(0), np.array([0.0, 0.1]), *(np.array([0.146, 0.2]),) * 3, np.zeros((2, 1)))
    assert factor_name("strength", "ja") == "強さ"
    with speaking("ja"):
        summary = sweep([line], factor_name("strength"), "gap").summary
    assert summary == "L2: 最も小さいのは強さ 0 のときで、14.6 ポイントです。"
    with speaking("en"):
        summary = sweep([line], factor_name("strength"), "gap").summary
    assert summary == "L2: lowest at strength 0, 14.6 points."
    assert factor_name("layers.of_my_own", "ja") == "of my own"


def test_panels_that_are_chosen_are_counted():
    picture = Picture("p", "", "", (Panel("", None),) * 12, Table((), ()))
    with speaking("ja"):
        assert of_many(picture, 13).note == "13 個のうち 12 個を等間隔に選んで表示しています。"
    assert say("report.terminal.done", "ja", done=36, total=54) == "54 回中 36 回完了"


@pytest.mark.parametrize(
    ("units", "said"),
    [
        (1, "最初の中間層の 40 ユニットはすべて同じままでした。"),
        (7, "最初の中間層の 40 ユニットは 7 種類に分かれました。"),
        (40, "最初の中間層の 40 ユニットはすべて互いに異なっています。"),
    ],
)
def test_units_that_stayed_the_same_are_called_so(units, said):
    experiment = catalog_experiment("initialization", None)
    runs = (made("zeros", 0, distinct_units=units / 40, test_accuracy=0.1),)
    sentence = experiment_of("initialization").sentences(conclude(experiment, runs))[0]
    assert sentence.say("ja").endswith(said)


def test_how_often_an_element_is_added_back_is_a_number_where_it_is_one():
    numbers = {"side": 6, "out": 7, "rows": 4, "columns": 49, "least": 4, "most": 4, "error": 1.4e-14}
    experiment = catalog_experiment("im2col", None)
    arm = experiment.arms[0].name
    result = conclude(experiment, (made(arm, 0, **numbers),))
    (even,) = experiment_of("im2col").sentences(result)
    assert "各要素は 4 回ずつ足し戻されます" in even.say("ja")
    (uneven,) = experiment_of("im2col").sentences(
        conclude(experiment, (made(arm, 0, **numbers | {"least": 1}),))
    )
    assert "各要素は 1〜4 回、足し戻されます" in uneven.say("ja")
    verdict = next(v for v in result.verdicts if v.claim.arm == arm)
    assert verdict.say("ja").endswith("食い違いは最大 1.4e-14 で、許容値 1e-12 に収まりました。")
    off = conclude(experiment, (made(arm, 0, **numbers | {"error": 0.5}),))
    said = next(v for v in off.verdicts if v.claim.arm == arm)
    assert said.outcome == "not supported"
    assert said.say("ja").endswith("食い違いは最大 0.5 で、許容値 1e-12 を超えました。")


def test_a_value_that_is_claimed_is_told_itself():
    claims = (Claim("a", None, "turns", "higher", margin=3),)
    experiment = Experiment("e", None, (Arm("a"),), seeds=(0,), claims=claims)
    (verdict,) = conclude(experiment, (made("a", 0, turns=5.0),)).verdicts
    assert verdict.outcome == "supported"
    assert verdict.say("en").endswith("It is 5; nothing in it is random, so one run decides.")
    assert "値は 5 です" in verdict.say("ja")


def test_seeds_that_all_ended_alike_are_counted_once():
    runs = tuple(made("a", seed, test_accuracy=0.1, chance_limit=0.2) for seed in range(6))
    said = learned(conclude(Experiment("e", None, (Arm("a"),), seeds=tuple(range(6))), runs), "a").say("ja")
    assert said == "6 シードすべてで最後まで当てずっぽう並みでした"


def test_what_is_missing_on_the_command_line_says_what_it_is(capsys):
    from koubai.cli.main import main
    from koubai.words import set_language

    try:
        assert main(["--lang", "ja", "summary"]) == 2
    finally:
        set_language(None)
    told = capsys.readouterr().err
    assert "MODEL を指定してください" in told
    assert "モデル" in told.split("MODEL")[1]


def experiment_of(name):
    from koubai.lab.experiments.entry import catalog

    return catalog()[name]()
