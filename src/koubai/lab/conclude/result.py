"""What an experiment gives: statistics of arms, comparisons, verdicts, sentences. Plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from koubai.core.statistics import Interval
from koubai.lab.declare.experiment import Arm, Claim, Experiment
from koubai.lab.perform.run_result import RunResult
from koubai.words import say


@dataclass(frozen=True)
class Sentence:
    """One sentence of the catalog of words with its numbers; it is said in whichever language is asked."""

    key: str
    values: Mapping[str, Any] = field(default_factory=dict)

    def say(self, lang: str | None = None) -> str:
        """Return the sentence; values that are themselves sentences are said first."""
        spoken = {
            name: value.say(lang) if hasattr(value, "say") else value for name, value in self.values.items()
        }
        return say(self.key, lang, **spoken)


@dataclass(frozen=True)
class ArmSummary:
    """One measure of one arm over its seeds.

    `interval` is None where too few seeds allow none; `iqm` is the interquartile mean. Runs that
    collapsed are in all numbers and counted in `collapsed`; `lost` counts the runs that failed or whose
    number is not finite, which are in none. `seconds` is the mean time of a run without its start-up.
    """

    arm: str
    measure: str
    values: Mapping[int, float]
    mean: float
    sd: float
    iqm: float
    interval: Interval | None
    collapsed: int = 0
    lost: int = 0
    seconds: float = 0.0

    @property
    def n(self) -> int:
        """Number of seeds that gave a number."""
        return len(self.values)


@dataclass(frozen=True)
class Comparison:
    """Arm minus baseline, paired by seed, with its p and `p_holm`, adjusted over its family.

    | family | members                                              | p                        |
    |--------|------------------------------------------------------|--------------------------|
    | claims | what the experiment claims, counts of things apart   | one-sided, for the claim |
    | others | arms against the baseline of which nothing is claimed | two-sided               |

    So no pair is tested twice. For a claim about a value `baseline` is "" and the difference is arm minus
    that value.
    """

    arm: str
    baseline: str
    measure: str
    pairs: int
    difference: float
    interval: Interval | None
    p: float
    p_holm: float
    family: Literal["claims", "others"] = "others"


@dataclass(frozen=True)
class ClaimVerdict:
    """What the runs say about one claim; `more_seeds` and `seconds` only where it is open."""

    claim: Claim
    outcome: Literal["supported", "not supported", "cannot tell yet"]
    reason: Sentence
    comparison: Comparison | None = None
    more_seeds: int | None = None
    seconds: float | None = None

    def say(self, lang: str | None = None) -> str:
        """Return the claim, the outcome and the reason in words."""
        return self.reason.say(lang)


@dataclass(frozen=True, eq=False)
class ExperimentResult:
    """An experiment with everything that came out of it.

    `environment` holds versions, CPU, threads, engine, data hash. `pending` counts the runs that were not
    made and `stopped_by` says why ("interrupt", "budget", "scheduler": a cluster's was lost); `reused`
    counts those the store already had.
    """

    experiment: Experiment
    runs: tuple[RunResult, ...]
    summaries: Mapping[tuple[str, str], ArmSummary]  # (arm, measure)
    comparisons: tuple[Comparison, ...]
    verdicts: tuple[ClaimVerdict, ...]
    sentences: tuple[Sentence, ...]
    environment: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    pending: int = 0
    reused: int = 0
    stopped_by: str | None = None

    @cached_property
    def arms(self) -> dict[str, Arm]:
        """Arms by name."""
        return {arm.name: arm for arm in self.experiment.arms}

    def of(self, arm: str) -> tuple[RunResult, ...]:
        """Return the runs of an arm, by seed."""
        return self._by_arm.get(arm, ())

    @cached_property
    def _by_arm(self) -> dict[str, tuple[RunResult, ...]]:
        found: dict[str, list[RunResult]] = {}
        for run in sorted(self.runs, key=lambda run: run.seed):
            found.setdefault(run.arm, []).append(run)
        return {arm: tuple(own) for arm, own in found.items()}

    def summary(self, arm: str, measure: str | None = None) -> ArmSummary | None:
        """Return an arm's statistics of a measure (None = the experiment's); None if no run has it."""
        return self.summaries.get((arm, measure or self.experiment.measure))

    def _repr_html_(self) -> str:
        from koubai.lab.conclude.notebook import result_html

        return result_html(self)
