"""Keeper: decides when a watched run is written to its diary, so that the training hardly pays for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from math import inf
from pathlib import Path
from typing import Any

from koubai.doctor.answer.diary import Diary
from koubai.doctor.answer.verdict import Verdict
from koubai.doctor.watch.program.walk import parameters_of
from koubai.doctor.watch.seen.seen import Seen

_SHARE = 0.01  # of the training time that may go into glances of the doctor
_ROWS = 2000  # samples that a glance may send through the model, there and back
_FIXED = 1.0  # seconds that a glance takes besides, until one has shown


class DiaryKeeper:
    """Writes what a watch has seen, twice a second; the doctor glances as often as 1 % of the time allows."""

    def __init__(self, seen: Seen, diary: Diary, ask: Callable[[], Verdict]) -> None:
        self._seen, self._diary, self._ask = seen, diary, ask
        self._began = self._glanced = time.monotonic()
        self._cost: float | None = None  # of the latest glance, in seconds

    @classmethod
    def of(cls, folder: str | Path | Diary, seen: Seen, ask: Callable[[], Verdict]) -> DiaryKeeper:
        """Return the keeper of a diary, begun where only its folder is given."""
        return cls(seen, folder if isinstance(folder, Diary) else Diary(folder), ask)

    def stepped(self) -> None:
        """An update was made: write, if it is time."""
        seen = self._seen
        if not self._diary.due(seen, seen.step):
            return
        self._write()
        if time.monotonic() - self._glanced > self._expected() / _SHARE:
            self._glance("running")

    def end(self) -> None:
        """Write all there is; the doctor's last glance, unless the verdict was asked for already."""
        if self._seen.step:
            self._write()
            self._glance(self._state)

    def judged(self, verdict: Verdict) -> None:
        """Write a verdict that somebody asked for."""
        self._diary.judged(self._seen, verdict, self._seen.step, self._state)

    @property
    def _state(self) -> str:
        return "ended" if self._seen.died is None else "died"

    def _write(self) -> None:
        self._seen.record.flush()
        self._diary.write(self._seen, self._about, self._seen.record.history)

    def _glance(self, state: str) -> None:
        if not self._diary.is_of(self._seen):
            return
        started = time.monotonic()
        try:
            self._diary.judged(self._seen, self._ask(), self._seen.step, state)
        except Exception:  # a diagnosis may meet what nobody thought of: the watch goes on without glances
            self._cost = inf
            return
        self._glanced = time.monotonic()
        self._cost = self._glanced - started

    def _expected(self) -> float:
        """Seconds that the next glance will take: as the last one, or as many samples as it may look at."""
        if self._cost is not None:
            return self._cost
        step = (time.monotonic() - self._began) / max(self._seen.step, 1)
        return _FIXED + step * _ROWS / max(self._seen.batch_size or 1, 1)

    def _about(self) -> dict[str, Any]:
        root = self._seen.root
        return {
            "model": type(root).__name__,
            "parameters": sum(p.numel() for _, p in parameters_of(root)),
            "layers": [name for name, _ in root.named_modules() if name][:500],
            "planned": self._seen.planned,
        }
