"""Again: the script run once more, in a process of its own, under one change. `main` is that process.

Seeds are fixed before it begins (`trials/seeds.py`): a script that sets none does the same each time, and
one that sets its own does what it did. Loaders read in this process (`num_workers=0`), so nothing has to be
started. It may write
into its own temporary folder; else what it writes goes nowhere, and connecting or starting a process ends
it (`trials/shut_in.py`).
"""

from __future__ import annotations

import functools
import inspect
import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn
from torch.utils.data import DataLoader

from koubai.doctor.script import run_script
from koubai.doctor.trials.changes import Site
from koubai.doctor.trials.forks import Forks
from koubai.doctor.trials.orders import Answer, TrialOrder
from koubai.doctor.trials.printed import Tail, last_metric
from koubai.doctor.trials.seeds import fix_seeds
from koubai.doctor.trials.shut_in import fence, refuse_in_kernel
from koubai.doctor.trials.snapshot import silence, write_all
from koubai.doctor.trials.trial import RunningTrial, roots_of

_ALONE = {
    "num_workers": 0,
    "prefetch_factor": None,
    "persistent_workers": False,
    "multiprocessing_context": None,
    "timeout": 0,
}


class Again(Forks):
    """Hears the program as `Forks` does; where that takes its first snapshot, the trial begins."""

    def __init__(self, order: TrialOrder, answer: int) -> None:
        super().__init__()
        self.refused = ""
        self.meter.anywhere = True
        self._order, self._answer = order, answer
        self._said = Tail(), Tail()

    def _take(self, step: int, running: nn.Module | None) -> None:
        if step or self._running is not None:
            return
        refuse_in_kernel()
        site = Site(roots_of(self._models), running, meter=self.meter)
        try:
            self._running = RunningTrial(self._order, self.meter, site, self._tell)
        except Exception as error:  # a change that cannot be made here is no trial
            self._tell(Answer(self._order.number, ended=f"{type(error).__name__}: {error}"))

    def __enter__(self) -> Again:
        if self._order.whole:
            sys.stdout, sys.stderr = self._said
        super().__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        error = exception[1] if len(exception) > 1 else None
        failed = isinstance(error, Exception) or (
            isinstance(error, SystemExit) and error.code not in (None, 0)
        )
        self.leave_if_child(f"{type(error).__name__}: {error}" if failed else "end")

    def _tell(self, answer: Answer) -> None:
        out, other = (said.text for said in self._said)
        printed = out if last_metric(out) is not None else f"{out}\n{other}"
        if self._order.whole:  # its start counts, too
            answer = replace(answer, printed=printed, cpu=time.process_time())
        write_all(self._answer, answer.line())
        os._exit(0)

    def leave_if_child(self, why: str) -> None:
        """Answer what is known by now: the program came to its end, or wants out, before the trial did."""
        super().leave_if_child(why)
        self._tell(Answer(self._order.number, ended=why))


def main() -> None:
    """order, file for the answer, free folder, "module" or "script", target, arguments."""
    order, answer, free, kind, target, *arguments = sys.argv[1:]
    into = os.open(answer, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    silence()
    sys.dont_write_bytecode = True
    wanted = TrialOrder.of(order)
    trial = Again(wanted, into)
    fix_seeds(wanted.seed)
    load_alone()
    fence(trial.leave_if_child, free)
    with trial:
        run_script(target if kind == "module" else Path(target), arguments, as_module=kind == "module")


def load_alone() -> None:
    """Let every loader read in this process."""
    original = DataLoader.__init__
    signature = inspect.signature(original)

    @functools.wraps(original)
    def making(*args: Any, **options: Any) -> None:
        given = signature.bind(*args, **options).arguments
        rest = given.pop("kwargs", {})
        original(**{**given, **_ALONE, **rest})

    DataLoader.__init__ = making


if __name__ == "__main__":
    main()
