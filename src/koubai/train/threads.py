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
_wanted: list[int] = []  # one entry for each bound in force, in any thread of this process
_before: Any = None  # knows the setting there was without any bound


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
    global _before  # noqa: PLW0603 -- BLAS has one setting a process, so has this module
    with _lock:
        _wanted.append(count)
        limit = _controller().limit(limits=min(_wanted), user_api="blas")
        _before = _before or limit


def _leave(count: int) -> None:
    global _before  # noqa: PLW0603 -- see _enter
    with _lock:
        _wanted.remove(count)
        if _wanted:
            _controller().limit(limits=min(_wanted), user_api="blas")
        else:
            _before.restore_original_limits()
            _before = None
