"""Forks: trials on a running program by forking its process (Linux, CPU).

Snapshots are taken while the program runs, at its first forward pass with gradients and then at updates 16,
32, 64, ..., of which the last three stay: so there is always one from the start and some from the middle.
Trials are asked for when the program is over. The program itself is not touched: not its random numbers,
not its files, not what it prints.
"""

from __future__ import annotations

import os
import random
import select
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from koubai.doctor.trials.by_hand import without_module
from koubai.doctor.trials.changes import Site
from koubai.doctor.trials.meter import Meter
from koubai.doctor.trials.orders import Answer, TrialOrder
from koubai.doctor.trials.shut_in import cut_off, positions, shares_memory, shut_in
from koubai.doctor.trials.snapshot import Sleeper, fork_away, silence, write_all
from koubai.doctor.trials.trial import RunningTrial, roots_of
from koubai.doctor.watch.hooks.guard import Guard
from koubai.doctor.watch.hooks.listener import Listener
from koubai.doctor.watch.hooks.wires import Wires
from koubai.doctor.watch.program.walk import parameters_of

_FIRST = 16  # updates: the first snapshot after that of the start; then always twice as many
_KEPT = 3  # of the later ones
_HARMLESS = ("TMonitor", "_RefreshThread", "_AsyncWriterThread")
_SPARE = 2.0  # times this process' memory must be free for another snapshot


@dataclass(frozen=True)
class Snapshot:
    """A sleeping process: the update it stands at, and the pipes to it."""

    step: int
    orders: int
    answers: int

    def close(self) -> None:
        """Let it end."""
        os.close(self.orders)
        os.close(self.answers)


