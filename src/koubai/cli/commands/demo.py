"""`koubai demo`: the main job on bundled data, and the doctor's word on the arm that did worst."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from koubai.cli.commands.run import run_and_show
from koubai.cli.output import console, option, style, whole
from koubai.lab.order import Order
from koubai.words import say

if TYPE_CHECKING:
    from koubai.lab.conclude.result import ExperimentResult


def demo(
    *,
    seeds: Annotated[int | None, whole("lab.cli.run.seeds")] = None,
    threads: Annotated[int | None, whole("lab.cli.run.threads")] = None,
    out: Annotated[Path | None, option("lab.cli.run.out")] = None,
) -> int:
    """Which activation and initialization let a deep network learn? On the bundled digits, in seconds."""
    order = Order("vanishing-gradient", data="digits", seeds=seeds)
    return run_and_show(order, threads=threads, out=out, closing=_examine)


def _examine(result: ExperimentResult) -> dict[str, Any]:
    """Print what the doctor says of the worst arm, or return it for JSON."""
    from koubai.doctor.answer.tell import tell, tell_proof
    from koubai.lab.worst import examine_worst, worst_arm

    arm = worst_arm(result)
    if arm is None:
        return {}
    console(stderr=True).print(say("lab.cli.doctor.working", arm=arm.title()), markup=False, soft_wrap=True)
    found = examine_worst(result, arm)
    if not style.json:
        title = say("lab.cli.doctor.title", arm=arm.title())
        console().print(f"\n{title}\n{tell(found.findings)}", markup=False, soft_wrap=True)
        if found.proof is not None:
            console().print(f"\n{tell_proof(found.proof)}\n", markup=False, soft_wrap=True)
    plain: dict[str, Any] = {"arm": arm.name, "findings": [finding.to_dict() for finding in found.findings]}
    return {"doctor": plain | {"proof": None if found.proof is None else found.proof.to_dict()}}
