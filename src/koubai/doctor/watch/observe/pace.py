"""Pace: which steps are looked at closely, so that looking costs little of the time."""

from __future__ import annotations

import time

SHARE = 0.005
"""Of the training's CPU time that may go into looks."""
_LEAST_GAP = 10  # steps; between the first look, which warms up, and the second, which tells the cost, too
_GROWTH = 0.5  # of the steps so far: later than this the next look never is, whatever looks cost


class Pace:
    """Every so many steps exactly, or (None) as often as half a percent of time allows; the first one always.

    Which steps are looked at decides what is found, and must not depend on how busy the machine was. So time
    is that of the processor in this process; gaps are 10, 20, 40 ... steps, which noise seldom changes; and
    however little time there is, the last look lies in the last third of the run.
    """

    def __init__(self, every: int | None) -> None:
        self._every = every
        self._next = 1
        self._looked = 0
        self._resumed = self._began = time.process_time()

    def wants(self, step: int) -> bool:
        """Return whether update `step` is to be looked at."""
        return self.after(step - 1) == step

    def after(self, step: int) -> int:
        """Return the first update behind `step` that is to be looked at."""
        if self._every is None:
            return max(self._next, step + 1)
        return step - step % self._every + self._every if step else 1

    def begin(self) -> None:
        """Say that a look begins."""
        self._began = time.process_time()

    def end(self, step: int) -> None:
        """Say that the look at `step` is over; from what it took follows when the next one is due."""
        now = time.process_time()
        steps, self._looked = step - self._looked - 1, step
        gap = _LEAST_GAP
        if step > 1 and steps > 0:
            ordinary = (self._began - self._resumed) / steps
            extra = (now - self._began) - ordinary
            wanted = extra / (SHARE * max(ordinary, 1e-9))
            longest = max(_LEAST_GAP, round(_GROWTH * step))
            while gap < min(wanted, longest):
                gap *= 2
            gap = min(gap, longest)
        self._next, self._resumed = step + gap, now
