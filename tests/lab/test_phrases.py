"""Numbers and outcomes as a learner reads them."""

from dataclasses import replace

import pytest

from koubai.lab.closing import conclude
from koubai.lab.conclude.phrases import Ratio, ending, learned
from koubai.lab.declare.experiment import Arm, Experiment
from koubai.probes.history import History
from support.made_runs import series


@pytest.mark.parametrize(
    ("value", "english"),
    [
        (1 / 38_000, "1/40,000 of"),
        (1 / 32, "1/32 of"),
        (1.3, "1.3 times"),
        (6e-13, "1/10¹² of"),
        (0.0, "exactly zero, compared with"),
        (float("nan"), "not finite, so not comparable with"),
        (float("inf"), "not finite, so not comparable with"),
    ],
)
def test_a_ratio_in_words(value, english):
    assert Ratio(value).say("en") == english
    assert Ratio(value).say("ja")
    alone = Ratio(value, alone=True).say("en")
    assert alone
    assert not alone.endswith("of")


def made(final, seen, *, stopped=None):
    """One run of ten equal classes, 400 test samples: guessing reaches .1 + 3 sqrt(.1 .9 / 400) = .145."""
    history = History()
    history.add_series("", "test_accuracy", [0, 1, 2], [0.3, *seen])
    (run,) = series("a", [final])
    scores = {"test_accuracy": final, "chance": 0.1, "chance_limit": 0.145}
    return replace(run, scores=scores, history=history, stopped_by=stopped)


ENDINGS = {
    "learned": made(0.9, [0.1, 0.9]),
    "never": made(0.12, [0.14, 0.12]),  # one answer for all, now of this class and now of that
    "fell": made(0.1, [0.5, 0.1]),
    "diverged": made(0.1, [0.5, 0.1], stopped="not finite"),
}


@pytest.mark.parametrize("kind", ENDINGS)
def test_chance_is_called_chance_and_the_look_before_the_first_update_does_not_count(kind):
    assert ending(ENDINGS[kind]) == kind


def said(*runs):
    runs = tuple(replace(run, seed=seed) for seed, run in enumerate(runs))
    experiment = Experiment("e", None, (Arm("a"),), seeds=tuple(range(len(runs))))
    return learned(conclude(experiment, runs), "a").say("en")


def test_seeds_are_counted_by_outcome():
    one, never, fell, gone = ENDINGS.values()
    assert said(never, never) == "it never left chance (2 of 2 seeds)"
    assert said(fell, fell, fell) == "it fell back to chance (3 of 3 seeds)"
    assert said(gone) == "it diverged (1 of 1 seed)"
    assert said(one, one).startswith("it reached 90.0% on the test set (")
    mixed = said(one, never, never, fell, gone)
    parts = (
        "1 learned (90.0% on the test set on average), 2 never left chance, 1 fell back to chance, 1 diverged"
    )
    assert mixed == f"of 5 seeds {parts}"
