"""Told: which listener is told of which event, worked out once whenever that changes.

Events are many and changes few: so an event costs one call for each listener that wants it, and none for the
others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from koubai.doctor.watch.hooks.guard import Guard
from koubai.doctor.watch.hooks.listener import Listener

Hear: TypeAlias = Callable[..., None]
EVENTS = tuple(name for name in vars(Listener) if not name.startswith("_"))
CALLS = ("before_forward", "after_forward")

told: dict[str, tuple[Hear, ...]] = dict.fromkeys(EVENTS, ())
"""By event: the methods that are called."""
told_calls: dict[str, tuple[tuple[set[int] | None, Hear], ...]] = dict.fromkeys(CALLS, ())
"""Those of forward passes, each with the modules whose calls it is told of, by identity (None: all)."""


class Hearing:
    """What one listener hears: its own methods, guarded; what it inherits does nothing and is not called.

    | field   | meaning                                                                     |
    |---------|-----------------------------------------------------------------------------|
    | instead | what is called in the place of methods, by event; None: nothing             |
    | only    | modules whose calls are told, by identity; None: all                        |
    """

    def __init__(self, listener: Listener, guard: Guard) -> None:
        self._own: dict[str, Hear] = {
            event: guard.around(getattr(listener, event))
            for event in EVENTS
            if getattr(type(listener), event) is not getattr(Listener, event)
        }
        self.instead: Mapping[str, Hear | None] = {}
        self.only: set[int] | None = None

    def of(self, event: str) -> Iterable[Hear]:
        """Return what is called at an event, if anything is."""
        hear = self.instead[event] if event in self.instead else self._own.get(event)
        return () if hear is None else (hear,)


def retell(connected: Iterable[Hearing], close: Iterable[Hearing], events: Iterable[str] = EVENTS) -> None:
    """Work out who is told; of forward passes and the begin of steps only those who listen closely are."""
    for event in events:
        all_of_them = close if event in CALLS or event == "before_step" else connected
        if event in CALLS:
            told_calls[event] = tuple((each.only, hear) for each in all_of_them for hear in each.of(event))
        else:
            told[event] = tuple(hear for each in all_of_them for hear in each.of(event))


def tell(event: str, *values: object) -> None:
    """Tell all that hear an event."""
    for hear in told[event]:
        hear(*values)
