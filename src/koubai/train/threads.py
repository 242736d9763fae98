"""One thread budget: NumPy's matrix products keep to the number of threads a run was given.

An unbounded BLAS starts a thread a core in every process, so parallel arms would fight for the machine;
and as the order of its sums may depend on that number, a run would not repeat on another machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import Any

_lock = Lock()
_wanted: list[int] = []  # one entry for each limit in force, in any thread of this process
_limit: Any = None


@cache
def _controller() -> Any:
    """Return the handle of the libraries loaded so far; finding them takes milliseconds."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@contextmanager
def blas_threads(count: int) -> Iterator[None]:
    """Bound BLAS to `count` threads while the context lasts; the setting before it comes back at the end.

    The setting belongs to the process: where several threads train at once the smallest bound holds.
    """
    _enter(count)
    try:
        yield
    finally:
        _leave(count)


def _enter(count: int) -> None:
    with _lock:
        _wanted.append(count)
        _apply()


def _leave(count: int) -> None:
    with _lock:
        _wanted.remove(count)
        _apply()


def _apply() -> None:
    global _limit  # noqa: PLW0603 -- BLAS has one setting a process, so has this module
    if _limit is not None:
        _limit.restore_original_limits()
        _limit = None
    if _wanted:
        _limit = _controller().limit(limits=min(_wanted), user_api="blas")
