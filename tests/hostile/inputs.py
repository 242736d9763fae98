"""Hands hostile inputs to koubai and judges what comes of each: success, an error that is told, or failure.

    PYTHONPATH=src:tests python tests/hostile/inputs.py COUNT [PROCESSES] [FIRST]

A failure is a traceback, a hang, growth, or something told that would command a terminal. Every input is
made from its door's name and its number alone, so that `case(door, number)` makes it again.
"""

import contextlib
import importlib
import io
import multiprocessing
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import FrameType

from hostile.doors import DOORS
from koubai.cli.failures import fail
from koubai.cli.output import style
from koubai.core import memory
from koubai.core.errors import KoubaiError
from koubai.core.visible import visible
from koubai.words import set_language

SECONDS = 300.0  # by the clock; a machine may be busy, and kernels are compiled once
WORK = 60.0  # of the processor
TOLD = 0.2  # of the errors: to say one in Japanese takes longer than most inputs
GROWTH = 400 << 20  # bytes by which one input may raise the most that was ever held
MACHINE = 1 << 30  # bytes that the machine is said to have: what is larger must be refused


class Hang(BaseException):
    """Raised by the alarm: no handler of errors is meant to catch it."""


@dataclass
class Verdicts:
    """What came of many inputs: by door how many were taken and refused; failures by kind."""

    taken: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    failures: dict[str, list[str]] = field(default_factory=dict)
    failed: int = 0

    def add(self, other: "Verdicts") -> None:
        self.taken += other.taken
        self.refused += other.refused
        self.failed += other.failed
        for kind, cases in other.failures.items():
            self.failures.setdefault(kind, []).extend(cases)

    def table(self) -> str:
        rows = [f"{'door':34} {'inputs':>9} {'taken':>9} {'refused':>9}"]
        for door in DOORS:
            taken, refused = self.taken[door], self.refused[door]
            rows.append(f"{door:34} {taken + refused:9,} {taken:9,} {refused:9,}")
        total = sum(self.taken.values()) + sum(self.refused.values())
        rows.append(f"{total + self.failed:,} inputs, {self.failed:,} failures")
        rows += [f"  {len(cases)}+ {kind}: {', '.join(cases[:3])}" for kind, cases in self.failures.items()]
        return "\n".join(rows)


def share(door: str, count: int) -> int:
    """How many of `count` inputs come to a door; at least one."""
    return max(1, count * DOORS[door][1] // 10**6)


def judge(count: int, first: int = 0, part: int = 0, parts: int = 1) -> Verdicts:
    """Judge `count` inputs, or every `parts`-th of them, in this process; numbers begin at `first`."""
    found = Verdicts()
    with _bounds(), tempfile.TemporaryDirectory() as folder:
        for door in DOORS:
            for number in range(first + part, first + share(door, count), parts):
                _one(door, number, Path(folder), found)
    return found


def case(door: str, number: int, home: Path) -> str:
    """Hand over one input and return what was printed; an error of koubai is told as the command tells it."""
    rng, told = Random(f"{door} {number}"), io.StringIO()
    with contextlib.redirect_stdout(told), contextlib.redirect_stderr(told):
        try:
            DOORS[door][0](rng, home)
        except KoubaiError as error:
            if rng.random() < TOLD:
                set_language(rng.choice(("en", "ja")))
                style.json = False
                fail(error)
            return "refused" + told.getvalue()
        finally:
            set_language(None)
    return told.getvalue()


def _one(door: str, number: int, home: Path, found: Verdicts) -> None:
    before, began = _most(), time.process_time()
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        told = case(door, number, home)
        kind = _wrong(told, _most() - before, time.process_time() - began)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        told, kind = "", f"{type(error).__name__} at {_place(error)}: {str(error)[:150]!r}"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    if kind is not None:
        found.failed += 1
        found.failures.setdefault(kind, []).append(f"{door} {number}")
    else:
        (found.refused if told.startswith("refused") else found.taken)[door] += 1


def _wrong(told: str, growth: int, seconds: float) -> str | None:
    if "Traceback" in told:
        return "Traceback: " + told.strip().rsplit("\n", 1)[-1][:150]
    if told != visible(told.replace("\r", "")):  # rich ends the lines it draws again with \r
        return f"unseen letters: {told[:100]!r}"
    if growth > GROWTH:
        return f"growth by {growth >> 20} MiB"
    return f"{seconds:.0f} s of work" if seconds > WORK else None


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/koubai/" in frame.filename] or frames
    return " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in (ours[-1], frames[-1]))


def _most() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@contextlib.contextmanager
def _bounds() -> Iterator[None]:
    """A machine of one GiB, an alarm, nothing to read on standard input."""

    def ring(number: int, frame: FrameType | None) -> None:
        raise Hang

    before, usual = signal.signal(signal.SIGALRM, ring), memory.machine_bytes
    memory.machine_bytes = lambda: MACHINE
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        memory.machine_bytes = usual
        signal.signal(signal.SIGALRM, before)


def _part(words: tuple[int, int, int, int]) -> Verdicts:
    return judge(*words)


def run(count: int, processes: int, first: int) -> Verdicts:
    """Judge `count` inputs in several processes."""
    total = Verdicts()
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        for verdicts in pool.map(_part, [(count, first, i, processes) for i in range(processes)]):
            total.add(verdicts)
    return total


if __name__ == "__main__":
    asked = [int(word.replace("_", "")) for word in sys.argv[1:]]
    began = time.perf_counter()
    # spawned processes find this file's functions by the name of its module, not as __main__
    print(importlib.import_module("hostile.inputs").run(*[*asked, *(10_000, 1, 0)[len(asked) :]]).table())
    print(f"{time.perf_counter() - began:.0f} s")
