"""Results as plain values, for programs."""

from __future__ import annotations

from typing import Any

import numpy as np

from koubai.lab.conclude.result import ArmSummary, ClaimVerdict, ExperimentResult
from koubai.lab.perform.gradients import at_start


def to_json(result: ExperimentResult) -> dict[str, Any]:
    """Return what came out of an experiment as dicts, lists and scalars; one seed has no low and high."""
    experiment = result.experiment
    scores: dict[str, dict[str, Any]] = {name: {} for name in result.arms}
    for (arm, measure), summary in result.summaries.items():
        scores[arm][measure] = _summary(summary)
    return {
        "experiment": experiment.name,
        "question": experiment.question.say(),
        "measure": experiment.measure,
        "baseline": experiment.reference.name,
        "arms": [_arm(result, name, own) for name, own in scores.items()],
        "comparisons": [
            {
                "arm": c.arm,
                "baseline": c.baseline,
                "pairs": c.pairs,
                "difference": c.difference,
                "low": c.interval.low if c.interval else None,
                "high": c.interval.high if c.interval else None,
                "p": c.p,
                "p_holm": c.p_holm,
                "family": c.family,
            }
            for c in result.comparisons
        ],
        "verdicts": [_verdict(verdict) for verdict in result.verdicts],
        "sentences": [sentence.say() for sentence in result.sentences],
        "environment": dict(result.environment),
        "seconds": result.seconds,
        "pending": result.pending,
        "stopped_by": result.stopped_by,
    }


def _arm(result: ExperimentResult, name: str, scores: dict[str, Any]) -> dict[str, Any]:
    """Return one arm; `train_accuracy` is a mean, `scores` has everything of every measure."""
    arm, runs = result.arms[name], result.of(name)
    train = result.summary(name, "train_accuracy")
    return {
        "name": name,
        "factors": dict(arm.factors),
        "defect": arm.defect,
        "test_accuracy": scores.get("test_accuracy"),
        "train_accuracy": train.mean if train else None,
        "gradient_at_start": gradients(result, name),
        "collapsed": sum(run.collapsed for run in runs),
        "failures": [run.failure for run in runs if run.failure],
        "scores": scores,
    }


def _summary(summary: ArmSummary) -> dict[str, Any]:
    interval = summary.interval
    return {
        "mean": summary.mean,
        "low": interval.low if interval else None,
        "high": interval.high if interval else None,
        "interval": interval.method if interval else None,
        "sd": summary.sd,
        "iqm": summary.iqm,
        "n": summary.n,
        "lost": summary.lost,
        "per_seed": list(summary.values.values()),
    }


def _verdict(verdict: ClaimVerdict) -> dict[str, Any]:
    claim = verdict.claim
    return {
        "arm": claim.arm,
        "over": claim.over,
        "measure": claim.measure,
        "direction": claim.direction,
        "margin": claim.margin,
        "outcome": verdict.outcome,
        "text": verdict.say(),
        "more_seeds": verdict.more_seeds,
        "seconds": verdict.seconds,
    }


def gradients(result: ExperimentResult, arm: str) -> dict[str, float]:
    """Return the median over seeds of what flows back to each layer with weights, at update 1."""
    sizes = [at_start(run.history) for run in result.of(arm)]
    paths = list(dict.fromkeys(path for size in sizes for path in size))
    return {path: float(np.median([size[path] for size in sizes if path in size])) for path in paths}
