"""Verdicts: what the runs say about a claim, in words, and what it would take to say more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

from koubai.core import statistics
from koubai.lab.conclude.result import ArmSummary, ClaimVerdict, Comparison, Sentence
from koubai.lab.declare.experiment import Claim, Experiment, Text
from koubai.lab.declare.measures import Duration, Measured, MeasureName, interval_of, is_exact, is_share

ALPHA = 0.05
HALF_A_POINT = 0.005
_MOST_SEEDS = 1000  # beyond, "more seeds" is no advice


@dataclass(frozen=True)
class Evidence:
    """One claim with its paired differences, turned so that a claim that holds has positive ones.

    `p` is one-sided for the claim, `p_against` for its opposite; both exact.
    """

    claim: Claim
    differences: tuple[float, ...]
    p: float
    p_against: float
    seconds_per_seed: float


def verdicts_of(
    experiment: Experiment, summaries: Mapping[tuple[str, str], ArmSummary]
) -> tuple[ClaimVerdict, ...]:
    """Return a verdict a claim; Holm's adjustment is over all claims of the experiment.

    Claims about counts need no test, and are not among them.
    """
    evidence = [_evidence(claim, summaries) for claim in experiment.claims]
    tested = [e for e in evidence if not is_exact(e.claim.measure)]
    for_it = iter(statistics.holm([e.p for e in tested]))
    against = iter(statistics.holm([e.p_against for e in tested]))
    return tuple(
        _verdict(experiment, e, e.p, e.p_against, 1)
        if is_exact(e.claim.measure)
        else _verdict(experiment, e, next(for_it), next(against), len(tested))
        for e in evidence
    )


def _evidence(claim: Claim, summaries: Mapping[tuple[str, str], ArmSummary]) -> Evidence:
    arm = summaries.get((claim.arm, claim.measure))
    over = summaries.get((claim.over, claim.measure)) if claim.over is not None else None
    sign = 1 if claim.direction == "higher" else -1
    if arm is None or (claim.over is not None and over is None):
        return Evidence(claim, (), 1.0, 1.0, 0.0)
    if over is None:
        differences = tuple(sign * (value - claim.margin) for value in arm.values.values())
    else:
        differences = tuple(
            sign * (value - over.values[seed]) - claim.margin
            for seed, value in arm.values.items()
            if seed in over.values
        )
    return Evidence(
        claim,
        differences,
        statistics.sign_flip_p(differences, "greater"),
        statistics.sign_flip_p(differences, "less"),
        arm.seconds + (over.seconds if over else 0.0),
    )


def _verdict(
    experiment: Experiment, evidence: Evidence, p: float, p_against: float, family: int
) -> ClaimVerdict:
    claim, differences = evidence.claim, evidence.differences
    if not differences:
        return ClaimVerdict(claim, "cannot tell yet", _sentence(experiment, "none", claim, {}))
    comparison = _comparison(evidence, p)
    interval = comparison.interval
    matters = _matters(claim)
    same = interval is not None and -matters <= interval.low and interval.high <= matters
    values = _numbers(evidence, comparison) | {"family": family}
    if is_exact(claim.measure):
        holds = min(differences) > 0
        said = _sentence(experiment, *_exactly(evidence, values, holds=holds))
        return ClaimVerdict(claim, "supported" if holds else "not supported", said, comparison)
    if p <= ALPHA:
        return ClaimVerdict(claim, "supported", _sentence(experiment, "supported", claim, values), comparison)
    if p_against <= ALPHA or same:
        why = "equal" if same else "opposite"
        return ClaimVerdict(claim, "not supported", _sentence(experiment, why, claim, values), comparison)
    more = _more_seeds(differences, matters, family)
    kind = "open" if interval is not None else "single"
    if more is None:
        return ClaimVerdict(
            claim, "cannot tell yet", _sentence(experiment, "hopeless", claim, values), comparison
        )
    cost = more * evidence.seconds_per_seed
    values |= {"more": more, "cost": Duration(cost)}
    return ClaimVerdict(
        claim, "cannot tell yet", _sentence(experiment, kind, claim, values), comparison, more, cost
    )


def _matters(claim: Claim) -> float:
    """Return the largest difference that counts as none; a claim with a margin has said what matters."""
    if claim.over is None or claim.margin:
        return 0.0
    if claim.matters is not None:
        return claim.matters
    return HALF_A_POINT if is_share(claim.measure) else 0.0


def _comparison(evidence: Evidence, p: float) -> Comparison:
    """Return the claim's comparison in its own direction: arm minus the other, margin added back."""
    claim, d = evidence.claim, evidence.differences
    sign = 1 if claim.direction == "higher" else -1
    shift = claim.margin if claim.over is not None else 0.0
    turned = [sign * (x + shift) for x in d]
    return Comparison(
        claim.arm,
        claim.over or "",
        claim.measure,
        len(d),
        statistics.mean(turned),
        interval_of(claim.measure, turned, differences=True),
        evidence.p,
        p,
        "claims",
    )


