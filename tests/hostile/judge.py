"""What a damaged folder leads to: the right result or one clear error. All else is `Wrong`, and says what."""

from __future__ import annotations

import io
import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np

from hostile.cases import Case, experiment, quietly, run_it
from koubai.cli.main import main
from koubai.core.errors import KoubaiError
from koubai.lab.perform.store import Store
from koubai.train import RunFolder, resume
from koubai.train.model_file import load
from koubai.train.verify import verify
from support.runs import assert_same

PATIENCE = 120.0  # seconds after which something hangs; the slowest act takes a second
RIGHT, TOLD = "right", "told"
X = np.linspace(-3, 3, 20, dtype=np.float32).reshape(10, 2)


class Wrong(Exception):
    """A silently wrong result, a traceback, a hang, or a touch outside."""


class _Hang(BaseException):
    pass


@contextmanager
def patience() -> Iterator[None]:
    """Raise Wrong if what is done inside does not end; only in the main thread, which signals reach."""

    def late(*_: object) -> None:
        raise _Hang

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    try:
        yield
    except _Hang:
        raise Wrong("it hangs") from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def outcome(place: Path, act: Callable[[], Any], check: Callable[[Any], None]) -> str:
    """Return RIGHT if an act gives what `check` accepts, TOLD if it gives a clear error, else raise Wrong."""
    try:
        with patience():
            found = quietly(act)
    except KoubaiError as error:
        if not str(error.where or "").startswith(str(place)):
            raise Wrong(f"an error that names no file in the folder: {error}") from error
        if not (error.hint or error.expected or error.got) and "cannot read this file" not in error.message:
            raise Wrong(f"an error that does not say what to do: {error}") from error
        return TOLD
    except Exception as error:
        raise Wrong(f"a traceback: {type(error).__name__}: {error}") from error
    try:
        check(found)
    except (AssertionError, KeyError, ValueError) as error:
        raise Wrong(f"another result, silently: {error}"[:500]) from error
    return RIGHT


def judge_run(case: Case, place: Path, original: Path) -> str:
    """Read, load, resume and salvage a damaged run's folder; `original` is the folder as it was."""
    truth = case.truth
    ended = RunFolder(original).finished
    sound = _verified(place)
    if ended and not sound and _same_files(original, place):
        raise Wrong("verify finds fault with a run whose files are the same")
    if ended and sound and not _same_files(original, place, loosely=True):
        raise Wrong("verify finds no fault with a run whose files are others")
    outcome(place, RunFolder(place).history, lambda found: _beginning(found, truth.history, whole=ended))
    weights = outcome(place, lambda: load(place).predict(X), lambda y: _equal(y, truth.predict(X)))
    if weights == RIGHT and not ended:
        raise Wrong("weights of a run that has not ended")
    went = outcome(place, lambda: resume(place), lambda run: assert_same(run, truth))
    if went == TOLD:
        if sound:
            raise Wrong("verify finds no fault with a run that cannot go on")
        _salvaged(case, place)
    return went


def _salvaged(case: Case, place: Path) -> None:
    """Bring a run back as far as verify promises; it must come to the same end."""
    try:
        back = verify(place).back_to
    except KoubaiError:
        back = None
    act = lambda: resume(place, salvage=True)  # noqa: E731
    done = outcome(place, act, lambda run: assert_same(run, case.truth))
    if back is not None and done == TOLD:
        raise Wrong(f"verify promises step {back}, and salvage does not bring it: {_why(act)}")
    if done == RIGHT and not _verified(place):
        raise Wrong("a salvaged run that is not sound")


def _why(act: Callable[[], Any]) -> str:
    try:
        quietly(act)
    except KoubaiError as error:
        return str(error)
    return "the second time it did"


def _verified(place: Path) -> bool:
    """Return whether `koubai verify` finds a folder sound."""
    screen = io.StringIO()
    with redirect_stdout(screen), redirect_stderr(screen), patience():
        code = main(["verify", str(place), "--plain"])
    if code not in (0, 2, 3):
        raise Wrong(f"koubai verify ends with {code}: {screen.getvalue()[-800:]}")
    return code == 0


