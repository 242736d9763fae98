"""Proofs: verdicts from made-up skills, and one real proof of each kind."""

import numpy as np
import pytest

from koubai.core.errors import KoubaiError
from koubai.core.statistics import Interval
from koubai.data.sources.regression import Regression
from koubai.doctor.answer import proof as module
from koubai.doctor.answer.proof import RivalComparison, conclude_proof, held_skill, prove, random_treatment
from koubai.doctor.answer.tell import tell_proof
from koubai.layers.linear import Linear
from koubai.optim.sgd import SGD
from koubai.words import LANGUAGES
from support.patients import SICK, circles, digits, values

RANDOM = np.random.default_rng(0)
LOW = list(0.5 + 0.01 * RANDOM.standard_normal(8))
HIGH = list(0.9 + 0.01 * RANDOM.standard_normal(8))


def arms(**skills):
    return {"unchanged": LOW, "placebo": LOW[::-1], "random": LOW, "remedy": HIGH} | skills


def test_better_than_all_rivals_is_proven():
    proof = conclude_proof("use_relu", arms())
    assert proof.verdict == "proven"
    assert all(row.p <= 0.05 and row.difference == pytest.approx(0.4, abs=0.02) for row in proof.comparisons)
    assert proof.comparisons[0].interval.low > 0.35


def test_better_than_unchanged_but_not_than_any_other_change_is_no_proof():
    proof = conclude_proof("use_relu", arms(random=HIGH))
    assert proof.verdict == "undecided"
    assert proof.more_seeds is None


def test_no_better_than_unchanged_is_refuted():
    assert conclude_proof("use_relu", arms(remedy=[skill - 0.1 for skill in LOW])).verdict == "refuted"


def test_an_interval_that_touches_zero_is_no_proof_however_small_p_is(monkeypatch):
    assert not RivalComparison("random", 0.01, Interval(0.0, 0.02, "bca"), 0.01).better
    assert not RivalComparison("random", 0.01, Interval(0.005, 0.02, "bca"), 0.06).better
    assert RivalComparison("random", 0.01, Interval(0.005, 0.02, "bca"), 0.01).better
    monkeypatch.setattr(module, "mean_interval", lambda values: Interval(0.0, 0.8, "bca"))
    proof = conclude_proof("use_relu", arms())
    assert max(row.p for row in proof.comparisons) <= 0.05
    assert proof.verdict == "undecided"
    assert "95 % interval +0 to +0.8" in tell_proof(proof)


def test_few_seeds_cannot_prove_and_say_how_many_could():
    proof = conclude_proof("use_relu", {arm: values[:3] for arm, values in arms().items()})
    assert proof.verdict == "undecided"
    assert proof.more_seeds >= 3


def test_the_best_p_of_eight_pairs_survives_three_comparisons():
    assert conclude_proof("use_relu", arms()).comparisons[0].p == pytest.approx(3 / 2**8)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_verdict_is_told_with_its_numbers(lang):
    for skills in (arms(), arms(random=HIGH), arms(remedy=LOW)):
        text = tell_proof(conclude_proof("use_relu", skills), lang)
        assert text.count("\n") == 4
        assert "{" not in text


def test_the_right_remedy_is_proven_on_a_sick_recipe():
    told = []
    recipe = SICK["output_loss_mismatch"].edit(steps=150)
    proof = prove(recipe, "fix_output", seeds=6, on_run=lambda arm, seed: told.append((arm, seed)))
    assert proof.verdict == "proven"
    assert len(told) == 24
    assert proof.to_dict()["comparisons"][0]["rival"] == "unchanged"


def test_a_useless_remedy_is_not_proven():
    proof = prove(circles((16,), steps=300), "larger_batch", seeds=5)
    assert proof.verdict != "proven"


def test_a_remedy_that_changes_nothing_cannot_be_proven():
    with pytest.raises(KoubaiError, match="changes nothing"):
        prove(digits(), "fix_output")


def test_a_run_far_worse_than_chance_counts_as_one_below_it():
    recipe = values(data=Regression(low=0, high=10), network=Linear(1), optimizer=SGD(0.05), steps=60)
    data = recipe.data.load()
    assert held_skill(recipe, data, recipe, "auto", 1) == -1.0
    assert held_skill(recipe.edit(optimizer__learning_rate=0.01, steps=500), data, recipe, "auto", 1) > -1.0


def test_the_random_remedy_is_another_one_at_equal_budget():
    recipe = digits()
    data = recipe.data.load()
    treated = [random_treatment(recipe.edit(seed=seed), "use_adam", data) for seed in range(12)]
    assert all(other.steps == recipe.steps for other in treated)
    assert len({other.hash for other in treated}) > 6