def _more_seeds(differences: tuple[float, ...], matters: float, family: int) -> int | None:
    """Return how many more seeds would probably settle it one way or the other; None for too many.

    Either the difference shows against its spread, or the interval shrinks until the difference is
    shown not to matter; whichever needs fewer.
    """
    mean, sd = statistics.mean(differences), statistics.sd(differences)
    if len(differences) < 2:  # nothing is known about the spread: what the exact test needs at least
        return int(statistics.seeds_needed(1.0, 0.0, family=family)) - len(differences)
    needed = statistics.seeds_needed(mean, sd, family=family)
    if matters > abs(mean):
        needed = min(needed, statistics.seeds_needed(matters - abs(mean), sd, family=family))
    if not isfinite(needed) or needed - len(differences) > _MOST_SEEDS:
        return None
    return max(1, int(needed) - len(differences))


def _numbers(evidence: Evidence, comparison: Comparison) -> dict[str, object]:
    interval, measure = comparison.interval, comparison.measure
    low, high = (interval.low, interval.high) if interval else (float("nan"), float("nan"))
    return {
        "difference": Measured(measure, comparison.difference, signed=True),
        "low": Measured(measure, low, signed=True),
        "high": Measured(measure, high, signed=True),
        "agree": sum(d > 0 for d in evidence.differences),
        "pairs": comparison.pairs,
        "p": f"{comparison.p_holm:.2g}",
    }


def _exactly(
    evidence: Evidence, values: dict[str, object], *, holds: bool
) -> tuple[str, Claim, dict[str, object]]:
    """Return the sentence of a claim in which nothing is random: on a value, a tolerance, or two arms."""
    claim = evidence.claim
    kind = "exact"
    if claim.over is None:  # the differences are those to the bound that is claimed
        sign = 1 if claim.direction == "higher" else -1
        worst = claim.margin + sign * min(evidence.differences)
        values = {"value": Measured(claim.measure, worst), "margin": Measured(claim.measure, claim.margin)}
        kind = "exact_error" if claim.measure == "error" else "exact_value"
    return f"{kind}{'' if holds else '_not'}", claim, values


def _sentence(experiment: Experiment, name: str, claim: Claim, values: dict[str, object]) -> Sentence:
    return Sentence(f"lab.verdict.{name}", {"claim": claim_sentence(experiment, claim), **values})


def claim_sentence(experiment: Experiment, claim: Claim) -> Sentence:
    """Return a claim in words."""

    def title(name: str) -> Text:
        arm = experiment[name]
        return Text(arm.title("en"), arm.title("ja"))

    kind = "value" if claim.over is None else ("margin" if claim.margin else "plain")
    return Sentence(
        f"lab.claim.{kind}_{claim.direction}",
        {
            "arm": title(claim.arm),
            "over": title(claim.over) if claim.over is not None else "",
            "measure": MeasureName(claim.measure),
            "margin": Measured(claim.measure, claim.margin),
        },
    )
