"""A trial inside the process that makes it: a change is made, the program goes on, and soon it is over."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from math import isfinite

from torch import nn

from koubai.doctor.trials.catalog import made
from koubai.doctor.trials.changes import Site
from koubai.doctor.trials.meter import Meter
from koubai.doctor.trials.orders import Answer, TrialOrder

_BROKEN = 5  # losses in a row that are not finite: nothing more will come


class RunningTrial:
    """One trial under way in this process.

    Args:
        order: what is asked.
        tell: takes the answer, once; it does not return.
    """

    def __init__(self, order: TrialOrder, meter: Meter, site: Site, tell: Callable[[Answer], None]) -> None:
        self._order, self._meter, self._site, self._tell = order, meter, site, tell
        self._begin = [len(losses) for losses in meter.losses]
        self._cpu = meter.cpu
        self._over = False
        meter.on_step = self._stepped
        self._stack = ExitStack()
        self._stack.enter_context(made(order.change, site))

    @property
    def _losses(self) -> list[float]:
        main = self._meter.main if self._order.whole else self._order.main
        if main >= len(self._meter.losses):
            return []
        return self._meter.losses[main][self._begin[main] if main < len(self._begin) else 0 :]

    def _over_yet(self, losses: list[float]) -> str | None:
        """Return why the trial is over after these losses; None: it is not."""
        if len(losses) >= self._order.steps:
            return ""
        broken = len(losses) >= _BROKEN and not any(isfinite(loss) for loss in losses[-_BROKEN:])
        return "not finite" if broken else None

    def _stepped(self, number: int, count: int) -> None:
        if self._over or (number != self._order.main and not self._order.whole):
            return
        why = None if self._order.whole else self._over_yet(self._losses)
        if why is not None:
            self.leave(why)
        elif self._meter.cpu - self._cpu > self._order.cpu:
            self.leave("budget")

    def leave(self, why: str = "") -> None:
        """Answer."""
        if self._over:
            return
        self._over = True
        if why == "end" and self._site.on_end is not None:
            self._site.on_end()
        losses, site = self._losses, self._site
        cpu = self._meter.cpu - self._cpu
        speaks = self._meter.speaks
        self._tell(Answer(self._order.number, losses, site.made, cpu, why, site.origin, speaks=speaks))

    def close(self) -> None:
        """Take the change back."""
        self._stack.close()


def roots_of(models: list[nn.Module]) -> list[nn.Module]:
    """Return those modules that are no part of another."""
    inner = {id(part) for model in models for part in model.modules() if part is not model}
    return [model for model in models if id(model) not in inner]
