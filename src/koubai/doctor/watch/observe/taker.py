"""Taker: takes in what was heard of losses, in training and in evaluations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from koubai.doctor.watch.observe.evaluation import Evaluation
from koubai.doctor.watch.passes.close_up import CloseUp
from koubai.doctor.watch.passes.loss_call import LossCall
from koubai.doctor.watch.passes.pass_recorder import PassRecorder
from koubai.doctor.watch.passes.trail import Trail
from koubai.doctor.watch.seen.seen import Seen

_STEADY = 20  # passes that were alike, before one is taken for another of them
_WHOLE = 10  # of these, one of so many is seen whole nevertheless


class Taker:
    """Writes to what was seen; `due` says whether the step is one to be seen closely."""

    def __init__(self, seen: Seen, evaluation: Evaluation) -> None:
        self._seen, self._evaluation = seen, evaluation
        self._alike = 0  # passes of training with one and the same loss, and nothing else that tells
        self._calls: list[LossCall] = []  # of loss functions, in this pass of training

    @property
    def expects(self) -> Callable[..., Any] | None:
        """The loss function that the next pass will call once, of the outputs; None: it may be anything."""
        if self._evaluation.under_way or self._alike < _STEADY or self._alike % _WHOLE == 0:
            return None
        return self._seen.loss.call[1]

    def loss(self, call: LossCall, output: Any, close_up: CloseUp | None, *, due: bool) -> None:
        """A loss function of PyTorch was called, after the model had put something out."""
        if self._evaluation.under_way:
            if call.origin is not None or output is None:
                self._evaluation.take(call)
            return
        if call.place is not None:
            self._seen.places.setdefault("loss", call.place)
        self._seen.loss.take(call, output)
        self._calls.append(call)
        self._targets(call.t, due=due)
        if close_up is not None:
            close_up.watch_loss(call.value, float(call.mean))
            close_up.pair = close_up.pair or call.pair

    def closed(self, recorder: PassRecorder, close_up: CloseUp | None, *, due: bool) -> None:
        """A recorder closes: take what its trail found."""
        loss, trail = self._seen.loss, recorder.trail
        loss.names |= dict.fromkeys(recorder.other_losses)
        if self._evaluation.under_way:
            self._evaluation.take_pairs(trail.pairs)
            return
        loss.follow(trail)
        self._compare(trail, recorder.other_losses)
        if not trail.pairs or loss.names:
            return
        pair = trail.pairs[0]  # of a loss that is written by hand
        self._targets(pair.t, due=due)
        if close_up is not None:
            close_up.pair = close_up.pair or pair

    def waited(self, targets: list[Any]) -> None:
        """A pass was taken for one like those before it: take what its loss was given."""
        if len(targets) != 1 or targets[0] is None:
            self._alike = 0
            return
        self._alike += 1
        t = targets[0].detach().to("cpu", copy=True)
        self._seen.loss.see_targets(t)
        if not self._seen.trained.full:
            self._seen.trained.see_targets(t)

    def _compare(self, trail: Trail, others: list[str]) -> None:
        """Count passes that are alike."""
        calls, self._calls = self._calls, []
        name, function, _ = self._seen.loss.call
        same = len(calls) == 1 and not others and trail.plain
        same = same and (calls[0].name, calls[0].function) == (name, function) and calls[0].origin is not None
        self._alike = self._alike + 1 if same and not calls[0].moving and calls[0].crossed is None else 0

    def _targets(self, t: torch.Tensor, *, due: bool) -> None:
        if due or not self._seen.trained.full:
            self._seen.trained.see_targets(t)
