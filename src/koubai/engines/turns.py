"""Turns: a program is one memory, so threads that use it at once take turns, call by call."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from threading import RLock
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from koubai.core.errors import EngineError


class Turn:
    """A lock that the thread which holds it may take again, and that a forked process does not wait for."""

    def __init__(self) -> None:
        self._lock, self._process = RLock(), os.getpid()

    def __enter__(self) -> None:
        here = os.getpid()
        if here == self._process:
            self._lock.acquire()
            return
        if not self._lock.acquire(blocking=False):  # who holds it is no thread of this process
            raise EngineError("another_thread_used_this_program_at_the_fork")
        self._process = here

    def __exit__(self, *_: object) -> None:
        self._lock.release()


class _HasTurn(Protocol):
    turn: Turn


S = TypeVar("S", bound=_HasTurn)
P = ParamSpec("P")
R = TypeVar("R")


def in_turn(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Have threads run the methods of an object so decorated one after another, by its `turn`."""

    @wraps(method)
    def one_at_a_time(self: S, *args: P.args, **settings: P.kwargs) -> Any:
        with self.turn:
            return method(self, *args, **settings)

    return one_at_a_time