class Forks(Listener):
    """Takes snapshots of a program between `__enter__` and `__exit__`; asks them afterwards.

    | field     | meaning                                                                       |
    |-----------|-------------------------------------------------------------------------------|
    | meter     | the program's own losses                                                      |
    | refused   | why there are no snapshots, a key of words/trials.toml; "" if nothing forbids |
    """

    way = "fork"

    def __init__(self) -> None:
        self.meter = Meter(self._stepped)
        self.snapshots: list[Snapshot] = []
        self.refused = "" if sys.platform == "linux" else "system"
        self._models: list[nn.Module] = []
        self._running: RunningTrial | None = None
        self._entered = self._began = False  # `_began`: something was differentiated
        self._wires = Wires(self, Guard(self._give_up))

    def __enter__(self) -> Forks:
        self._entered = self.refused != "unwanted"
        if self._entered:
            self.meter.__enter__()
            self._wires.connect()
        return self

    def __exit__(self, *exception: object) -> None:
        self.leave_if_child("end")
        if self._entered:
            self._wires.disconnect()
            self.meter.__exit__()

    def _give_up(self, failure: str) -> None:
        """Take no more snapshots: what fails here must not fail the program."""
        self.refused = "failed"

    def leave_if_child(self, why: str) -> None:
        """End this process if it is a trial: the program came to its end before the trial did."""
        if self._running is not None:
            self._running.leave(why)

    def close(self) -> None:
        """Let all snapshots end."""
        for snapshot in self.snapshots:
            snapshot.close()
        self.snapshots = []

    # ------------------------------------------------------------------------------------ taking

    def before_forward(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        """Take the first snapshot when a model is called with gradients.

        That is before the first update, but where nobody calls the model and its `forward` is heard later.
        """
        if torch.is_grad_enabled() and any(p.requires_grad for _, p in parameters_of(module)):
            self._wires.listen_lightly()
            self._models = [module]
            self._take(self.meter.steps, module)

    def before_backward(self, roots: Any, adds: bool = True) -> None:
        """Keep the loss. Where tensors are trained without a module, the first snapshot is taken here."""
        if not (self._models or self.snapshots or self.meter.steps or self._began) and without_module(roots):
            self._take(0, None)
        self._began = True
        self.meter.see(roots)

    def after_step(self, optimizer: Any) -> None:
        """Count an update."""
        self.meter.stepped(optimizer)

    def _stepped(self, number: int, count: int) -> None:
        due = count >= _FIRST and count & (count - 1) == 0 and count == self.meter.steps
        if due and not any(snapshot.step == count for snapshot in self.snapshots):
            self._take(count, None)

    def _take(self, step: int, running: nn.Module | None) -> None:
        self.refused = self.refused or obstacle()
        if self.refused or not _has_room():
            return
        orders_out, orders_in = os.pipe()
        answers_out, answers_in = os.pipe()
        read_from, state = positions(), random.getstate()
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):  # a program may have put anything there
                stream.flush()
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", DeprecationWarning
            )  # threads are there: PyTorch's, which do not matter
            inside = fork_away() == 0
        if inside:
            try:
                self._live(orders_out, answers_in, read_from, state, running)
            except BaseException:
                os._exit(1)
            return
        os.close(orders_out)
        os.close(answers_in)
        self.snapshots.append(Snapshot(step, orders_in, answers_out))
        if len(self.snapshots) > _KEPT + 1:
            self.snapshots.pop(1).close()

    def _live(
        self, orders: int, answers: int, read_from: dict[int, int], state: Any, running: nn.Module | None
    ) -> None:
        """Be a snapshot; come back as a trial, in the middle of the program."""
        silence()
        for snapshot in self.snapshots:
            snapshot.close()
        self.snapshots = []
        cut_off((orders, answers), read_from)
        order, into = Sleeper(orders, answers, os.cpu_count() or 1).sleep()
        random.setstate(state)  # Python draws a new one after a fork
        torch.set_num_threads(1)  # the threads of the parent do not live here

        def tell(answer: Answer) -> None:
            write_all(into, answer.line())
            os._exit(0)

        self.meter.begin_anew()
        site = Site(roots_of(self._models), running, meter=self.meter)
        shut_in(self.leave_if_child)
        try:
            self._running = RunningTrial(order, self.meter, site, tell)
        except Exception as error:  # a change that cannot be made here is no trial
            tell(Answer(order.number, ended=f"{type(error).__name__}: {error}"))

    # ------------------------------------------------------------------------------------ asking

    def nearest(self, step: int) -> Snapshot | None:
        """Return the last snapshot at or before an update; for the start, one an update late will do."""
        before = (snapshot for snapshot in reversed(self.snapshots) if snapshot.step <= max(step, 1))
        return next(before, None)

    def ask(
        self,
        snapshot: Snapshot,
        orders: Sequence[TrialOrder],
        on_answer: Callable[[Answer], None] | None = None,
    ) -> dict[int, Answer]:
        """Let a snapshot make trials, as many at a time as there are cores; return answers by number.

        A snapshot that has died answers nothing.
        """
        found: dict[int, Answer] = {}
        text = b""
        try:
            write_all(snapshot.orders, b"".join(order.line() for order in orders))
        except OSError:
            return found
        while len(found) < len(orders):
            select.select([snapshot.answers], [], [])
            data = os.read(snapshot.answers, 1 << 16)
            if not data:
                break
            *lines, text = (text + data).split(b"\n")
            for answer in map(Answer.of, lines):
                found[answer.number] = answer
                if on_answer is not None:
                    on_answer(answer)
        return found


def obstacle() -> str:
    """Return what forbids a fork of this process now, as a key of words/trials.toml; "" if nothing does."""
    import multiprocessing

    if torch.cuda.is_available() and torch.cuda.is_initialized():
        return "cuda"
    if any(child.is_alive() for child in multiprocessing.process._children):  # type: ignore[attr-defined]
        return "workers"
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return "distributed"
    if any(not _is_harmless(thread) for thread in threading.enumerate()):
        return "threads"
    if signal.getsignal(signal.SIGCHLD) not in (signal.SIG_DFL, None):
        return "signal"
    return "shared" if shares_memory() else ""


def _is_harmless(thread: threading.Thread) -> bool:
    """Whether a thread is the program's own one, or one that a fork does well without.

    Those look after progress bars (tqdm, rich), or write what is put into a queue (TensorBoard).
    """
    return thread is threading.current_thread() or type(thread).__name__ in _HARMLESS


def _has_room() -> bool:
    """Whether the machine has memory for what both processes may write."""
    try:
        with Path("/proc/meminfo").open() as info:
            sizes = {line.split(":")[0]: int(line.split()[1]) for line in info}
        with Path("/proc/self/statm").open() as own:
            mine = int(own.read().split()[1]) * (os.sysconf("SC_PAGE_SIZE") // 1024)
    except (OSError, ValueError, IndexError):
        return False
    return sizes.get("MemAvailable", 0) > _SPARE * mine
