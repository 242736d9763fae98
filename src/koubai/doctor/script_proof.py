"""Proof on a script: it is run again, whole, in four arms over paired seeds (see `answer/proof.py`).

| arm       | what is run                                                        | seeds         |
|-----------|--------------------------------------------------------------------|---------------|
| unchanged | the script as it is                                                | moved by s    |
| remedy    | with the change made from outside                                  | moved by s    |
| placebo   | the script as it is                                                | moved further |
| random    | with another change of the menu, a new one each seed               | moved by s    |

What counts is the number that the script prints last whose name tells which way is better; else its loss over
its last tenth of updates. A run that broke off counts as the worst number of all that came.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite, nan
from typing import Any

from koubai.core import random
from koubai.core.statistics import mean
from koubai.doctor.answer.proof import ARMS, OTHER_SEEDS, Proof, conclude_proof
from koubai.doctor.answer.verdict import Verdict
from koubai.doctor.patient.clinic import Change
from koubai.doctor.patient.tried_remedies import REMEDIES, remedy_of
from koubai.doctor.trials.orders import Answer, TrialOrder
from koubai.doctor.trials.printed import LOSSES, PrintedNumber, last_metric, printed_value
from koubai.doctor.visit.treatments import treatments
from koubai.words import say

LOSS = PrintedNumber("loss", lower=True)
_NOTHING = Change("nothing")
_LAST = 10  # the last tenth of the updates: their mean loss is that of the run
_PATIENCE = 5.0  # times the CPU time of the unchanged run, after which a run is ended
_SHARE = 0.01  # of what the unchanged runs reach: an effect that is surely smaller is none


@dataclass(frozen=True)
class Unproven:
    """Why nothing was put to the proof: an entry of words/doctor.toml (`proof.none`), with its values."""

    reason: str
    values: dict[str, Any] = field(default_factory=dict)

    def says(self, lang: str | None = None) -> str:
        """Say why."""
        return say(f"doctor.proof.none.{self.reason}", lang, **self.values)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {"verdict": "not_made", "reason": self.reason, **self.values, "says": self.says()}


class _NoProof(Exception):
    """There will be no proof."""

    def __init__(self, reason: str, **values: Any) -> None:
        super().__init__(reason)
        self.unproven = Unproven(reason, values)


def prove_script(
    verdict: Verdict,
    run: Callable[[Sequence[TrialOrder]], Iterator[Answer]],
    *,
    seeds: int = 8,
    budget: float | None = None,
    on_seed: Callable[[Change, int, float], None] | None = None,
) -> Proof | Unproven:
    """Prove the first treatment of a script that can be made from outside.

    `run` runs the script again for each order. `budget` bounds the CPU time of all runs, in multiples of
    that of one; what is known by then is told, and so it is after Ctrl-C. `on_seed(change, seed, cpu)` is
    told before each seed, with the CPU seconds of the unchanged run (0 before it is known).
    """
    change = next(treatments([*verdict.findings], [trial.change for trial in verdict.hints]), None)
    if change is None:
        return Unproven("no_remedy" if verdict.findings else "no_finding")
    arms = _Arms(change, run, on_seed or (lambda *told: None))
    try:
        ended = arms.fill(seeds, budget)
        return arms.conclude(ended)
    except _NoProof as stop:
        return stop.unproven


class _Arms:
    """The scores of all arms, seed by seed."""

    def __init__(
        self,
        change: Change,
        run: Callable[[Sequence[TrialOrder]], Iterator[Answer]],
        on_seed: Callable[[Change, int, float], None],
    ) -> None:
        self._change, self._run, self._on_seed = change, run, on_seed
        self._remedy = remedy_of(change) or str(change)
        self._scores: dict[str, list[float]] = {arm: [] for arm in ARMS}
        self._idle: set[str] = set()  # remedies of the menu that change nothing here
        self._metric = LOSS
        self._cost = self._spent = 0.0

    def fill(self, seeds: int, budget: float | None) -> str:
        """Run the script under all seeds; return why it was ended before: "", "budget", "interrupted"."""
        try:
            for seed in range(seeds):
                needed = len(ARMS) * self._cost
                if budget is not None and seed and self._spent + needed > budget * self._cost:
                    return "budget"
                self._on_seed(self._change, seed, self._cost)
                self._add(seed)
        except KeyboardInterrupt:
            return "interrupted"
        return ""

    def conclude(self, ended: str) -> Proof:
        """Return the verdict on the seeds that are whole."""
        if not self._scores["random"]:
            raise _NoProof("interrupted")
        known = [score for scores in self._scores.values() for score in scores if isfinite(score)]
        if not known:
            raise _NoProof("no_number", metric=self._metric.name)
        worst = max(known) if self._metric.lower else min(known)
        scores = {
            arm: [score if isfinite(score) else worst for score in scores]
            for arm, scores in self._scores.items()
        }
        worth = _SHARE * mean([abs(score) for score in scores["unchanged"]])
        proof = conclude_proof(self._remedy, scores, worth=worth, lower=self._metric.lower)
        metric, of_loss = self._metric.name, self._metric is LOSS
        return replace(proof, metric=metric, of_loss=of_loss, ended=ended, change=self._change)

    # ------------------------------------------------------------------------------------ one seed

    def _add(self, seed: int) -> None:
        first = self._first() if not seed else None
        orders = {
            "unchanged": _order(_NOTHING, seed, self._cost),
            "remedy": _order(self._change, seed, self._cost),
            "placebo": _order(_NOTHING, seed + OTHER_SEEDS, self._cost),
        }
        if first is not None:
            del orders["unchanged"]
        name = self._other(seed)
        answers = self._ask([*orders.values(), _order(REMEDIES[name], seed, self._cost)])
        *own, other = answers
        found = dict(zip(orders, own, strict=True)) | ({} if first is None else {"unchanged": first})
        if not seed:
            self._check(found)
        while not other.made and other.losses:  # it changes nothing: another one
            self._idle.add(name)
            name = self._other(seed)
            (other,) = self._ask([_order(REMEDIES[name], seed, self._cost)])
        for arm, answer in (found | {"random": other}).items():
            self._scores[arm].append(self._score(answer))

    def _first(self) -> Answer:
        """Run the script as it is: what does it print, and what does it cost?"""
        (answer,) = self._ask([_order(_NOTHING, 0, 0.0)])
        if answer.ended != "end":
            raise _NoProof("ended", why=answer.ended)
        if not answer.losses:
            raise _NoProof("by_hand")
        metric = last_metric(answer.printed, without=() if answer.speaks else LOSSES)
        if metric is None and not answer.speaks:
            raise _NoProof("silent")
        self._metric = metric or LOSS
        self._cost = answer.cpu
        return answer

    def _check(self, found: dict[str, Answer]) -> None:
        """Stop where a proof would say nothing."""
        if not found["remedy"].made and found["remedy"].losses:
            raise _NoProof("changes_nothing")
        one, other = found["unchanged"], found["placebo"]
        if one.losses == other.losses and self._score(one) == self._score(other):
            values = {"unchanged": self._score(one), "remedy": self._score(found["remedy"])}
            raise _NoProof("seeds_change_nothing", metric=self._metric.name, **values)

    def _other(self, seed: int) -> str:
        """Return another remedy of the menu; which one depends on the seed."""
        menu = [name for name, c in REMEDIES.items() if c != self._change and name not in self._idle]
        if not menu:
            raise _NoProof("no_other")
        return menu[int(random.permutation(random.key(seed, "random remedy", self._remedy), len(menu))[0])]

    def _ask(self, orders: Sequence[TrialOrder]) -> list[Answer]:
        answers = list(self._run(orders))
        self._spent += sum(answer.cpu for answer in answers)
        return answers

    def _score(self, answer: Answer) -> float:
        """Return what a run came to; NaN where it broke off."""
        if answer.ended != "end":
            return nan
        if self._metric is not LOSS:
            return printed_value(answer.printed, self._metric)
        last = answer.losses[-max(1, len(answer.losses) // _LAST) :]
        return mean(last) if last and all(map(isfinite, last)) else nan


def _order(change: Change, seed: int, cost: float) -> TrialOrder:
    limit = _PATIENCE * cost + 60.0 if cost else TrialOrder.cpu
    return TrialOrder(0, change, 0, seed=seed, whole=True, cpu=limit)
