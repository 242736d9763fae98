"""Jobs: what the browser asked to be trained, in a queue before the one worker process, with all its events.

A client has one job: a second one takes its place, and the first says so. Jobs of other clients wait, and
are told how many are before them. Events are numbered and kept, so a page that was closed, or slept, asks
for those after the last it saw.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from koubai.core.signals import spawning, unheard
from koubai.page.event import Event
from koubai.page.worker import warm_up, work

MOST_WAITING = 8
MOST_STREAMS = 8
_KEPT = 32  # jobs that can still be asked about
_MOST_EVENTS = 4000  # of one job; beyond, progress is no longer kept
_BEAT = 15.0  # seconds between two signs of life in a silent stream
_AT_ONCE = 3  # pieces of a stream that wait for nothing
_GAP = 0.15  # seconds between two later ones
_PATIENCE = 5.0  # seconds in which a job that was stopped must end
_DEATHS = 3  # of workers that said nothing, after which none is started unasked
_LAST = ("end", "failed")


class Busy(Exception):
    """Too many jobs wait already, or too many pages listen."""


@dataclass(eq=False)
class PageJob:
    """What one client asked for: `task` is the kind of work (koubai.page.worker) and what it takes."""

    client: str
    task: tuple[Any, ...]
    id: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    events: list[Event] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    stopping: bool = False

    @property
    def ended(self) -> bool:
        """Whether no further event will come."""
        return bool(self.events) and self.events[-1]["kind"] in _LAST

    def add(self, event: Event) -> None:
        """Append an event and wake who listens."""
        if self.ended or (len(self.events) >= _MOST_EVENTS and event["kind"] not in _LAST):
            return
        self.events.append(event)
        woken, self.changed = self.changed, asyncio.Event()
        woken.set()


class Jobs:
    """All jobs, and the worker that does them; lives in the server's event loop."""

    def __init__(self, store: Path, data_dir: Path | None = None) -> None:
        self._store, self._data_dir = store, data_dir
        self._all: dict[str, PageJob] = {}
        self._queue: list[PageJob] = []  # the first is under way
        self._worker: Any = None
        self._warmer: Any = None
        self._pipe: Connection | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._deaths = 0
        self.streams = 0
        self.ready = False
        self.closing = asyncio.Event()

    def start(self) -> None:
        """Start the worker, which then loads what it needs."""
        self._loop = asyncio.get_running_loop()
        context = spawning()
        self._pipe, theirs = context.Pipe()
        self._worker = context.Process(target=work, args=(theirs, self._store, self._data_dir), name="worker")
        with unheard():  # a Ctrl-C reaches them too, but is the server's affair
            self._worker.start()
        theirs.close()
        threading.Thread(target=self._listen, args=(self._pipe, self._loop), daemon=True).start()

    def prepare(self) -> None:
        """Have kernels compiled in a process beside the worker, so that the first runs need not wait."""
        context = spawning()
        self._warmer = context.Process(target=warm_up, args=(self._data_dir,), name="warm up", daemon=True)
        with unheard():
            self._warmer.start()

    def close(self) -> None:
        """End all streams and both processes, at once."""
        self.closing.set()
        if self._warmer is not None:
            self._warmer.kill()
        if self._worker is not None:
            self._worker.kill()

    def _listen(self, pipe: Connection, loop: asyncio.AbstractEventLoop) -> None:
        """Pass on what the worker says; runs in a thread of its own."""
        import contextlib

        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            try:
                while True:
                    loop.call_soon_threadsafe(self._hear, *pipe.recv())
            except (EOFError, OSError):
                loop.call_soon_threadsafe(self._lost, pipe)

    def _hear(self, job_id: str | None, event: Event) -> None:
        self._deaths = 0
        if job_id is None:
            self.ready = True
        elif (job := self._all.get(job_id)) is not None:
            job.add(event)
            if job.ended and job in self._queue:
                self._queue.remove(job)
                self._next()

    def _lost(self, pipe: Connection) -> None:
        """The worker died: say so to the job under way, and start another."""
        if pipe is not self._pipe or self.closing.is_set():
            return
        self.ready, self._pipe = False, None
        self._deaths += 1
        lost = self._queue[:1] if self._deaths < _DEATHS else list(self._queue)
        self._queue = self._queue[len(lost) :]
        for job in lost:
            job.add({"kind": "end", "stopped": True} if job.stopping else {"kind": "failed", "text": None})
        if self._deaths < _DEATHS:
            self.start()
            self._next()

    def _next(self) -> None:
        """Hand the first job over; tell the others how many are before them."""
        for place, job in enumerate(self._queue):
            if place:
                job.add({"kind": "waiting", "before": place})
            elif not job.events or job.events[-1]["kind"] == "waiting":
                job.add({"kind": "started"})
                assert self._pipe is not None
                self._pipe.send(("job", job.id, *job.task))

    def submit(self, client: str, *task: Any) -> PageJob:
        """Return a new job of a client; an earlier one of theirs is stopped.

        Raises:
            Busy: too many wait.
        """
        for job in [job for job in self._queue if job.client == client]:
            self.stop(job)
        if len(self._queue) >= MOST_WAITING:
            raise Busy
        if self._pipe is None:
            self.start()
        job = PageJob(client, task)
        self._all[job.id] = job
        for old in [old for old in self._all.values() if old.ended][: max(0, len(self._all) - _KEPT)]:
            del self._all[old.id]
        self._queue.append(job)
        self._next()
        return job

    def find(self, job_id: str) -> PageJob | None:
        """Return a job by its id."""
        return self._all.get(job_id)

    def stop(self, job: PageJob) -> None:
        """Ask a job to end; one that waits ends at once."""
        if job not in self._queue or job.stopping:
            return
        job.stopping = True
        if self._queue[0] is not job:
            self._queue.remove(job)
            job.add({"kind": "end", "stopped": True})
            self._next()
            return
        assert self._pipe is not None
        assert self._loop is not None
        self._pipe.send(("stop", job.id))
        self._loop.call_later(_PATIENCE, self._insist, job)

    def _insist(self, job: PageJob) -> None:
        """End the worker of a job that does not end; another one is started when it is gone."""
        if job in self._queue:
            self._worker.kill()

    async def listen(self, job: PageJob, after: int) -> AsyncIterator[str]:
        """Yield the events of a job beyond number `after` as server-sent events, until the last.

        What came meanwhile is sent in one piece. The first pieces go at once, so that a reader sees something
        soon.
        """
        seen, pieces = after, 0
        while not self.closing.is_set():
            changed = job.changed
            new = range(seen + 1, len(job.events))
            if new:
                yield "".join(_sent(number, job.events[number]) for number in new)
                seen, pieces = new[-1], pieces + 1
            if job.ended and seen >= len(job.events) - 1:
                return
            if new and pieces >= _AT_ONCE:
                await self._wait(_GAP)
            elif not await self._wait(_BEAT, changed):
                yield ": \n\n"

    async def _wait(self, seconds: float, changed: asyncio.Event | None = None) -> bool:
        """Wait until something changes or the server closes; return whether that was in so many seconds."""
        events = [self.closing] if changed is None else [changed, self.closing]
        ends = [asyncio.ensure_future(event.wait()) for event in events]
        try:
            done, _ = await asyncio.wait(ends, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()
        return bool(done)


def _sent(number: int, event: Event) -> str:
    import json

    return f"id: {number}\ndata: {json.dumps(event, ensure_ascii=False, allow_nan=False)}\n\n"
