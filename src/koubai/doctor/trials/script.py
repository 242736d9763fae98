"""Trials of a script under watch: snapshots while it runs, a clinic when it is over."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from math import isfinite
from typing import Any

from koubai.doctor.answer.tell import change_title
from koubai.doctor.answer.verdict import CAN_BE_RUN_AGAIN, Trials
from koubai.doctor.patient.clinic import Change, Clinic
from koubai.doctor.patient.origin import Origin
from koubai.doctor.trials.budget import THOROUGH
from koubai.doctor.trials.fork_clinic import ForkClinic
from koubai.doctor.trials.forks import Forks
from koubai.doctor.trials.orders import TrialOrder
from koubai.doctor.trials.origin import TRACE
from koubai.doctor.trials.reruns import Reruns, Script
from koubai.words import say


class ScriptTrials:
    """The trials of one script.

    Args:
        times: the most that trials may cost, in multiples of the run; None: 1, or 6 if `thorough`; 0: none.
        thorough: more and longer trials, also of what could be better in a run that is not sick.
        again: what to run again where the process cannot be forked; None: nothing is.
    """

    def __init__(
        self, times: float | None = None, *, thorough: bool = False, again: Script | None = None
    ) -> None:
        self._times = (THOROUGH if thorough else 1.0) if times is None else times
        self._thorough = thorough
        self._again = again
        self._forks = Forks()
        self._forks.meter.anywhere = again is not None
        self._clinic: ForkClinic | None = None
        if not self._times:
            self._forks.refused = "unwanted"

    def __enter__(self) -> ScriptTrials:
        """Take snapshots of the script that runs while this is open."""
        self._forks.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._forks.__exit__(*exception)

    @contextmanager
    def asked(self, watch: Any) -> Iterator[None]:
        """Let a watch ask for trials while this is open."""
        watch.means.thorough = self._thorough
        if self._times:
            watch.means.other_clinic, watch.means.trace = self._clinic_of, self._origin
        else:
            watch.means.budget = 0.0  # no twin is made either
        if watch.seen.need_not_fall is not None:
            self._forks.refused = self._forks.refused or "silent"
        try:
            yield
        finally:
            watch.means.other_clinic = watch.means.trace = None

    def close(self) -> None:
        """Let the snapshots end."""
        self._forks.close()

    def _clinic_of(self) -> Clinic | None:
        """The clinic of the script, the same each time; None where no trial can be made."""
        if self._clinic is None:
            self._clinic = self._made(self._forks)
            if (
                self._again is not None
                and not self._clinic.works
                and self._clinic.trouble in CAN_BE_RUN_AGAIN
            ):
                print(say("trials.again_begins"), file=sys.stderr)
                self._clinic = self._made(Reruns(self._again, self._forks.meter))
        return None if self._clinic.trouble else self._clinic

    def _made(self, program: Forks | Reruns) -> ForkClinic:
        return ForkClinic(program, self._times, on_trial=_progress)

    def _origin(self) -> Origin | None:
        """Repeat the program up to the first loss that is not finite, and look at every operation near it."""
        return _origin_of(self._forks)

    @property
    def note(self) -> Trials:
        """How trials were made, or why there were none."""
        clinic = self._clinic
        if clinic is None:
            return Trials(reason=self._forks.refused)
        compared = 0 if clinic.repeated is None else clinic.repeated[1]
        return Trials(clinic.way, len(clinic.told), compared, clinic.trouble)


def _progress(change: Change, steps: int) -> None:
    """Say on standard error what is being tried."""
    print(say("trials.progress", change=change_title(change), steps=steps), file=sys.stderr)


def _origin_of(forks: Forks) -> Origin | None:
    """Return where the program's first loss that is not finite comes from; None if that is not found.

    It is looked for in the update before and in that one, where the program ended in the last one.
    """
    losses = forks.meter.losses[forks.meter.main] if forks.meter.losses else []
    broken = next((i for i, loss in enumerate(losses) if not isfinite(loss)), len(losses))
    start = max(0, broken - 1)
    snapshot = forks.nearest(start)
    if snapshot is None:
        return None
    steps = broken + 1 - snapshot.step
    order = TrialOrder(0, Change(TRACE, float(start)), steps, forks.meter.main)
    _progress(order.change, steps)
    answer = forks.ask(snapshot, [order]).get(0)
    return None if answer is None else answer.origin
