"""How far a run is: a live bar on a terminal, one plain line every few seconds elsewhere."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from koubai.core.markup import block, paragraph
from koubai.train.notebook import display_here, loss_curve
from koubai.train.session import Session
from koubai.words import say

_PAINT_EVERY = 0.5  # seconds


class Progress:
    """Shows a session's progress on standard error while its context lasts; give it as `on_progress`.

    In a notebook it shows in the cell's output, with the curve, and its last line stays there. Elsewhere
    `live` None means: a bar if standard error is a terminal. Off a terminal the first line comes after
    `every` seconds, so a short run writes nothing.
    """

    def __init__(self, *, live: bool | None = None, every: float = 5.0, file: TextIO | None = None) -> None:
        self.file = file or sys.stderr or Path(os.devnull).open("w")  # noqa: SIM115 -- it is closed: None
        self.live = self.file.isatty() if live is None else live
        self.every = every
        self._bar: Any = None
        self._task: Any = None
        self._started = self._told = time.perf_counter()
        self._first: int | None = None
        self._place: Any = None
        self._last: Session | None = None
        self._told_first = ""

    def tell(self, sentence: str) -> None:
        """Show a line above the progress, such as what the data were taken for; nothing for an empty one."""
        self._told_first = sentence
        if sentence and self._place is None:
            print(sentence, file=self.file, flush=True)

    def __enter__(self) -> Progress:
        self._started = self._told = time.perf_counter()
        self._place = display_here()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        if self._place is not None and self._last is not None:
            self._place.update(self._above() + paragraph(self.line(self._last)))

    def __call__(self, session: Session) -> None:
        """Show where the session stands."""
        if self._first is None:  # the first update compiles: it says nothing of the speed
            self._first = session.step
            self._started = self._told = time.perf_counter()
        if self._place is not None:
            self._paint(session)
        elif self.live:
            self._draw(session)
        elif session.step > self._first and time.perf_counter() - self._told >= self.every:
            self._told = time.perf_counter()
            print(self.line(session), file=self.file, flush=True)

    def _paint(self, session: Session) -> None:
        """Show the line and the curve in a notebook; what is shown last is in the saved file."""
        self._last = session
        if time.perf_counter() - self._told >= _PAINT_EVERY:
            self._told = time.perf_counter()
            line = self._above() + paragraph(self.line(session))
            self._place.update(block(line, loss_curve(session.history)))

    def _above(self) -> str:
        return paragraph(self._told_first) if self._told_first else ""

    def line(self, session: Session) -> str:
        """Return where a session stands, its speed and the time left, as one line."""
        steps = session.recipe.steps
        rate = (session.step - (self._first or 0)) / max(time.perf_counter() - self._started, 1e-9)
        left = duration((steps - session.step) / rate) if rate > 0 else "?"
        share = session.step / steps if steps else 1.0
        facts: dict[str, Any] = {
            "step": session.step,
            "steps": steps,
            "share": share,
            "rate": rate,
            "left": left,
        }
        return say("train.progress.line", **facts, **_state(session))

    def _draw(self, session: Session) -> None:
        if self._bar is None:
            self._bar = _bar(self.file)
            self._task = self._bar.add_task("", total=session.recipe.steps)
            self._bar.start()
        state = say("train.progress.state", **_state(session))
        self._bar.update(self._task, completed=session.step, description=state)


def _state(session: Session) -> dict[str, Any]:
    loss = session.history.last("loss")
    score = ""
    for name in ("val_accuracy", "test_accuracy"):
        steps, values = session.history.series(name)
        if len(steps) and steps[-1] > 0:  # before the first look, nothing is said: it was untrained then
            score = say(f"train.progress.{name}", value=float(values[-1]))
            break
    return {"loss": float("nan") if loss is None else loss, "score": score}


def duration(seconds: float) -> str:
    """Return a time in its natural unit.

    >>> from koubai.words import set_language; set_language("en")
    >>> duration(8), duration(300), duration(9000)
    ('8 s', '5 min', '2.5 h')
    >>> set_language(None)
    """
    if seconds < 100:
        return say("train.progress.seconds", count=seconds)
    if seconds < 6000:
        return say("train.progress.minutes", count=seconds / 60)
    return say("train.progress.hours", count=seconds / 3600)


def _bar(file: TextIO) -> Any:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bar

    columns = (
        BarColumn(bar_width=30),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.description}", markup=False),
        TimeRemainingColumn(compact=True),
    )
    return Bar(*columns, console=Console(file=file), transient=True)
