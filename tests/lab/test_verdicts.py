"""What is said of a claim, for runs whose outcome is made up."""

import pytest

from koubai.lab.closing import conclude
from koubai.lab.declare.experiment import Arm, Claim, Experiment
from koubai.lab.perform.plans.descent import Descent
from koubai.lab.perform.plans.surfaces import Parabola
from koubai.optim.sgd import SGD
from support.made_runs import made, series

BASE = Descent(surface=Parabola(), optimizer=SGD(0.1), start=(1.0,))


def verdict(a, b, *claims, **more):
    claims = claims or (Claim("a", "b"),)
    experiment = Experiment("made", BASE, (Arm("a"), Arm("b")), claims=claims, **more)
    return conclude(experiment, (*series("a", a), *series("b", b))).verdicts


def test_six_agreeing_seeds_support_a_claim():
    (found,) = verdict([0.9, 0.91, 0.92, 0.9, 0.93, 0.91], [0.8, 0.8, 0.81, 0.82, 0.8, 0.8])
    assert found.outcome == "supported"
    assert found.comparison.p == 2**-6
    assert "6 of 6 seeds agree" in found.say("en")
    assert found.say("ja").startswith("支持されます")


def test_the_opposite_is_not_supported():
    (found,) = verdict([0.7] * 5 + [0.71], [0.8] * 6)
    assert found.outcome == "not supported"
    assert "opposite" in found.say("en")
    assert found.comparison.difference == pytest.approx(-0.0983, abs=1e-3)


def test_no_difference_that_matters_is_not_supported():
    (found,) = verdict([0.8, 0.801, 0.799, 0.8, 0.802, 0.8], [0.8, 0.8, 0.8, 0.801, 0.8, 0.8])
    assert found.outcome == "not supported"
    assert "no difference that matters" in found.say("en")


def test_too_few_seeds_say_how_many_more_and_what_they_cost():
    (found,) = verdict([0.9, 0.91, 0.92], [0.8, 0.8, 0.81])
    assert found.outcome == "cannot tell yet"
    assert found.more_seeds == 2  # five agreeing seeds are the fewest with p <= .05
    assert found.seconds == 2 * (1.0 + 1.0)
    assert "about 2 more" in found.say("en")


def test_one_seed_is_told_that_it_cannot_tell():
    (found,) = verdict([0.9], [0.1])
    assert found.outcome == "cannot tell yet"
    assert found.more_seeds == 4
    assert "One seed" in found.say("en")
    assert "nan" not in found.say("en")


@pytest.mark.parametrize(("count", "outcome"), [(3, "supported"), (5, "not supported"), (4, "not supported")])
def test_one_run_decides_where_nothing_is_random(count, outcome):
    experiment = Experiment(
        "made", BASE, (Arm("a"), Arm("b")), claims=(Claim("a", "b", "parameters", "lower"),)
    )
    runs = (made("a", 0, parameters=float(count)), made("b", 0, parameters=4.0))
    (found,) = conclude(experiment, runs).verdicts
    assert found.outcome == outcome
    assert "one run decides" in found.say("en")


def test_an_interval_ends_where_shares_end():
    (found,) = verdict([1.0, 0.2], [0.0, 0.0])  # two seeds: Student's t says -4.5 to 5.7
    interval = found.comparison.interval
    assert (interval.low, interval.high) == (-1.0, 1.0)
    result = conclude(Experiment("made", BASE, (Arm("a"),)), series("a", [1.0, 0.9]))
    assert result.summary("a", "test_accuracy").interval.high == 1.0
    losses = conclude(Experiment("made", BASE, (Arm("a"),)), series("a", [1.0, 0.9], "test_loss"))
    assert losses.summary("a", "test_loss").interval.high > 1.0


def test_a_wide_spread_asks_for_more_seeds_than_a_narrow_one():
    (wide,) = verdict([0.9, 0.5, 0.95, 0.6, 0.92, 0.4], [0.6] * 6)
    (narrow,) = verdict([0.65, 0.58, 0.66, 0.62, 0.67, 0.59], [0.6] * 6)
    assert wide.outcome == narrow.outcome == "cannot tell yet"
    assert wide.more_seeds > narrow.more_seeds


def test_a_hopeless_question_is_not_sent_for_more_seeds():
    spread = [0.5, -0.5, 0.4, -0.4, 0.3, -0.2999]
    (found,) = verdict([0.5 + d for d in spread], [0.5] * 6, Claim("a", "b", matters=0.0))
    assert (found.outcome, found.more_seeds) == ("cannot tell yet", None)


def test_holm_makes_two_claims_harder_than_one():
    a, b = [0.9, 0.91, 0.92, 0.9, 0.93], [0.8, 0.8, 0.81, 0.82, 0.8]
    assert verdict(a, b)[0].outcome == "supported"
    two = verdict(a, b, Claim("a", "b"), Claim("a", "b", "test_accuracy", margin=0.01))
    assert [found.outcome for found in two] == ["cannot tell yet"] * 2
    assert [found.comparison.p_holm for found in two] == [2 / 32] * 2


def test_a_claim_about_a_value_and_one_that_wants_less():
    high, low = verdict(
        [0.9, 0.91, 0.92, 0.9, 0.93, 0.91],
        [0.1] * 6,
        Claim("a", None, margin=0.85),
        Claim("b", "a", direction="lower", margin=0.5),
    )
    assert high.outcome == low.outcome == "supported"
    assert high.comparison.baseline == ""
    assert high.comparison.difference == pytest.approx(0.0617, abs=1e-3)
    assert low.comparison.difference == pytest.approx(-0.8117, abs=1e-3)
    assert "above 85.0%" in high.say("en")


def test_a_claim_without_runs_says_so():
    experiment = Experiment("made", BASE, (Arm("a"), Arm("b")), claims=(Claim("a", "b"),))
    (found,) = conclude(experiment, series("a", [0.9])).verdicts
    assert found.outcome == "cannot tell yet"
    assert "No run" in found.say("en")


def test_summaries_keep_collapsed_runs_and_count_them():
    experiment = Experiment("made", BASE, (Arm("a"), Arm("b")))
    runs = (
        made("a", 0, test_accuracy=0.1, collapsed=True),
        made("a", 1, test_accuracy=0.9),
        made("a", 2, test_accuracy=float("nan")),
        made("a", 3, failure="out of memory"),
        *series("b", [0.5, 0.6, 0.7]),
    )
    result = conclude(experiment, runs, pending=2)
    summary = result.summary("a")
    assert (summary.mean, summary.n, summary.collapsed, summary.lost) == (0.5, 2, 1, 2)
    (comparison,) = result.comparisons
    assert (comparison.arm, comparison.baseline, comparison.pairs) == (
        "b",
        "a",
        2,
    )  # seeds 0 and 1 are paired
    assert comparison.difference == pytest.approx((0.4 - 0.3) / 2)
    said = "\n".join(sentence.say("en") for sentence in result.sentences)
    assert "Collapsed runs: a (1 of 4)" in said
    assert "seed 3 failed: out of memory" in said
    assert "2 of" in said
