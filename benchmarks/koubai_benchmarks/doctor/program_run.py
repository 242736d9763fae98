"""Running programs: each alone, as its author runs it, and under the doctor; each in a process of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from pathlib import Path
from threading import Event
from typing import Any

import koubai
from koubai_benchmarks.doctor.program import Program

LIMIT = 900.0  # seconds by the clock of a program alone
_TIMES, _MORE = 20.0, 300.0  # as many times as long, and so much more, under the doctor
_LOOK = 0.02  # seconds between looks at a process
_FOUND = 3  # the doctor's exit code where it has findings
_NUMBER = re.compile(r"(?<![\w.])[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|nan\b|inf\b)", re.IGNORECASE)


@dataclass(frozen=True)
class Ended:
    """A process that came to its end, or was ended at the limit (`code` None); `cpu` in seconds."""

    code: int | None
    out: str
    err: str
    cpu: float


@dataclass(frozen=True)
class Said:
    """One finding at a warning or above."""

    name: str
    severity: str
    confidence: float
    relief: float | None  # what the best treatment brought in a trial; None: none was tried


@dataclass(frozen=True)
class ProgramRow:
    """One run of a program, alone and under the doctor.

    | field    | meaning                                                                                |
    |----------|----------------------------------------------------------------------------------------|
    | metric   | the last number that it printed alone; None: none, not finite, or it ended with an error |
    | code     | its exit code alone; None: it was ended at the limit                                   |
    | verdict  | findings, healthy, not_judged; or none, where the doctor gave no answer                |
    | notes    | names that were told as information only                                               |
    | unseen   | what kept the doctor from judging                                                      |
    | trials   | how many were made                                                                     |
    | not_run  | why there were none                                                                    |
    | broken   | what the doctor changed: "code", "prints", "answer", "time"; "" where nothing          |
    | cpu      | seconds of CPU time alone, and under the doctor with its trials                        |
    """

    program: str
    hash: str
    seed: int
    fixed: bool
    metric: float | None
    code: int | None
    verdict: str
    found: tuple[Said, ...]
    notes: tuple[str, ...]
    unseen: tuple[str, ...]
    hints: tuple[str, ...]
    trials: int
    not_run: str | None
    broken: str
    cpu: float
    cpu_judged: float

    @property
    def key(self) -> tuple[str, int, bool]:
        """Which run of which program."""
        return self.program, self.seed, self.fixed

    def to_dict(self) -> dict[str, Any]:
        """Plain values, that `from_dict` takes back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> ProgramRow:
        """Return the row of plain values."""
        lists = {name: tuple(plain[name]) for name in ("notes", "unseen", "hints")}
        return cls(**{**plain, **lists, "found": tuple(Said(**said) for said in plain["found"])})


@dataclass(frozen=True)
class CostRow:
    """CPU seconds of one program alone, and watched without trials, one right after the other."""

    program: str
    hash: str
    seed: int
    cpu: float
    watched: float | None  # None: ended at the limit

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def run_program(
    program: Program, seed: int, *, fixed: bool, budget: float | None = None, stop: Event | None = None
) -> ProgramRow:
    """Run a program alone, then under the doctor; `budget` limits its trials as `--budget` does.

    Setting `stop` ends what runs; the row that comes then is none.
    """
    arguments = program.arguments(seed, fixed=fixed)
    began = time.monotonic()
    alone = run_process([str(program.path), *arguments], LIMIT, stop)
    limit = _TIMES * (time.monotonic() - began) + _MORE
    judged = run_process(doctor_command(program, arguments, budget), limit, stop)
    answer = _answer(judged.out)
    broken = _broken(alone, judged, answer)
    if broken == "prints":  # what it prints may differ from run to run: the time, say
        other = run_process([str(program.path), *arguments], LIMIT, stop)
        broken = "" if _printed(_steady(alone.out, other.out), judged.err) else broken
    trials = answer.get("trials") or {}
    found = [finding for finding in answer.get("findings", []) if finding["severity"] != "info"]
    return ProgramRow(
        program=program.id,
        hash=program.hash,
        seed=seed,
        fixed=fixed,
        metric=_metric(alone),
        code=alone.code,
        verdict=answer.get("verdict", "none"),
        found=tuple(Said(f["name"], f["severity"], f["confidence"], f["relief"]) for f in found),
        notes=tuple(f["name"] for f in answer.get("findings", []) if f["severity"] == "info"),
        unseen=tuple(gap["question"] for gap in answer.get("unseen", [])),
        hints=tuple(hint["change"] for hint in answer.get("hints", [])),
        trials=trials.get("made", 0),
        not_run=trials.get("not_run"),
        broken=broken,
        cpu=alone.cpu,
        cpu_judged=judged.cpu,
    )


