"""Verdict: what the doctor says of a run as a whole. Healthy is said only of what was judged."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from koubai.doctor.patient.clinic import Trial
from koubai.doctor.visit.finding import Finding, trial_values
from koubai.words import say

FINDINGS, HEALTHY, NOT_JUDGED = "findings", "healthy", "not_judged"


@dataclass(frozen=True)
class Unseen:
    """A question that could not be asked: its reason is an entry of words/verdict.toml, with its values."""

    reason: str
    values: dict[str, Any] = field(default_factory=dict)

    def why(self, lang: str | None = None) -> str:
        """Why the question could not be asked."""
        return say(f"verdict.{self.reason}.why", lang, **self.values)

    def help(self, lang: str | None = None) -> str:
        """The one line that would help."""
        return say(f"verdict.{self.reason}.help", lang, **self.values)


CAN_BE_RUN_AGAIN = (
    "system",
    "cuda",
    "workers",
    "shared",
    "none",
    "differs",
    "hung",
    "died",
    "failed",
    "threads",
    "signal",
)
"""Reasons for which a process cannot be forked, and its script can still be run again."""


@dataclass(frozen=True)
class Trials:
    """The trials made on a program for this verdict, or why there were none.

    | field    | meaning                                                                           |
    |----------|-----------------------------------------------------------------------------------|
    | way      | how they were made: "fork" (of the program's process), or "again" (run again)     |
    | made     | how many; the unchanged one, which all others are held against, is not counted    |
    | compared | losses of the program that the unchanged one repeated                             |
    | reason   | why there were none (any more), a key of words/trials.toml; "" where none hinders |
    """

    way: str = "fork"
    made: int = 0
    compared: int = 0
    reason: str = ""

    def says(self) -> str:
        """Say how trials were made, or why not; "" where none were needed."""
        said = [say(f"trials.{self.way}", count=self.made, compared=self.compared)] if self.made else []
        if self.reason:
            said.append(say(f"trials.none.{self.reason}"))
            if self.way == "fork" and self.reason in CAN_BE_RUN_AGAIN:
                said.append(say("trials.try_hint"))
        return " ".join(said)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        values = {"way": self.way, "made": self.made, "compared": self.compared}
        return values | {"not_run": self.reason or None, "says": self.says()}


@dataclass(frozen=True)
class Verdict:
    """Findings, and what could not be judged.

    `hints` are trials that did better than a run that is not sick; `trials` says how trials were made on a
    program (None: on none).

    | name       | when                                                               |
    |------------|--------------------------------------------------------------------|
    | findings   | something is wrong                                                 |
    | not_judged | nothing was found, and something kept the doctor from judging      |
    | healthy    | the run was judged, and nothing was found                          |
    """

    findings: list[Finding]
    unseen: tuple[Unseen, ...] = ()
    hints: tuple[Trial, ...] = ()
    trials: Trials | None = None

    @classmethod
    def died(cls, failure: str, step: int) -> Verdict:
        """Of a program that ended with an error."""
        return cls([], (Unseen("died", {"error": failure, "step": step}),))

    @property
    def name(self) -> str:
        """findings, healthy or not_judged."""
        if any(finding.alarm for finding in self.findings):
            return FINDINGS
        return NOT_JUDGED if self.unseen else HEALTHY

    def _repr_html_(self) -> str:
        from koubai.doctor.answer.markup import verdict_html

        return verdict_html(self)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "verdict": self.name,
            "findings": [finding.to_dict() for finding in self.findings],
            "unseen": [{"question": gap.reason, "why": gap.why(), "help": gap.help()} for gap in self.unseen],
            "hints": [trial_values(trial) for trial in self.hints],
            "trials": None if self.trials is None else self.trials.to_dict(),
        }
