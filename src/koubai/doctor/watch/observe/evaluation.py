"""Evaluation: what a model answers between updates, in test mode or without gradients."""

from __future__ import annotations

from typing import Any

from koubai.doctor.watch.observe.interest import Interest
from koubai.doctor.watch.passes.loss_call import LossCall
from koubai.doctor.watch.passes.trail import Pair
from koubai.doctor.watch.program.nested import first_tensor
from koubai.doctor.watch.seen.kept_inputs import key_of
from koubai.doctor.watch.seen.seen import Seen


class Evaluation:
    """The evaluation under way, if one is: its inputs, and what each forward pass was compared with."""

    def __init__(self, seen: Seen) -> None:
        self.under_way = False
        self._seen = seen
        self._interest, self._fruitful = Interest(), False
        self._compared: LossCall | Pair | None = None  # what the last forward pass was compared with

    def begin_pass(self, args: tuple[Any, ...]) -> bool:
        """Take in that a forward pass of an evaluation begins; return whether to follow its outputs."""
        self.end_pass()
        self._seen.note_place("evaluation")
        self.under_way = True
        x = first_tensor(args)
        key = None if x is None else key_of(x)
        self._seen.evaluated.begin(self._seen.root, key, self._seen.step)
        if x is not None and key is not None and self._seen.asked.wants:
            self._seen.asked.see(x, key)
        if not self._interest.begins(fruitful=self._fruitful):
            return False
        if x is not None and x.ndim and not self._seen.held.full:
            self._seen.held.see_inputs(x)
        return True

    def drop(self) -> None:
        """Forget the last pass: it was one of training."""
        self._compared, self.under_way = None, False

    def take(self, compared: LossCall) -> None:
        """Take the loss of a pass; the last one counts."""
        self._compared = compared

    def take_pairs(self, pairs: list[Pair]) -> None:
        """Take what a pass without a loss was compared with: best are answers, counted as right or wrong."""
        if self._compared is None:
            answers = next((pair for pair in pairs if pair.kind != "values"), None)
            self._compared = answers or next(iter(pairs), None)

    def end_pass(self) -> None:
        """Write down what the last forward pass was compared with."""
        compared, self._compared = self._compared, None
        if compared is None:
            return
        seen, self._fruitful = self._seen, True
        if isinstance(compared, LossCall):
            seen.record.evaluate(compared)
            pair = compared.pair
        else:
            seen.record.answered(compared)
            pair = compared
        if pair is not None:
            seen.evaluated.compared(len(pair.t))
            seen.held_answers.see(seen.step, pair)
            if not seen.held.full:
                seen.held.see_targets(pair.t)

    def end(self) -> None:
        """Write down what waits: training goes on."""
        self.end_pass()
        self._seen.record.end_evaluation(self._seen.step)
        self._seen.asked.end()
        self.under_way = False