def _same_files(one: Path, other: Path, *, loosely: bool = False) -> bool:
    """Whether the files that a manifest vouches for are the same; `loosely`: whatever the manifest's text."""
    names = [str(path.relative_to(one)) for path in one.rglob("*") if path.is_file() and path.name != ".lock"]
    skipped = {"manifest.json"} if loosely else set()
    return all(_bytes(one / name) == _bytes(other / name) for name in names if name not in skipped)


def _bytes(path: Path) -> bytes | None:
    regular = path.is_file() and not path.is_symlink() and not any(p.is_symlink() for p in path.parents)
    return path.read_bytes() if regular else None


def _beginning(found: Any, truth: Any, *, whole: bool) -> None:
    """Assert that a history is the beginning of another one, column by column."""
    if whole:
        assert found == truth
        return
    for name in found.columns:
        for mine, theirs in zip(found.series(*reversed(name)), truth.series(*reversed(name)), strict=True):
            np.testing.assert_array_equal(mine, theirs[: len(mine)])


def _equal(y: Any, expected: Any) -> None:
    np.testing.assert_array_equal(y, expected)


def judge_store(case: Case, place: Path, original: Path) -> str:
    """Load every run of a damaged store, then run the experiment; delete what its errors say, run again."""
    _verified(place)
    for run in case.truth.runs:
        load_it = lambda run=run: Store(place).load(run.key, run.arm, run.seed)  # noqa: E731
        outcome(place, load_it, lambda found, run=run: found is None or same_run(found, run))
    went = ""
    for _ in range(len(case.truth.runs) + 2):
        done = outcome(
            place, lambda: run_it(experiment(), place), lambda result: same_result(result, case.truth)
        )
        went = went or done
        if done == RIGHT:
            return went
        _follow(place)
    raise Wrong("doing what the errors say does not help")


def _follow(place: Path) -> None:
    """Do what the error of a damaged store says: delete the folder it names, or the link."""
    try:
        quietly(lambda: run_it(experiment(), place))
    except KoubaiError as error:
        named = Path((error.hint or "").removeprefix("delete the folder ").removesuffix(" to run it again"))
        target = named if named.is_relative_to(place) and named != place else Path(error.where or "")
        if not target.is_relative_to(place):
            raise Wrong(f"nothing to follow in: {error}") from error
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)
        else:
            target.unlink()


def same_result(found: Any, truth: Any) -> None:
    """Assert that an experiment came out as another, but for the time it took."""
    runs = {(run.arm, run.seed): run for run in found.runs}
    assert runs.keys() == {(run.arm, run.seed) for run in truth.runs}
    for run in truth.runs:
        same_run(runs[run.arm, run.seed], run)


def same_run(found: Any, truth: Any) -> None:
    """Assert that a stored run is another, but for the time it took."""
    assert found.key == truth.key
    assert dict(found.scores) == dict(truth.scores)
    assert found.history == truth.history
    for mine, theirs in zip(found.exhibits, truth.exhibits, strict=True):
        assert (mine.kind, mine.path, mine.rows) == (theirs.kind, theirs.path, theirs.rows)
        assert all(np.array_equal(mine.arrays[name], theirs.arrays[name]) for name in theirs.arrays)


def judge_model(case: Case, place: Path, original: Path) -> str:
    """Load a damaged file of weights."""
    act = lambda: load(place / "net.safetensors").predict(X)  # noqa: E731
    return outcome(place, act, lambda y: _equal(y, case.truth.predict(X)))


def attack(case: Case, how: Callable[..., str], rng: Any, work: Path) -> tuple[str, str]:
    """Damage a copy of a case and judge it; return what was done and the outcome ("" if nothing was done)."""
    place, outside = work / case.path.name, work / "outside"
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(case.path, place)
    outside.mkdir()
    (outside / "notes").write_text("not yours\n" * 200)
    said = how(rng, place, case.others, outside)
    if not said:
        return "", ""
    before = _listing(outside)
    judges = {"store": judge_store, "model": judge_model}
    try:
        result = judges.get(case.name, judge_run)(case, place, case.path)
        if _listing(outside) != before:
            raise Wrong("something outside the folder was touched")
    except Wrong as error:
        raise Wrong(f"{case.name}: {said}: {error}") from error
    return said, result


def _listing(folder: Path) -> dict[str, bytes]:
    found = {}
    for path in sorted(folder.rglob("*")):
        found[str(path)] = path.read_bytes() if path.is_file() else os.fsencode(path.name)
    return found
