"""The hub: reads runs while somebody watches them, and gives every page what is new to it.

All news carries one number that only grows. A page says up to which number it has seen everything, so a
stream is nothing but a cursor: one that was cut, or slept, asks again with its last number and gets as many
bytes as there is news, not as the run is long.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from math import nan
from pathlib import Path
from typing import Any

from koubai.page.event import Event
from koubai.page.watch.about import checked_verdict, facts, marks, stored_steps, tail, with_state
from koubai.page.watch.fold import short
from koubai.page.watch.follower import Follower
from koubai.page.watch.helper import Helper
from koubai.page.watch.listing import KOUBAI, Listing, RunPlace
from koubai.page.watch.look import look_at_run
from koubai.page.watch.tries import Tries

MOST_TOGETHER = 4  # runs of one page
TICK = 0.25  # seconds between two looks at a history
_LIST_EVERY = 8  # ticks between two looks at all folders
_BEAT = 60  # ticks between two signs of life in a silent stream
_PIECES = 4  # pieces of a history that are read in one tick
_LOOK_SECONDS = 180.0


class ShownRun:
    """One run that somebody watches."""

    def __init__(self, place: RunPlace, version: int) -> None:
        self.place, self.follower = place, Follower(place.folder, version)
        self.about: dict[str, Any] = {}
        self.about_version = self.verdict_version = version
        self.verdict: dict[str, Any] | None = None
        self.offers: list[dict[str, Any]] = []
        self.steps: list[int] = []  # stored ones
        self.looked: tuple[Any, ...] | None = None  # at what the doctor looked last
        self.helper: Helper | None = None
        self.idle = 0

    def news(self, after: int) -> dict[str, Any] | None:
        """Return what is new after a number; None for nothing."""
        found: dict[str, Any] = {}
        after = -1 if after < self.follower.born else after
        if self.about and self.about_version > after:
            found["about"] = {"name": self.place.name, **self.about}
        if self.verdict_version > after and self.verdict is not None:
            found |= {"verdict": self.verdict, "offers": self.offers, "stored": [0, *self.steps[-1:]]}
        if self.follower.version > after:
            found["history"] = self.follower.since(after)
        return found or None


class Hub:
    """All runs below some folders; lives in the server's event loop."""

    def __init__(
        self,
        roots: tuple[Path, ...],
        data_dir: Path | None = None,
        helper: Callable[..., Helper] = Helper,
    ) -> None:
        self.listing, self._data_dir = Listing(roots), data_dir
        self.epoch = secrets.token_hex(4)
        self.version = 0
        self.rows: list[dict[str, Any]] = []
        self.rows_version = 0
        self.runs: dict[str, ShownRun] = {}
        self._helper, self.tries = helper, Tries(self._next, data_dir, helper)
        self.watching: dict[str, int] = {}  # how many streams watch a run
        self.listing_streams = 0
        self._ticker: asyncio.Task[None] | None = None
        self._looking: Helper | None = None
        self.closing: asyncio.Event = asyncio.Event()
        self._ticks = 0
        self._facts: dict[str, tuple[Any, dict[str, Any]]] = {}

    def _next(self) -> int:
        self.version += 1
        return self.version

    def close(self) -> None:
        """End all streams and helpers."""
        self.closing.set()
        if self._looking is not None:
            self._looking.kill()
        self.tries.close()

    # ------------------------------------------------------------------------------------ looking

    async def rows_now(self) -> list[dict[str, Any]]:
        """Look at all folders; return a row for each run."""
        rows = await asyncio.to_thread(self._rows)
        if rows != self.rows:
            self.rows, self.rows_version = rows, self._next()
        return self.rows

    def _rows(self) -> list[dict[str, Any]]:
        rows = []
        for place in self.listing.look().values():
            known = self._about(place)
            step, loss = tail(place.folder)
            row = {
                "id": place.id,
                "name": place.name,
                "step": step,
                "loss": short(nan if loss is None else loss),
            }
            rows.append(row | {key: known.get(key) for key in ("kind", "state", "planned", "written")})
        return sorted(rows, key=lambda row: (row["state"] != "running", -(row["written"] or 0), row["name"]))

    def _about(self, place: RunPlace) -> dict[str, Any]:
        """Return what is known of a run; its files are read again only where they have changed."""
        seen = marks(place)
        if self._facts.get(place.id, (None,))[0] != seen:
            self._facts[place.id] = (seen, facts(place))
        return with_state(place, self._facts[place.id][1])

    async def known(self, run: str) -> bool:
        """Whether there is such a run: one that is watched, or is there now."""
        if run in self.watching and run in self.runs:
            return True
        await self.rows_now()
        if run not in self.listing.places:
            self.runs.pop(run, None)
        return run in self.listing.places

    async def _tick(self) -> None:
        while not self.closing.is_set() and (self.listing_streams or self.watching):
            if self.listing_streams and self._ticks % _LIST_EVERY == 0:
                await self.rows_now()
            for run in [run for name, run in self.runs.items() if name in self.watching]:
                await self._read(run)
            self._drop()
            self._ticks += 1
            await asyncio.sleep(TICK)
        self._ticker = None

    async def _read(self, run: ShownRun) -> None:
        version = self.version + 1
        fresh = await asyncio.to_thread(self._look_at, run, version)
        if fresh or run.follower.version == version:
            self.version = version
            if fresh:
                run.about_version = version
        self._examine(run)

    def _look_at(self, run: ShownRun, version: int) -> bool:
        """Read what was appended; return whether what is known besides has changed."""
        for _ in range(_PIECES):
            if not run.follower.read(version):
                break
        if self._ticks % 4 and run.about:
            return False
        known = self._about(run.place)
        run.steps = stored_steps(run.place.folder) if run.place.kind == KOUBAI else []
        if known == run.about:
            return False
        run.about = known
        return True

    def _drop(self) -> None:
        """Forget runs that nobody has watched for a while."""
        for name, run in list(self.runs.items()):
            run.idle = 0 if name in self.watching else run.idle + 1
            if run.idle > 4 * _BEAT:
                del self.runs[name]

    # ------------------------------------------------------------------------------------ the doctor

    def _examine(self, run: ShownRun) -> None:
        """Have the doctor look at one of our own runs whose checkpoint is new; at one run at a time."""
        at = (run.steps[-1:], run.about.get("state") == "ended")
        wanted = run.place.kind == KOUBAI and run.steps and run.about.get("state") not in ("damaged", "gone")
        if not wanted or at == run.looked or self._looking is not None:
            return
        run.looked = at
        args = (run.place.folder, self._data_dir)
        self._looking = self._helper(look_at_run, args, lambda event: self._found(run, event), _LOOK_SECONDS)

    def _found(self, run: ShownRun, event: Event) -> None:
        if event["kind"] == "over":
            self._looking = None
            if run.verdict is None:
                run.verdict = {"failed": None}
                run.verdict_version = self._next()
        else:
            found = event["kind"] == "verdict"
            run.verdict = checked_verdict(event["verdict"]) if found else {"failed": event["why"]}
            run.offers = event.get("offers", run.offers)
            run.verdict_version = self._next()

    # ------------------------------------------------------------------------------------ streams

    async def listen(self, runs: tuple[str, ...], trial: str | None, after: int) -> AsyncIterator[str]:
        """Yield what is new after a number as server-sent events; of the list where no run is named."""
        for run in runs:
            if run not in self.runs and run in self.listing.places:
                self.runs[run] = ShownRun(self.listing.places[run], self._next())
            self.watching[run] = self.watching.get(run, 0) + 1
        self.listing_streams += not runs
        if self._ticker is None:
            self._ticker = asyncio.ensure_future(self._tick())
        try:
            async for event in self._events(runs, trial, after):
                yield event
        finally:
            self.listing_streams -= not runs
            for run in runs:
                self.watching[run] -= 1
                if not self.watching[run]:
                    del self.watching[run]

    async def _events(self, runs: tuple[str, ...], trial: str | None, after: int) -> AsyncIterator[str]:
        silent = 0
        while not self.closing.is_set():
            now = self.version
            news = self._news(runs, trial, after)
            after, silent = now, 0 if news else silent + 1
            if news:
                text = json.dumps(news, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
                yield f"id: {self.epoch}-{now}\ndata: {text}\n\n"
            elif silent % _BEAT == 0:
                yield ": \n\n"
            with suppress(TimeoutError):  # no page is told more often, however many runs it watches
                await asyncio.wait_for(self.closing.wait(), TICK)

    def _news(self, runs: tuple[str, ...], trial: str | None, after: int) -> dict[str, Any]:
        news: dict[str, Any] = {}
        if not runs and self.rows_version > after:
            news["list"], news["full"] = self.rows, self.listing.full
        known = {name: self.runs[name].news(after) for name in runs if name in self.runs}
        if found := {name: told for name, told in known.items() if told is not None}:
            news["runs"] = found
        if trial is not None and (told := self.tries.news(trial, after)) is not None:
            news["trial"] = told
        return news
