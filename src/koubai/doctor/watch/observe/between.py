"""Between looks: ordinary steps, whose losses and order are noted in few calls, and taken in later.

A small network's step takes some hundred microseconds, and code that runs once in it finds nothing in the
caches: a call of Python costs about one. So while nothing is to be looked at two short methods stand in for
those of the listener. What they do not expect they leave to it.
"""

from __future__ import annotations

import time
from math import inf
from typing import TYPE_CHECKING, Any

import torch

from koubai.doctor.watch.program.graph import LOOKS

if TYPE_CHECKING:
    from collections.abc import Callable

    from koubai.doctor.watch.hooks.wires import Wires
    from koubai.doctor.watch.observe.interest import TrainingInterest
    from koubai.doctor.watch.observe.model_listener import ModelListener
    from koubai.doctor.watch.observe.updates import Updates

_MOST = 1000  # updates that wait
_PAUSE = 0.1  # seconds in which somebody who wants to know of updates is told of none


class Between:
    """The steps of one model between two looks; `wires` have these two methods called meanwhile."""

    __slots__ = (
        "_due", "_end_step", "_ends", "_hears", "_interest", "_listener", "_main", "_rate", "_seen", "_until",
        "_updates", "_values", "_wires",
    )  # fmt: skip

    def __init__(
        self,
        listener: ModelListener,
        wires: Wires,
        updates: Updates,
        interest: TrainingInterest,
        end_step: Callable[[], None],
    ) -> None:
        self._listener, self._seen, self._wires = listener, listener.seen, wires
        self._updates, self._interest, self._end_step = updates, interest, end_step
        self._hears = {"before_backward": self._backward, "after_backward": None, "after_step": self._step}
        self._values: list[Any] = []  # of losses that were differentiated
        self._ends: list[int] = []  # how many these were at the end of each step
        self._main: Any = None  # the optimizer
        self._rate: Any = None
        self._until = self._due = inf  # an update, a time by the monotonic clock

    def begin(self, until: float) -> None:
        """Begin after an update, if the next one is ordinary; end with update `until` or earlier."""
        seen = self._seen
        # The graph of the loss is looked at in the step after update 2, 6, and each power of 2 (scales.py).
        special = seen.step <= max(LOOKS) or not seen.step & (seen.step - 1)
        if special or seen.hand is not False or not getattr(seen.root, "training", False):
            return
        self._until = min(until, 1 << seen.step.bit_length(), seen.step + _MOST)
        self._main, self._rate = seen.optimizers[0], None
        self._due = inf if self._listener.stepped is None else time.monotonic() + _PAUSE
        self._wires.hear_instead(self._hears)

    @property
    def in_step(self) -> bool:
        """Whether a loss was differentiated since the last update that was noted."""
        return len(self._values) > (self._ends[-1] if self._ends else 0)

    def end(self) -> None:
        """Take in what was noted, and have the listener hear every event by itself again."""
        self._wires.hear_instead({})
        self._take()

    def _take(self, *, but: int = 0) -> None:
        """Take in all that was noted: updates, of whose next passes all `but` so many went by unheard."""
        values, ends, seen, listener = self._values, self._ends, self._seen, self._listener
        if not values and not ends:
            return
        self._values, self._ends = [], []
        start, first = 0, seen.step - len(ends) + 1
        for step, end in enumerate(ends, first):
            seen.loop.ordinary(end - start)
            if end > start:
                seen.record.loss(step, values[start:end], listener.losses.factor)
            start = end
        seen.backwards += len(values)
        self._interest.passes_unheard(len(ends) - but)
        for value in values[start:]:  # of the step under way
            seen.loop.backward(training=True)
            listener.losses.roots.append(value)

    def _backward(self, roots: Any, adds: bool = True) -> None:
        """Note the loss."""
        try:
            if adds:
                self._values.append(roots.item() if roots.is_cpu else _on_device(roots))
                return
        except Exception:  # several losses, or none that is one number
            pass
        self.end()
        self._listener.guard(self._listener.before_backward, roots, adds)

    def _step(self, optimizer: Any) -> None:
        """Note the update."""
        listener, seen = self._listener, self._seen
        if optimizer is not self._main:
            if not self._updates.knows(optimizer):
                self.end()
                listener.guard(listener.after_step, optimizer)
            return
        self._ends.append(len(self._values))
        seen.step = step = seen.step + 1
        if optimizer.param_groups[0]["lr"] is not self._rate:
            listener.guard(self._take_rate, optimizer)
        if step >= self._until or (self._due != inf and time.monotonic() >= self._due):
            listener.guard(self._pause)

    def _take_rate(self, optimizer: Any) -> None:
        rate = optimizer.param_groups[0]["lr"]
        self._updates.take_rate(optimizer)
        self._rate = rate if type(rate) is float else None  # a tensor may change and stay the same

    def _pause(self) -> None:
        """Take in what was noted; end where the next step is to be seen otherwise."""
        if self._seen.step >= self._until:
            self._take(but=1)
            self._end_step()
        else:
            self._take()
        if self._listener.stepped is not None:
            self._listener.stepped()
            self._due = time.monotonic() + _PAUSE


def _on_device(root: torch.Tensor) -> torch.Tensor:
    """Return a loss without its graph, unread: that would make the program wait."""
    if root.numel() != 1:
        raise ValueError("no single number")
    return root.detach()
