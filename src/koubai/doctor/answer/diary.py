"""Diary: the folder in which a watched training writes itself down while it runs.

    RUN/
      watch.json       what is trained: model, parameters, updates planned, when it began
      history.jsonl    numbers over steps, appended, as in a run's folder (koubai.train.history_file)
      findings.json    what the doctor found at the latest look, in every language

`koubai serve --runs` shows it. Nothing in it is needed to train, so what cannot be written is told once, and
the training goes on; nor does it ever wait for the disk to hold what was written.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from koubai.core.errors import RunError
from koubai.doctor.answer.tell import lines_of
from koubai.doctor.answer.verdict import Verdict
from koubai.probes.history import History
from koubai.train.files import json_bytes, writing
from koubai.train.history_file import Lines
from koubai.train.manifest import HISTORY, sealed
from koubai.train.safe_folder import SafeFolder
from koubai.words import LANGUAGES, say
from koubai.words.phrase import phrase

ABOUT, FINDINGS, FORMAT = "watch.json", "findings.json", 1
EVERY = 0.5  # seconds between two times of writing
_MARKS = (ABOUT, "run.json", HISTORY)


class Diary:
    """Writes one run; `begin` may be called again, for another model that turns out to be the one trained."""

    def __init__(self, path: str | Path) -> None:
        """Take a folder, made if it is not there.

        Raises:
            RunError: a run is there already, or nothing can be written.
        """
        self.path = Path(path)
        self._place = SafeFolder(self.path)
        self._owner: Any = None
        self._process = os.getpid()
        self._failed = False
        self._lines = Lines()
        self._next = 0.0
        with writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            if any(self._place.has(name) for name in _MARKS):
                raise RunError("run_is_here_already", where=str(self.path), hint=phrase("another_folder"))

    def due(self, owner: Any, step: int) -> bool:
        """Whether it is time to write of a watch: it made most updates, and some time has passed."""
        if self._failed or time.monotonic() < self._next or os.getpid() != self._process:
            return False
        return owner is self._owner or self._owner is None or step > self._owner.step

    def write(self, owner: Any, about: Callable[[], dict[str, Any]], history: History) -> None:
        """Append what a history has gained; begin with what is trained, where that is new."""
        if self._failed or os.getpid() != self._process:
            return
        with self._trying():
            if owner is not self._owner:
                self._begin(about())
                self._owner = owner
            if lines := self._lines.gained(history):
                self._place.append(HISTORY, lines)
            self._next = time.monotonic() + EVERY

    def is_of(self, owner: Any) -> bool:
        """Whether what is written is of this watch, and still can be."""
        return owner is self._owner and not self._failed and os.getpid() == self._process

    def judged(self, owner: Any, verdict: Verdict, step: int, state: str) -> None:
        """Write what the doctor found; `state` is running, ended or died."""
        if self.is_of(owner):
            with self._trying():
                told = plain_verdict(verdict) | {"step": step, "state": state}
                self._place.write(FINDINGS, json_bytes(sealed(told)), hold=state != "running")

    def _begin(self, about: dict[str, Any]) -> None:
        for name in (ABOUT, FINDINGS):
            self._place.remove(name)
        self._lines = Lines()
        self._place.write(HISTORY, b"", hold=False)
        began = datetime.now(UTC).isoformat(timespec="seconds")
        self._place.write(ABOUT, json_bytes(sealed({"format": FORMAT, "began": began, **about})), hold=False)

    def _trying(self) -> _Trying:
        return _Trying(self)

    def fail(self, error: Exception) -> None:
        """Write no more, and say so once."""
        self._failed = True
        with suppress(Warning):  # a program may turn warnings into errors
            warnings.warn(say("watch.unwritten", folder=self.path, error=error), RuntimeWarning, stacklevel=4)


class _Trying:
    """What cannot be written never ends the training."""

    def __init__(self, diary: Diary) -> None:
        self._diary = diary

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        if isinstance(error, OSError | RunError | ValueError):
            self._diary.fail(error)
            return True
        return False


def plain_verdict(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as the page shows it: plain values, and each finding told in every language."""
    return {
        "verdict": verdict.name,
        "findings": [
            {
                **{
                    name: value
                    for name, value in finding.to_dict().items()
                    if name not in ("series", "trials")
                },
                "told": {lang: lines_of(finding, lang) for lang in LANGUAGES},
            }
            for finding in verdict.findings
        ],
        "unseen": [
            {"question": gap.reason, "told": {lang: [gap.why(lang), gap.help(lang)] for lang in LANGUAGES}}
            for gap in verdict.unseen
        ],
    }
