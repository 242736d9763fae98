"""Shutter: which recorder is open now: that of a close-up, when one is due, or one for the loss alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from koubai.doctor.watch.observe.pace import Pace
from koubai.doctor.watch.observe.taker import Taker
from koubai.doctor.watch.observe.updates import in_turn
from koubai.doctor.watch.passes.close_up import CloseUp
from koubai.doctor.watch.passes.loss_call import LossCall
from koubai.doctor.watch.passes.pass_recorder import PassRecorder
from koubai.doctor.watch.passes.target_wait import TargetWait
from koubai.doctor.watch.program.walk import modules_of
from koubai.doctor.watch.seen.seen import Seen


class Shutter:
    """Opens and closes recorders: those of close-ups, and those for losses only.

    | field     | meaning                                                         |
    |-----------|-----------------------------------------------------------------|
    | close_up  | the step under close observation                                |
    | output    | what the model returned, while its loss is waited for           |
    | criterion | the module that called the loss function, once it has been seen |
    """

    def __init__(self, seen: Seen, every: int | None, taker: Taker, *, guard: Callable[..., None]) -> None:
        self.close_up: CloseUp | None = None
        self.output: Any = None
        self.criterion: nn.Module | None = None
        self._seen, self._pace = seen, Pace(every)
        self._taker, self._guard = taker, guard
        self._recorder: PassRecorder | None = None
        self._wait: TargetWait | None = None
        # Closed in a function that holds them till it ends.
        self._leaving: list[PassRecorder | TargetWait] = []

    @property
    def idle(self) -> bool:
        """Whether nothing is recorded, and nothing was that is not wholly gone."""
        return self.close_up is None and not self.open and not self._leaving

    @property
    def open(self) -> bool:
        """Whether a recorder is open, or targets are waited for."""
        return self._recorder is not None or self._wait is not None

    @property
    def looking(self) -> bool:
        """Whether the step under way is seen closely."""
        return self.close_up is not None

    @property
    def due(self) -> bool:
        """Whether the next step is to be seen closely."""
        return self.due_in(1)

    def due_in(self, steps: int) -> bool:
        """Whether the step after so many is."""
        return self._pace.wants(self._seen.step + steps)

    @property
    def next_look(self) -> int:
        """The next step to be seen closely."""
        return self._pace.after(self._seen.step)

    def _of(self, recorder: PassRecorder | None) -> CloseUp | None:
        """Return the close-up, if a recorder is its own."""
        return self.close_up if self.close_up is not None and self.close_up.recorder is recorder else None

    def _on_loss(self, call: LossCall) -> None:
        self._taker.loss(call, self.output, self._of(self._recorder), due=self.due)

    def _on_close(self, recorder: PassRecorder) -> None:
        self._taker.closed(recorder, self._of(recorder), due=self.due)

    def begin_close_up(self, samples: int) -> None:
        """See a step closely whose forward pass, of so many samples, has just begun."""
        seen = self._seen
        self._pace.begin()
        seen.modes = {id(m): getattr(m, "training", True) for _, m in modules_of(seen.root)}
        seen.names.renew(seen.root)
        whole = seen.loss.rule is None or not seen.replayable or seen.refused is not None
        self.close_up = CloseUp(
            seen.names, seen.step + 1, on_loss=self._on_loss, samples=samples, whole=whole, guard=self._guard
        )
        self._recorder = self.close_up.recorder
        seen.terms.share(self._recorder.trail.cuts)
        self._recorder.open()
        self._recorder.begin(seen.root)

    def take_output(self, output: Any) -> None:
        """Follow what the model has put out on its way to the loss."""
        self.output = output
        if self._recorder is not None:
            with torch._C.DisableTorchFunction():
                self._recorder.trail.begin(output)

    def await_loss(self) -> None:
        """Look out for losses only; for targets only, where all else is known."""
        if (function := self._taker.expects) is not None:
            self._wait = TargetWait(function, self._guard)
            self._wait.open()
            return
        self._recorder = PassRecorder(
            self._seen.names, by_unit=False, on_loss=self._on_loss, guard=self._guard
        )
        self._seen.terms.share(self._recorder.trail.cuts)
        self._recorder.open(layers=False)

    def take_gradients(self, passes: int, *, scaling: bool) -> None:
        """Take the gradients of `passes` backward passes for the close-up, before anyone clips them."""
        seen = self._seen
        if (close_up := self.close_up) is None or (not seen.step and not in_turn(seen.loop.passes)):
            return  # what is differentiated often and never updated may be part of something else
        keep = close_up.whole and seen.copies
        found = close_up.take_gradients(
            seen.root, seen.decays, max(passes, 1), keep=keep, by_hand=bool(seen.hand)
        )
        seen.had_gradient.update(found)
        if scaling and close_up.overflowed:
            self.close_up = None  # the scaler will skip this step and try a smaller scale

    def finish(self, close_up: CloseUp | None) -> None:
        """Write a close-up down whose step is made, if there is one, with gradients."""
        if close_up is None or not close_up.has_gradients:
            return
        seen, pair = self._seen, close_up.pair
        if pair is not None:
            seen.answers.see(seen.step, pair)
        seen.shifted.compared(None if pair is None else pair.t)
        close_up.pair = None
        paths = list(seen.names.params.values())
        seen.record.close_up(
            close_up.finish(seen.root, seen.rounding), close_up.recorder.layers.values(), paths
        )
        seen.loop.look(flat=close_up.flat, climbed=close_up.climbed)
        seen.first, seen.last = seen.first or close_up, close_up
        self._pace.end(seen.step)

    def close(self) -> None:
        """Close what is open; what could not be left before is left now."""
        if self._wait is not None:
            wait, self._wait = self._wait, None
            self._leaving.append(wait)
            self._guard(self._taker.waited, wait.targets)
        if self._recorder is None and not self._leaving:
            return
        recorder, self._recorder = self._recorder, None
        if recorder is not None:
            self._leaving.append(recorder)
            self.criterion = self.criterion or recorder.criterion
            self._guard(self._seen.terms.take, recorder.trail.cuts)
            self._guard(self._seen.spreads.draw, self._seen.step + 1, recorder.trail.drawn.codes)
            self._guard(self._on_close, recorder)
        self.output = None
        self._leaving = [each for each in reversed(self._leaving) if not each.close()][::-1]

    def give_up(self) -> None:
        """Close what is open, and give the close-up up."""
        self.close()
        self.close_up = None
