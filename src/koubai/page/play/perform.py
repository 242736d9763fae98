"""One job of free play in the worker: a recipe from one update to another, told while it runs.

A state of training is decided by its recipe and its step, so nothing has to be held for a browser: pausing
ends a job, going on is a job that begins at the step where the last one ended, one update is a job one step
long, and the same initial weights are a job that begins at 0. A few paused sessions are kept in memory;
where one is gone, its updates are made again, to the same numbers.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from koubai.core.errors import KoubaiError
from koubai.data.dataset import Dataset
from koubai.engines.engine import Observation
from koubai.losses.mean_squared_error import MeanSquaredError
from koubai.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from koubai.network.network import Network
from koubai.page.event import Event
from koubai.page.play import kept
from koubai.page.play.bounds import SECONDS
from koubai.page.play.check import OWN, check_size, problems_told, recipe_in
from koubai.page.play.events import begin, end, part
from koubai.page.play.looks import drawn_weights
from koubai.page.play.shelf import Shelf
from koubai.train.recipe import Recipe
from koubai.train.session import Session

_TICK, _LOOK = 0.1, 0.5  # seconds between two parts, two looks
_STRETCH = 0.04  # seconds of one stretch of updates
_ROWS = {"train": 500, "test": 1000}  # samples of a score on the way
_MOST_KEPT = 4


@dataclass
class Paused:
    """Sessions that stand somewhere on their way, by the hash of their recipe."""

    sessions: OrderedDict[tuple[str, str], Session] = field(default_factory=OrderedDict)

    def take(self, recipe: Recipe, dataset: Dataset, start: int) -> Session | None:
        """Return, and let go, a session that stands at `start` or before."""
        at = (recipe.hash, dataset.sha256)
        if at in self.sessions and 0 < self.sessions[at].step <= start:
            return self.sessions.pop(at)
        return None

    def put(self, session: Session) -> None:
        """Keep a session; the one that was not used for longest makes place."""
        at = (session.recipe.hash, session.dataset.sha256)
        self.sessions[at] = session
        self.sessions.move_to_end(at)
        while len(self.sessions) > _MOST_KEPT:
            self.sessions.popitem(last=False)


PAUSED = Paused()


def perform_play(room: Any, table: dict[str, Any], start: int, stop: int) -> Iterator[Event]:
    """Train a recipe from update `start` to update `stop` (-1: its last one) and yield the events."""
    try:
        yield from _perform(room, table, start, stop)
    except KoubaiError as error:
        yield {"kind": "failed", "text": None, "problems": problems_told(error)}


def _perform(room: Any, table: dict[str, Any], start: int, stop: int) -> Iterator[Event]:
    recipe, dataset = completed(recipe_in(table, Shelf(room.data_dir)), room.data_dir)
    network = Network(recipe.network, dataset.in_shape, recipe.initializer)
    check_size(recipe, network)
    stop = recipe.steps if stop < 0 else min(stop, recipe.steps)
    start = min(start, stop)
    name = kept.key(recipe, room.data_dir)
    done = kept.load(room.store, name) if stop == recipe.steps else None
    session = PAUSED.take(recipe, dataset, start) if done is None else None
    if session is None:  # the kept run needs one for its shapes only, but that is soon made
        session = Session(recipe, dataset=dataset, data_dir=room.data_dir, observation=_watched(recipe))
    yield begin(session, start, reused=done is not None)
    if done is not None:
        yield part(done.history, session.network, recipe.steps, start, stop, first=start == 0)
        yield done.look
        yield end(stop, done.history, scores=done.scores)
        return
    yield from _Live(room, session, start, stop, name).run()


def completed(recipe: Recipe, data_dir: Path | None) -> tuple[Recipe, Dataset]:
    """Return a recipe whose outputs and loss fit the data, and the data.

    A learner chooses data, not sizes: a model gets as many outputs as there are classes or values, and a
    table with values to predict is trained on squared errors of values on their standard scale.
    """
    dataset = recipe.data.load(data_dir)
    if dataset.classes is None and recipe.data.registry_name in OWN:
        recipe = recipe.edit(data__target_scale="standard")
        dataset = recipe.data.load(data_dir)
        if isinstance(recipe.loss, SoftmaxCrossEntropy):
            recipe = replace(recipe, loss=MeanSquaredError())
    outputs = dataset.classes or dataset.t_train.shape[1]
    network: Any = recipe.network
    if hasattr(network, "classes") and network.classes != outputs:
        recipe = replace(recipe, network=replace(network, classes=outputs))
    return recipe, dataset


def _watched(recipe: Recipe) -> Observation:
    return Observation(tap_every=max(1, recipe.steps // kept.TAPS), first_until=1, units=False)


@dataclass
class _Live:
    """A session on its way from `start` to `stop`."""

    room: Any
    session: Session
    start: int
    stop: int
    name: str
    pace: int = 1
    told: int = 0  # the step up to which parts were sent

    def run(self) -> Iterator[Event]:
        """Yield what happens."""
        session, limit = self.session, math.inf
        if session.step == 0:
            self.evaluate()
        while session.step < self.start and self.goes_on(limit):  # what was forgotten is made again
            self.stretch(self.start)
            limit = min(limit, time.monotonic() + SECONDS)  # not before: kernels may have been compiled then
        self.told = self.start
        ticked = looked = 0.0
        if self.start == 0 or session.step < self.stop:
            yield self.part(first=self.start == 0)
            yield drawn_weights(session)
        if self.stop - self.start == 1:
            session.observation = replace(session.observation, tap_every=1)
        while session.step < self.stop and self.goes_on(limit):
            self.stretch(self.stop)
            now = time.monotonic()
            limit = min(limit, now + SECONDS)
            if now - ticked >= _TICK:
                ticked = now
                yield self.part()
            if now - looked >= _LOOK and session.step < self.stop:
                looked = now
                yield drawn_weights(session)
        yield from self.ended(late=time.monotonic() >= limit)

    def goes_on(self, limit: float) -> bool:
        """Return whether nothing asks for an end."""
        return self.session.stopped_by is None and not self.room.stopped() and time.monotonic() < limit

    def ended(self, *, late: bool) -> Iterator[Event]:
        """Yield the last events; keep the run, or the session where it was paused."""
        session = self.session
        session.observation = _watched(session.recipe)
        lost, whole = session.stopped_by is not None, session.step >= session.recipe.steps
        scores = {}
        if whole or lost:
            scores = {
                f"{name}_{what}": float(value)
                for name, score in session.scores().items()
                for what, value in (("loss", score.loss), ("accuracy", score.accuracy))
                if value is not None
            }
        last = drawn_weights(session)
        yield self.part()
        yield last
        if whole and not lost:
            kept.save(self.room.store, self.name, session.recipe, session.history, last, scores)
        elif not lost:
            PAUSED.put(session)
        stopped = session.step < self.stop and not lost
        yield {
            **end(session.step, session.history, scores=scores),
            "stopped": stopped,
            "late": stopped and late,
        }

    def part(self, *, first: bool = False) -> Event:
        """Return what came since the last part."""
        session, since = self.session, self.told
        self.told = max(session.step, since)
        every = session.observation.tap_every == 1
        steps = session.recipe.steps
        return part(session.history, session.network, steps, since, self.told, first=first, every=every)

    def stretch(self, stop: int) -> None:
        """Advance about as long as a stretch takes, to the next evaluation at most."""
        session = self.session
        every = max(1, session.recipe.steps // kept.EVALUATIONS)
        steps = min(self.pace, every - session.step % every, stop - session.step)
        began = time.monotonic()
        session.advance(steps)
        spent = time.monotonic() - began
        if spent < _STRETCH:
            self.pace = min(2 * self.pace, 1000)
        elif spent > 2 * _STRETCH:
            self.pace = max(1, self.pace // 2)
        if session.step % every == 0 or session.step == session.recipe.steps:
            self.evaluate()

    def evaluate(self) -> None:
        """Append the scores of some training and test samples to the history."""
        session = self.session
        for name, rows in _ROWS.items():
            score = session.evaluate(name, rows)
            if score.count:
                session.history.add(session.step, "", f"{name}_loss", score.loss)
                if score.accuracy is not None:
                    session.history.add(session.step, "", f"{name}_accuracy", score.accuracy)