def run_cost(program: Program, seed: int) -> CostRow:
    """Measure what watching a program costs."""
    arguments = program.arguments(seed, fixed=False)
    alone = run_process([str(program.path), *arguments], LIMIT)
    watched = run_process(doctor_command(program, arguments, 0.0), _TIMES * LIMIT)
    took = None if watched.code is None else watched.cpu
    return CostRow(program.id, program.hash, seed, alone.cpu, took)


def doctor_command(program: Program, arguments: Sequence[str], budget: float | None) -> list[str]:
    """Return how the doctor is called for a program."""
    spent = [] if budget is None else ["--budget", f"{budget:g}"]
    return ["-m", "koubai", "doctor", "--json", *spent, str(program.path), "--", *arguments]


def run_process(words: Sequence[str], limit: float, stop: Event | None = None) -> Ended:
    """Run Python with these words, one thread, in a folder of its own.

    It is ended, with its children, at the limit or when `stop` is set.
    """
    with tempfile.TemporaryDirectory(prefix="koubai-", ignore_cleanup_errors=True) as folder:
        out, err = Path(folder) / "out", Path(folder) / "err"
        free = Path(folder) / "free"
        free.mkdir()
        with out.open("wb") as to_out, err.open("wb") as to_err:
            process = subprocess.Popen(
                [sys.executable, *words],
                stdin=subprocess.DEVNULL,
                stdout=to_out,
                stderr=to_err,
                cwd=free,
                env=_environment(),
                start_new_session=True,
            )
            code, cpu = _wait(process, limit, stop)
        said, warned = (path.read_text(encoding="utf-8", errors="replace") for path in (out, err))
        return Ended(code, said, warned, cpu)


def _environment() -> dict[str, str]:
    """One thread, no order by chance, and koubai as it is here, wherever a process stands."""
    source = str(Path(koubai.__file__).resolve().parents[1])
    paths = os.pathsep.join(filter(None, (source, os.environ.get("PYTHONPATH", ""))))
    alone = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
    return {**os.environ, **alone, "PYTHONPATH": paths}


def _wait(process: subprocess.Popen[bytes], limit: float, stop: Event | None) -> tuple[int | None, float]:
    """Wait for a process; return its exit code and its CPU seconds, those of its children included."""
    end, ended = time.monotonic() + limit, False
    try:
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            if not ended and (time.monotonic() > end or (stop is not None and stop.is_set())):
                ended = True
                os.killpg(process.pid, signal.SIGKILL)
            time.sleep(_LOOK)
        process.returncode = os.waitstatus_to_exitcode(status)
    finally:  # Ctrl-C, too: nothing goes on alone
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return None if ended else process.returncode, usage.ru_utime + usage.ru_stime


def _metric(alone: Ended) -> float | None:
    number = last_number(alone.out) if alone.code == 0 else None
    return number if number is not None and isfinite(number) else None


def _answer(out: str) -> dict[str, Any]:
    """Return the doctor's answer; {} where it gave none."""
    try:
        answer = json.loads(out)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) and "verdict" in answer else {}


def _broken(alone: Ended, judged: Ended, answer: dict[str, Any]) -> str:
    """Return what differs under the doctor from the program alone."""
    if judged.code is None and alone.code is not None:
        return "time"
    allowed = {0, _FOUND} if alone.code == 0 else {alone.code}
    if judged.code not in allowed:
        return "code"
    if not answer:
        return "answer"
    return "" if _printed(alone.out.splitlines(), judged.err) else "prints"


def _printed(wanted: Sequence[str], err: str) -> bool:
    """Whether all these lines are among those of a text, in their order."""
    lines = iter(err.splitlines())
    return all(line in lines for line in wanted)


def _steady(one: str, other: str) -> list[str]:
    """Return the lines that two runs of a program print alike, at the same place."""
    return [a for a, b in zip(one.splitlines(), other.splitlines(), strict=False) if a == b]


def last_number(text: str) -> float | None:
    r"""Return the last number of the last line that has one.

    >>> last_number("epoch 3: loss 0.2\nheld-out: 91.5%\n"), last_number("loss nan"), last_number("v2")
    (91.5, nan, None)
    """
    for line in reversed(text.splitlines()):
        numbers = _NUMBER.findall(line)
        if numbers:
            return float(numbers[-1])
    return None
