"""A training script, run as it is, under watch."""

from __future__ import annotations

import os
import runpy
import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, redirect_stdout, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from koubai.doctor.answer.verdict import Unseen, Verdict
from koubai.doctor.trials.printed import PAID, printed_series
from koubai.doctor.trials.script import ScriptTrials
from koubai.doctor.watch.search import ModelSearch
from koubai.doctor.watch.watcher import Watch
from koubai.words import say

if TYPE_CHECKING:
    from koubai.doctor.answer.diary import Diary

_RANKS = ("healthy", "not_judged", "findings")  # of several models, the verdict that ranks highest is told
_PIECES = 100_000  # of what a script prints
_NOT_THEIRS = (str(Path(__file__).parents[1]), runpy.__file__)


@dataclass(frozen=True)
class ScriptOutcome:
    """What came of a script: the watch of its model, its exit code, and what it failed with.

    `phases` are watches of models that were trained before or after that one, as teachers and students are.
    """

    watch: Watch | None
    code: int = 0
    failure: str | None = None
    updates: int = 0
    backwards: int = 0
    phases: Sequence[Watch] = ()


def judge_script(
    target: Path | str,
    arguments: Sequence[str] = (),
    *,
    as_module: bool = False,
    trials: ScriptTrials | None = None,
    folder: Path | None = None,
) -> tuple[Verdict, int]:
    """Run a script (or `python -m` a module) to its end; return the verdict, and the script's exit code.

    In `folder`, which must be new, the run is written down while it lasts (koubai.doctor.answer.diary).

    `trials` are made on forks of this process, where that can be. What the script prints goes to standard
    error, and so does what could not be seen. A script that ends with an error is examined up to there, and
    is never called healthy.
    """
    trials = ScriptTrials() if trials is None else trials
    diary = None if folder is None else _diary(folder)
    try:
        outcome = watch_script(target, arguments, as_module=as_module, trials=trials, diary=diary)
        return _judged(outcome, trials), outcome.code
    finally:
        trials.close()


def _judged(outcome: ScriptOutcome, trials: ScriptTrials) -> Verdict:
    watch = outcome.watch
    if watch is None or not (watch.seen.step or watch.seen.backwards):
        if outcome.failure is not None:
            return Verdict.died(outcome.failure, outcome.updates)
        seen = outcome.updates or outcome.backwards
        return Verdict([], (Unseen("model" if seen else "nothing"),))
    watch.seen.died = outcome.failure
    with trials.asked(watch):
        verdict = replace(watch.verdict, trials=trials.note)
    for phase in outcome.phases if verdict.name != "findings" else ():
        with suppress(Exception):  # one model less is judged
            other = phase.glance()
            if _RANKS.index(other.name) > _RANKS.index(verdict.name):
                verdict = replace(other, trials=verdict.trials)
    if outcome.failure is not None:
        print(say("watch.script.failed", error=outcome.failure, step=watch.seen.step), file=sys.stderr)
    for sentence in watch.scope:
        print(sentence, file=sys.stderr)
    return verdict


def watch_script(
    target: Path | str,
    arguments: Sequence[str] = (),
    *,
    as_module: bool = False,
    trials: ScriptTrials | None = None,
    diary: Diary | None = None,
) -> ScriptOutcome:
    """Run a script; return what came of it, with the watch of the model that made most steps.

    `trials` takes snapshots of the process, for questions that are asked afterwards; None: none are taken.
    """
    search = ModelSearch(diary)
    code, failure = 0, None
    taking: AbstractContextManager[Any] = nullcontext() if trials is None else trials
    heard: list[str] = []
    aside = _output_aside(heard)
    with _as_main(target, arguments, as_module=as_module), aside, taking, search:
        try:
            _run(target, as_module=as_module)
        except SystemExit as end:
            code, failure = _code_of(end)
        except Exception as error:  # the script's own failure: told as Python tells it
            _show(error)
            code, failure = 1, f"{type(error).__name__}: {error}"
    for watch in search.watches:
        watch.seen.paid = printed_series("".join(heard), PAID)
    return ScriptOutcome(search.best, code, failure, search.updates, search.backwards, search.phases)


def _diary(folder: Path) -> Diary:
    from koubai.doctor.answer.diary import Diary

    return Diary(folder)


def run_script(target: Path | str, arguments: Sequence[str], *, as_module: bool) -> None:
    """Run a script and nothing else; its errors pass."""
    with _as_main(target, arguments, as_module=as_module):
        _run(target, as_module=as_module)


def _run(target: Path | str, *, as_module: bool) -> None:
    if as_module:
        runpy.run_module(str(target), run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(str(target), run_name="__main__")


def _code_of(end: SystemExit) -> tuple[int, str | None]:
    """Return the code with which Python would end, and what that says of the script."""
    if end.code is None or end.code == 0:
        return 0, None
    if isinstance(end.code, int):
        return end.code, f"exit code {end.code}"
    print(end.code, file=sys.stderr)
    return 1, str(end.code)


def _show(error: Exception) -> None:
    """Show the script's traceback as Python would have shown it: without the frames around it."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(
        (*_NOT_THEIRS, "<frozen runpy>")
    ):
        trace = trace.tb_next
    trace = trace or error.__traceback__
    with suppress(Exception):
        hook = sys.excepthook
        if hook is not sys.__excepthook__:
            hook(type(error), error, trace)
            return
    traceback.print_exception(type(error), error, trace)


@contextmanager
def _output_aside(heard: list[str]) -> Iterator[None]:
    """Send what the script prints, and its child processes, to standard error: the answer stands alone.

    The pieces that it prints are added to `heard`, up to a number of them.
    """
    sys.stdout.flush()
    kept: int | None = None
    with suppress(OSError, ValueError, AttributeError):
        if sys.stdout.fileno() == 1:
            kept = os.dup(1)
            os.dup2(2, 1)
    try:
        with redirect_stdout(sys.stderr), _hearing(sys.stderr, heard):
            yield
    finally:
        if kept is not None:
            os.dup2(kept, 1)
            os.close(kept)


@contextmanager
def _hearing(stream: Any, heard: list[str]) -> Iterator[None]:
    """Keep what is written to a stream, where it lets itself be heard."""
    write = stream.write

    def keep(text: str) -> Any:
        if len(heard) < _PIECES:
            heard.append(text)
        return write(text)

    with suppress(AttributeError, TypeError):
        stream.write = keep
    try:
        yield
    finally:
        with suppress(AttributeError):
            del stream.write


@contextmanager
def _as_main(target: Path | str, arguments: Sequence[str], *, as_module: bool) -> Iterator[None]:
    """Let a script find its arguments and the modules beside it; warnings count as if it ran alone."""
    before = sys.argv, sys.path
    beside = str(Path.cwd()) if as_module else str(Path(target).parent.resolve())
    sys.argv, sys.path = [str(target), *arguments], [beside, *sys.path]
    with warnings.catch_warnings():
        try:
            yield
        finally:
            sys.argv, sys.path = before
