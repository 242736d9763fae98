"""Reruns: trials on a program that cannot be forked, by running it again from the start (`--try`).

What asks the snapshots of a process (`ForkClinic`) asks this instead. The unchanged run beside every trial is
the program's own where a run again repeats its first losses; else (it sets no seed) one more, seeds fixed.
"""

from __future__ import annotations

import copy
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import numpy as np

from koubai.doctor.patient.clinic import Change
from koubai.doctor.trials.forks import Snapshot
from koubai.doctor.trials.meter import Meter
from koubai.doctor.trials.orders import Answer, TrialOrder
from koubai.doctor.trials.snapshot import STILL, cpu_of

_COMPARED = 5  # losses
_ALIKE = 1e-5  # relative
_LOOK = 0.2  # seconds between looks at a process
_CPU = 3600.0


@dataclass(frozen=True)
class Script:
    """What was run, and how."""

    target: str
    arguments: tuple[str, ...] = ()
    as_module: bool = False


class Reruns:
    """Runs a script again, under one change each.

    Args:
        script: what is run.
        meter: the losses of the program's own run.

    Reading its losses may cost a run: where the program sets no seed, its own losses tell nothing.
    """

    way = "again"

    def __init__(self, script: Script, meter: Meter) -> None:
        self._script = script
        self.refused = ""
        self.snapshots = [Snapshot(0, -1, -1)]
        self.meter = copy.copy(meter)
        self.meter.losses = [list(losses) for losses in meter.losses]
        if self.meter.steps:
            self._repeat()

    def _repeat(self) -> None:
        """Make sure that the losses are those of a run that can be made again."""
        main = self.meter.main
        first = run_again(
            self._script, TrialOrder(0, Change("nothing"), min(_COMPARED, self.meter.steps), main, _CPU)
        )
        own = self.meter.losses[main]
        there = np.array(first.losses)
        if len(there) and np.allclose(there, own[: len(there)], rtol=_ALIKE, atol=1e-6, equal_nan=True):
            return
        whole = run_again(self._script, TrialOrder(0, Change("nothing"), len(own), main, _CPU))
        self.meter.losses[main] = whole.losses

    def nearest(self, step: int) -> Snapshot | None:
        """The start: from there everything is run again."""
        return self.snapshots[0]

    def close(self) -> None:
        """Nothing is kept."""

    def ask(
        self,
        snapshot: Snapshot,
        orders: Sequence[TrialOrder],
        on_answer: Callable[[Answer], None] | None = None,
    ) -> dict[int, Answer]:
        """Make trials, as many at a time as there are cores; return answers by number."""
        found: dict[int, Answer] = {}
        for answer in run_all(self._script, orders):
            found[answer.number] = answer
            if on_answer is not None:
                on_answer(answer)
        return found


def run_all(script: Script, orders: Sequence[TrialOrder]) -> Iterator[Answer]:
    """Run a script again for each order, as many at a time as there are cores; leaving ends them all."""
    stop = Event()
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        try:
            yield from pool.map(lambda order: run_again(script, order, stop), orders)
        finally:
            stop.set()


def run_again(script: Script, order: TrialOrder, stop: Event | None = None) -> Answer:
    """Run a script again; one that ends without an answer has died, or was told to stop."""
    kind = "module" if script.as_module else "script"
    if stop is not None and stop.is_set():
        return Answer(order.number, ended="stopped")
    with tempfile.TemporaryDirectory(prefix="koubai-", ignore_cleanup_errors=True) as free:
        answer = Path(free) / "answer"
        command = [sys.executable, "-m", "koubai.doctor.again", order.line().decode(), str(answer)]
        process = subprocess.Popen(
            [*command, free, kind, script.target, *script.arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=_environment(free),
        )
        ended = _wait(process, order, stop)
        text = answer.read_text(encoding="utf-8") if answer.exists() else ""
    return Answer.of(text) if text else Answer(order.number, ended=ended or "died")


def _environment(free: str) -> dict[str, str]:
    """One thread, as trials on forks have, and a folder for what is temporary."""
    given = os.environ.get("PYTHONPATH", "")
    paths = os.pathsep.join(filter(None, (str(Path(__file__).parents[3]), given)))
    alone = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
    return {**os.environ, **alone, "TMPDIR": free, "MPLCONFIGDIR": free, "PYTHONPATH": paths}


def _wait(process: subprocess.Popen[bytes], order: TrialOrder, stop: Event | None) -> str:
    """Wait for a process; end one that uses too much CPU time, waits without end or is to stop; say why."""
    cpu, moved, why = 0.0, time.monotonic(), ""
    try:
        while process.poll() is None and not why:
            time.sleep(_LOOK)
            now, used = time.monotonic(), cpu_of(process.pid)
            if used > cpu + 0.01:
                cpu, moved = used, now
            if used > 2 * order.cpu + 60 or (used and now - moved > STILL):
                why = "hung"
            elif stop is not None and stop.is_set():
                why = "stopped"
    finally:  # Ctrl-C, too
        if process.poll() is None:
            process.kill()
            process.wait()
    return why
