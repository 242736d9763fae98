"""Trials on copies: one at a time, one a page, kept for a while so that a page that was cut off gets them."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from koubai.page.event import Event
from koubai.page.watch.fold import Fold
from koubai.page.watch.helper import Helper
from koubai.page.watch.trial import ARMS, PAIRS, trial
from koubai.train.safe_folder import SafeFolder

_CELLS = 256
_KEPT = 16
_SECONDS = 300.0


class Try:
    """One trial: what was asked, the losses so far, how each run ended, the verdict."""

    def __init__(self, run: str, step: int, change: str, version: int) -> None:
        self.id = secrets.token_urlsafe(12)
        self.born = self.version = self.told = version
        self.asked = {"run": run, "step": step, "change": change}
        self.state: dict[str, Any] = {"kind": "begins", "runs": []}
        self.folds = {(arm, pair): Fold(_CELLS) for arm in ARMS for pair in range(PAIRS)}
        self.helper: Helper | None = None

    @property
    def over(self) -> bool:
        """Whether it has come to an end."""
        return self.state["kind"] in ("end", "failed", "stopped")

    def hear(self, event: Event, version: int) -> None:
        """Take in an event of its process."""
        if self.over:
            return
        kind = event["kind"]
        self.version = version
        if kind == "losses":
            self.folds[event["arm"], event["pair"]].add(event["steps"], event["values"], version)
            return
        self.told = version
        if kind == "run":
            ended = {name: event[name] for name in ("arm", "pair", "loss", "skill")}
            self.state = {**self.state, "kind": "runs", "runs": [*self.state["runs"], ended]}
        elif kind == "over":
            self.state = {**self.state, "kind": "failed", "why": None}
        else:
            self.state = {**self.state, **event}

    def news(self, after: int) -> dict[str, Any] | None:
        """Return what is new after a number."""
        if self.version <= after:
            return None
        found: dict[str, Any] = {"id": self.id}
        if self.told > after:
            found["state"] = {**self.asked, **self.state}
        cells = [
            [arm, pair, fold.width, new]
            for (arm, pair), fold in self.folds.items()
            if (new := fold.since(after))
        ]
        return found | ({"cells": cells} if cells else {})


class Tries:
    """All trials; one is under way at a time."""

    def __init__(
        self, next_version: Callable[[], int], data_dir: Path | None, helper: Callable[..., Helper]
    ) -> None:
        self._next, self._data_dir, self._helper = next_version, data_dir, helper
        self._all: dict[str, Try] = {}

    @property
    def busy(self) -> bool:
        """Whether one is under way."""
        return any(not one.over for one in self._all.values())

    def begin(self, run: str, folder: SafeFolder, step: int, change: str) -> Try:
        """Begin one."""
        one = Try(run, step, change, self._next())
        for old in list(self._all)[: max(0, len(self._all) - _KEPT)]:
            del self._all[old]
        self._all[one.id] = one
        args = (folder, self._data_dir, step, change)
        one.helper = self._helper(trial, args, lambda event: one.hear(event, self._next()), _SECONDS)
        return one

    def find(self, name: str) -> Try | None:
        """Return a trial by its id."""
        return self._all.get(name)

    def stop(self, one: Try) -> None:
        """End one."""
        if not one.over:
            one.version = one.told = self._next()
            one.state = {**one.state, "kind": "stopped"}
            if one.helper is not None:
                one.helper.kill()

    def news(self, name: str, after: int) -> dict[str, Any] | None:
        """Return what is new of one after a number."""
        one = self._all.get(name)
        return None if one is None else one.news(after)

    def close(self) -> None:
        """End all."""
        for one in self._all.values():
            if one.helper is not None:
                one.helper.kill()
