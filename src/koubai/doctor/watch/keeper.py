"""Keeper: decides when a watched run is written to its diary, so that the training hardly pays for it."""

from __future__ import annotations

import time
from math import inf
from typing import TYPE_CHECKING, Any

from koubai.doctor.answer.diary import Diary
from koubai.doctor.answer.verdict import Verdict
from koubai.doctor.watch.models import unwrapped
from koubai.doctor.watch.walk import parameters_of

if TYPE_CHECKING:
    from koubai.doctor.watch.watcher import Watch

_SHARE = 0.01  # of the training time that may go into glances of the doctor
_ROWS = 2000  # samples that a glance may send through the model, there and back
_FIXED = 1.0  # seconds that a glance takes besides, until one has shown


class Keeper:
    """Writes what a watch has seen, twice a second; the doctor glances as often as 1 % of the time allows."""

    def __init__(self, watch: Watch, diary: Diary) -> None:
        self._watch, self._diary = watch, diary
        self._began = self._glanced = time.monotonic()
        self._cost: float | None = None  # of the latest glance, in seconds

    def stepped(self) -> None:
        """An update was made: write, if it is time."""
        watch = self._watch
        if not self._diary.due(watch, watch.step):
            return
        self._write()
        if time.monotonic() - self._glanced > self._expected() / _SHARE:
            self._glance("running")

    def end(self) -> None:
        """Write all there is; the doctor's last glance, unless the verdict was asked for already."""
        if self._watch.step:
            self._write()
            self._glance(self._state)

    def judged(self, verdict: Verdict) -> None:
        """Write a verdict that somebody asked for."""
        self._diary.judged(self._watch, verdict, self._watch.step, self._state)

    @property
    def _state(self) -> str:
        return "ended" if self._watch.died is None else "died"

    def _write(self) -> None:
        self._watch.record.flush()
        self._diary.write(self._watch, self._about, self._watch.record.history)

    def _glance(self, state: str) -> None:
        if not self._diary.is_of(self._watch):
            return
        started = time.monotonic()
        try:
            self._diary.judged(self._watch, self._watch.glance(), self._watch.step, state)
        except Exception:  # a diagnosis may meet what nobody thought of: the watch goes on without glances
            self._cost = inf
            return
        self._glanced = time.monotonic()
        self._cost = self._glanced - started

    def _expected(self) -> float:
        """Seconds that the next glance will take: as the last one, or as many samples as it may look at."""
        if self._cost is not None:
            return self._cost
        step = (time.monotonic() - self._began) / max(self._watch.step, 1)
        return _FIXED + step * _ROWS / max(self._watch.batch_size or 1, 1)

    def _about(self) -> dict[str, Any]:
        root = unwrapped(self._watch.model)
        return {
            "model": type(root).__name__,
            "parameters": sum(p.numel() for _, p in parameters_of(root)),
            "layers": [name for name, _ in root.named_modules() if name][:500],
            "planned": self._watch.planned,
        }
