"""The end of the demo: what the doctor finds in the worst arm, and whether its remedy helps."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

from koubai.cli.output import console, style
from koubai.words import say

if TYPE_CHECKING:
    from koubai.lab.experiment import Arm
    from koubai.lab.result import ArmSummary, ExperimentResult

PROOF_SEEDS = 10  # the signs of 6 could prove it, but two lucky random remedies among 6 would leave it open
_BUDGET = 6.0  # of trials, in multiples of the run


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


def examine_worst(result: ExperimentResult, *, engine: str = "auto") -> dict[str, Any]:
    """Train the worst arm again, ask the doctor, prove the first remedy; print it, or return it for JSON."""
    from koubai.cli.doctor import proved
    from koubai.doctor.diagnose import diagnose
    from koubai.doctor.tell import tell, tell_proof
    from koubai.train.train import train

    arm = worst_arm(result)
    if arm is None:
        return {}
    working = say("lab.cli.doctor.working", arm=arm.title())
    console(stderr=True).print(working, markup=False, soft_wrap=True)
    recipe = result.experiment.plan(arm, result.experiment.seeds[0])
    run = train(recipe, engine=engine)
    if run.stopped_by == "interrupted":
        raise KeyboardInterrupt
    findings = diagnose(run, budget=_BUDGET)
    proof = proved(run, findings, PROOF_SEEDS, engine) if findings else None
    if not style.json:
        parts = [say("lab.cli.doctor.title", arm=arm.title()), tell(findings)]
        console().print("\n" + "\n".join(parts), markup=False, soft_wrap=True)
        if proof is not None:
            console().print(f"\n{tell_proof(proof)}\n", markup=False, soft_wrap=True)
    plain: dict[str, Any] = {"arm": arm.name, "findings": [finding.to_dict() for finding in findings]}
    return {"doctor": plain | {"proof": None if proof is None else proof.to_dict()}}
