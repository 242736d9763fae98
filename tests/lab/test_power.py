"""What so many seeds can decide: counted by hand, and against the exact test itself."""

import json

import pytest

from koubai.cli.main import main
from koubai.core import statistics
from koubai.data.sources.blobs import Blobs
from koubai.lab.closing import conclude
from koubai.lab.conclude.power import Family, families, warnings_of
from koubai.lab.declare.experiment import Arm, Claim, Experiment
from koubai.models.mlp import Mlp
from koubai.report.sections.outcome import outcome_section
from koubai.train.recipe import Recipe
from koubai.words import speaking
from support.made_runs import made

BASE = Recipe(Mlp((4,), classes=3), Blobs())


def experiment(arms, seeds, claims=()):
    return Experiment(
        "made", BASE, tuple(Arm(name) for name in arms), seeds=tuple(range(seeds)), claims=claims
    )


def agreeing(wanted):
    """Runs in which every later arm is better than the one before, for every seed."""
    scores = {arm.name: 0.1 * (i + 1) for i, arm in enumerate(wanted.arms)}
    return tuple(
        made(arm, seed, test_accuracy=score + seed / 1000)
        for arm, score in scores.items()
        for seed in wanted.seeds
    )


@pytest.mark.parametrize(("tests", "pairs", "tails"), [(1, 4, 1), (1, 5, 1), (3, 6, 1), (8, 6, 2), (8, 9, 2)])
def test_the_smallest_p_is_that_of_pairs_which_all_agree(tests, pairs, tails):
    family = Family("any", tests, pairs, tails)
    p = statistics.sign_flip_p([1.0 + i for i in range(pairs)], "greater" if tails == 1 else "two-sided")
    assert family.least == pytest.approx(min(statistics.holm([p] * tests)))
    assert family.decides == (family.least <= 0.05)
    assert Family("any", tests, family.fewest, tails).decides
    assert not Family("any", tests, family.fewest - 1, tails).decides


def test_a_pair_that_is_claimed_has_one_p_in_the_verdict_and_in_the_table():
    claimed = experiment("abcdefghi", 6, (Claim("c", "a"),))
    result = conclude(claimed, agreeing(claimed))
    rows = {row.arm: row for row in result.comparisons}
    assert rows["c"].p_holm == result.verdicts[0].comparison.p_holm == 1 / 64
    assert rows["c"].family == "claims"
    assert {row.family for arm, row in rows.items() if arm != "c"} == {"others"}
    assert rows["b"].p_holm == 7 * 2 / 64  # seven rows without a claim, two-sided
    assert "p = 0.016 (adjusted for 1 claim)" in result.verdicts[0].say("en")
    for lang, words in (("en", "none of them can be significant"), ("ja", "どれも有意にはなりえません")):
        with speaking(lang):
            note = outcome_section(result).tables[1].note
        assert words in note
        assert "0.22" in note


def test_a_claim_the_other_way_round_is_the_same_pair():
    claimed = experiment("abc", 6, (Claim("a", "c", direction="lower"),))
    result = conclude(claimed, agreeing(claimed))
    row = next(row for row in result.comparisons if row.arm == "c")
    assert (row.family, row.p_holm) == ("claims", 1 / 64)
    assert row.difference == pytest.approx(0.2)  # arm minus baseline, as in every row


def test_claims_about_counts_are_not_tests():
    counted = experiment("ab", 6, (Claim("a", "b"), *[Claim("a", "b", "parameters", "lower")] * 4))
    assert families(counted) == [Family("claims", 1, 6, 1)]


def test_too_few_seeds_are_told_before_anything_is_trained():
    few, many = (experiment("abcd", seeds, (Claim("b", "a"),)) for seeds in (4, 7))
    assert [sentence.key.rpartition(".")[2] for sentence in warnings_of(few)] == ["claims", "others"]
    assert "5 seeds are the fewest" in next(warnings_of(few)).say("en")
    assert list(warnings_of(many)) == []


def test_check_says_what_its_seeds_cannot_decide(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "few.toml").write_text(
        "question = 'which?'\nseeds = 3\n[recipe]\nnetwork = {type = 'mlp', hidden = [4]}\ndata = 'xor'\n"
        "loss = 'softmax_cross_entropy'\nsteps = 5\n[[arms]]\nname = 'a'\n"
        "[[arms]]\nname = 'b'\nedits = {batch_size = 50}\n[[claims]]\narm = 'b'\nover = 'a'\n"
    )
    assert main(["--json", "check", "few.toml"]) == 0
    (warning,) = json.loads(capsys.readouterr().out)["warnings"]
    assert "with 3 seeds no claim can be supported" in warning
