"""Proofs on scripts: arms, seeds and scores, with runs made up; whole runs are in test_reruns."""

import random

import pytest

from koubai.doctor.answer.proof import OTHER_SEEDS, Proof
from koubai.doctor.answer.tell import tell_proof
from koubai.doctor.answer.verdict import Verdict
from koubai.doctor.patient.clinic import Change, Trial
from koubai.doctor.script_proof import Unproven, prove_script
from koubai.doctor.trials.orders import Answer
from koubai.doctor.visit.finding import Finding
from koubai.words import LANGUAGES

LOW = Verdict(
    [Finding("K010", "learning_rate_too_low", "severe", remedies=("use_selu", "raise_learning_rate"))]
)
RAISED = Change("learning_rate", 10.0)
NOTHING = Change("nothing")


class Program:
    """Answers orders: `level(change)` is what it prints, but for what the seed does to it."""

    def __init__(self, level, name="accuracy", scatter=0.01, **answer):
        self.level, self.name, self.scatter, self.answer = level, name, scatter, answer
        self.orders = []

    def __call__(self, orders):
        for order in orders:
            self.orders.append(order)
            value = self.level(order.change) + self.scatter * random.Random(order.seed).gauss(0, 1)
            told = {"losses": [3.0] * 90 + [value] * 10, "made": 1, "cpu": 2.0, "ended": "end"}
            told["printed"] = f"step 3\n{self.name} {value:.6f}\n"
            yield Answer(order.number, **told | self.answer)


def cured(change):
    return 0.9 if change == RAISED else 0.5


def test_the_first_remedy_that_can_be_made_from_outside_is_proven():
    program = Program(cured)
    proof = prove_script(LOW, program, seeds=6)
    assert (proof.verdict, proof.remedy, proof.metric) == ("proven", "raise_learning_rate", "accuracy")
    assert proof.comparisons[0].difference == pytest.approx(0.4)  # the same seeds: their scatter cancels
    assert len(program.orders) == 24
    assert all(order.whole for order in program.orders)
    for seed in range(6):
        arms = [order.change for order in program.orders if order.seed == seed]
        assert arms[:2] == [NOTHING, RAISED]
        assert arms[2] not in (NOTHING, RAISED)
        assert [o.change for o in program.orders if o.seed == seed + OTHER_SEEDS] == [NOTHING]
    assert len({order.change for order in program.orders}) > 4  # not the same random remedy each time


def test_a_lower_loss_is_better_and_its_own_losses_count_where_it_prints_none():
    for answer, of_loss in (({}, False), ({"printed": "99 0.1"}, True)):
        proof = prove_script(LOW, Program(lambda c: 1.4 - cured(c), "test loss", **answer), seeds=6)
        assert proof.verdict == "proven"
        assert proof.of_loss == of_loss
        assert proof.comparisons[0].difference == pytest.approx(0.4)


def test_what_helps_no_more_than_anything_else_is_no_proof():
    proof = prove_script(LOW, Program(lambda change: 0.5 if change == NOTHING else 0.9), seeds=6)
    assert proof.verdict == "undecided"
    assert prove_script(LOW, Program(lambda change: 0.5), seeds=6).verdict == "refuted"


def test_a_run_that_breaks_off_counts_as_the_worst_and_not_as_nothing():
    class Breaks(Program):
        def __call__(self, orders):
            for answer, order in zip(super().__call__(orders), orders, strict=True):
                broken = order.change not in (NOTHING, RAISED)
                yield Answer(0, [1.0], 1, 1.0, "ValueError: nan") if broken else answer

    proof = prove_script(LOW, Breaks(cured), seeds=4)
    known = [score for arm in ("unchanged", "remedy", "placebo") for score in proof.skills[arm]]
    assert set(proof.skills["random"]) == {min(known)}


def test_a_random_remedy_that_changes_nothing_is_replaced():
    class Idle(Program):
        def __call__(self, orders):
            for answer, order in zip(super().__call__(orders), orders, strict=True):
                idle = order.change.name in ("no_clip", "no_schedule", "clip")
                yield Answer(0, answer.losses, 0 if idle else 1, 1.0, "end", printed=answer.printed)

    program = Idle(cured)
    proof = prove_script(LOW, program, seeds=6)
    assert len(proof.skills["random"]) == 6
    assert sum(order.change.name in ("no_clip", "no_schedule", "clip") for order in program.orders) <= 3


def test_the_budget_and_ctrl_c_leave_what_is_known():
    program = Program(cured)
    proof = prove_script(LOW, program, seeds=8, budget=13)
    assert (len(proof.skills["remedy"]), proof.ended) == (3, "budget")
    assert len(program.orders) == 12

    def interrupted(change, seed, cpu):
        if seed == 2:
            raise KeyboardInterrupt

    proof = prove_script(LOW, Program(cured), seeds=8, on_seed=interrupted)
    assert (len(proof.skills["remedy"]), proof.ended) == (2, "interrupted")


HINTED = Verdict([], hints=(Trial(RAISED, 0, None),))
BY_HAND = Verdict([Finding("K002", "gradients_not_reset", "warn")])


def test_a_change_that_treats_a_program_only_and_a_hint_are_proven_too():
    reset = Change("reset_gradients")
    proof = prove_script(BY_HAND, Program(lambda change: 0.9 if change == reset else 0.5), seeds=6)
    assert (proof.verdict, proof.change) == ("proven", reset)
    assert prove_script(HINTED, Program(cured), seeds=6).remedy == "raise_learning_rate"


REFUSALS = [
    (Verdict([]), Program(cured), "no_finding"),
    (Verdict([Finding("K005", "dead_units", "warn", remedies=("use_selu",))]), Program(cured), "no_remedy"),
    (LOW, Program(cured, ended="open results.csv"), "ended"),
    (LOW, Program(cured, losses=[]), "by_hand"),
    (LOW, Program(cured, speaks=False, name="G loss"), "silent"),
    (LOW, Program(cured, scatter=0.0), "seeds_change_nothing"),
    (LOW, Program(cured, made=0), "changes_nothing"),
    (LOW, Program(lambda change: float("nan")), "no_number"),
]


@pytest.mark.parametrize(("verdict", "program", "reason"), REFUSALS)
def test_what_cannot_be_proven_is_refused_and_says_why(verdict, program, reason):
    refused = prove_script(verdict, program, seeds=4)
    assert isinstance(refused, Unproven)
    assert refused.reason == reason
    assert refused.to_dict()["verdict"] == "not_made"
    for lang in LANGUAGES:
        assert "{" not in refused.says(lang)


def test_a_loss_that_need_not_fall_is_no_score_but_what_is_printed_beside_it_is():
    program = Program(cured, speaks=False, name="reward")
    assert prove_script(LOW, program, seeds=6).metric == "reward"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_proof_is_told_with_its_number_and_what_ended_it(lang):
    proof = prove_script(LOW, Program(cured), seeds=8, budget=24)
    assert isinstance(proof, Proof)
    text = tell_proof(proof, lang)
    assert "accuracy" in text
    assert "{" not in text
    assert text.count("\n") == 7
    loss = tell_proof(prove_script(LOW, Program(lambda change: 0.5, printed=""), seeds=6), lang)
    assert "{" not in loss
    assert "accuracy" not in loss
