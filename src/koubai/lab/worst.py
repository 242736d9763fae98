"""The arm that did worst, shown to the doctor: what is wrong with it, and whether the remedy helps."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from koubai.doctor.answer.proof import Proof, prove_first
from koubai.doctor.diagnose import diagnose
from koubai.doctor.visit.finding import Finding
from koubai.lab.conclude.result import ArmSummary, ExperimentResult
from koubai.lab.declare.experiment import Arm
from koubai.train.train import train

PROOF_SEEDS = 10  # the signs of 6 could prove it, but two lucky random remedies among 6 would leave it open
_BUDGET = 6.0  # of trials, in multiples of the run


@dataclass(frozen=True)
class Examined:
    """What the doctor finds, and the proof of its first remedy (None: no remedy changes this recipe)."""

    findings: list[Finding]
    proof: Proof | None


def worst_arm(result: ExperimentResult) -> Arm | None:
    """Return the arm to show to the doctor, or None if no run has a score.

    Arms at chance differ by luck alone, so among those that collapsed with most seeds it is the one whose
    first layer gets least; with no such arm, the one with the lowest score.
    """

    def badness(score: ArmSummary) -> tuple[int, float, float]:
        ratio = result.summary(score.arm, "first_to_last_gradient")
        gradient = ratio.mean if score.collapsed and ratio is not None else inf
        return -score.collapsed, gradient, score.mean

    summaries = (result.summary(arm.name) for arm in result.experiment.arms)
    worst = min((score for score in summaries if score is not None), key=badness, default=None)
    return None if worst is None else result.arms[worst.arm]


def examine_worst(result: ExperimentResult, arm: Arm) -> Examined:
    """Train an arm again, ask the doctor, and prove the first remedy."""
    run = train(result.experiment.plan(arm, result.experiment.seeds[0]))
    if run.stopped_by == "interrupted":
        raise KeyboardInterrupt
    findings = diagnose(run, budget=_BUDGET)
    return Examined(findings, prove_first(run, findings, PROOF_SEEDS) if findings else None)
