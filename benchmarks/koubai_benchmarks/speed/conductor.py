"""The conductor: starts each peer in its own process and lets them play in turn, round after round."""

from __future__ import annotations

import json
import pickle
import re
import selectors
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import IO, Any

from koubai.core.signals import unheard
from koubai.words import say
from koubai_benchmarks.speed.machine import with_threads
from koubai_benchmarks.speed.peers.peer import Peer
from koubai_benchmarks.speed.worker import Task
from koubai_benchmarks.speed.workload import Workload

_ERROR = re.compile(r"^[\w.]+(Error|Exception)\b")  # the line of a traceback that says what happened


class WorkerError(Exception):
    """A worker that ended, or did not answer in time; the message is for the reader of the table."""


@dataclass(frozen=True)
class Settings:
    """How to measure: threads of every process, rounds, seconds of a window, patience for an answer."""

    threads: int
    rounds: int = 5
    seconds: float = 0.5
    patience: float = 180.0


@dataclass
class Timing:
    """What one peer showed on one workload: ms per step of every round, memory, kernels; or why nothing.

    `transforms`: whether convolutions were done by Winograd's transforms.
    """

    engine: str
    ours: bool = False
    ms: list[float] = field(default_factory=list)
    peak_mb: float = 0.0
    absent: str | None = None
    kernels: str = ""
    transforms: bool = False


class Worker:
    """A child process that times one peer."""

    def __init__(self, peer: Peer, workload: Workload, settings: Settings) -> None:
        self._patience = settings.patience
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 -- closed with the process
        with unheard():
            self._process = subprocess.Popen(
                [sys.executable, "-m", "koubai_benchmarks.speed.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                env=with_threads(settings.threads, peer.environment),
            )
        task = Task(peer.name, workload, settings.threads, settings.seconds)
        try:
            ready = self._ask(pickle.dumps(task).hex())
        except WorkerError:
            self.close()
            raise
        self.kernels, self.transforms = str(ready["kernels"]), bool(ready["transforms"])

    def window(self) -> float:
        """Return the mean ms per step of one window."""
        return float(self._ask("go")["ms"])

    def stop(self) -> float:
        """End the process; return the most memory it ever had, in MiB."""
        try:
            return float(self._ask("stop")["peak_mb"])
        finally:
            self.close()

    def close(self) -> None:
        """End the process at once."""
        self._process.kill()
        self._process.communicate()
        self._log.close()

    def _ask(self, line: str) -> dict[str, Any]:
        pipes = self._process.stdin, self._process.stdout
        assert pipes[0] is not None
        assert pipes[1] is not None
        try:
            pipes[0].write(f"{line}\n".encode())
            pipes[0].flush()
        except BrokenPipeError:
            raise WorkerError(self._last_words()) from None
        with selectors.DefaultSelector() as selector:
            selector.register(pipes[1], selectors.EVENT_READ)
            if not selector.select(self._patience):
                raise WorkerError(f"no answer in {self._patience:g} s")
        answer = pipes[1].readline()
        if not answer:
            raise WorkerError(self._last_words())
        found: dict[str, Any] = json.loads(answer)
        return found

    def _last_words(self) -> str:
        self._process.wait(10)
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        named = [line for line in lines if _ERROR.match(line)] or lines
        return named[-1][:200] if named else f"ended with status {self._process.returncode}"


class Seat:
    """One contender's place in the rounds; whatever fails is kept as the reason of its absence."""

    def __init__(self, peer: Peer, workload: Workload, settings: Settings) -> None:
        self.timing = Timing(peer.name, peer.ours, absent=peer.refuses(workload))
        if find_spec(peer.package) is None:
            self.timing.absent = f"{peer.package} is not installed"
        self._new_worker = lambda: Worker(peer, workload, settings)
        self._worker: Worker | None = None

    def take(self) -> None:
        """Start the process and wait until it is ready."""
        if self.timing.absent is None:
            self._try(self._open)

    def play(self) -> None:
        """Time one window."""
        if self._worker is not None:
            self._try(self._time)

    def leave(self) -> None:
        """End the process."""
        if self._worker is not None:
            self._try(self._stop)

    def _open(self) -> None:
        self._worker = self._new_worker()
        self.timing.kernels, self.timing.transforms = self._worker.kernels, self._worker.transforms

    def _time(self) -> None:
        assert self._worker is not None
        self.timing.ms.append(self._worker.window())

    def _stop(self) -> None:
        assert self._worker is not None
        worker, self._worker = self._worker, None
        self.timing.peak_mb = max(self.timing.peak_mb, worker.stop())

    def _try(self, action: Callable[[], None]) -> None:
        try:
            action()
        except WorkerError as failure:
            self.timing.absent = str(failure)
            if self._worker is not None:
                self._worker.close()
                self._worker = None


def time_workload(
    workload: Workload, contenders: Iterable[Peer], settings: Settings, tell: Callable[[str], None]
) -> list[Timing]:
    """Time every contender on one workload; `tell` hears what is going on.

    Where a workload is resident all processes stay alive and take turns; else each is started again for
    every window, so that only one holds memory.
    """
    seats = [Seat(peer, workload, settings) for peer in contenders]
    try:
        if workload.resident:
            for seat in seats:
                tell(say("bench.progress.starts", workload=workload.name, engine=seat.timing.engine))
                seat.take()
        for number in range(settings.rounds):
            tell(
                say("bench.progress.round", workload=workload.name, number=number + 1, rounds=settings.rounds)
            )
            for seat in seats:
                if not workload.resident:
                    seat.take()
                seat.play()
                if not workload.resident:
                    seat.leave()
    finally:
        for seat in seats:
            seat.leave()
    return [seat.timing for seat in seats]
