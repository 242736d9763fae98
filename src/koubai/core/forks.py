"""fork(): a child process has one thread, the one that forked; here is what it needs to work all the same.

The threads that OpenMP keeps waiting do not exist in the child, but its library waits for them, for ever.
So it is told to let them go just before a fork; parent and child start new ones when they need them. And a
lock that another thread holds would never be free in the child, so the fork waits until it is.
"""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache
from typing import Any

_locks: list[Any] = []
_held: list[Any] = []


def hold_at_fork(*locks: Any) -> None:
    """Have a fork wait for `locks`, the outer ones first: the child lacks who holds them."""
    if hasattr(os, "register_at_fork"):
        _hold()
        _locks.extend(locks)


@cache
def _hold() -> None:
    os.register_at_fork(before=_acquire, after_in_parent=_release, after_in_child=_release)


def _acquire() -> None:
    for lock in _locks:
        lock.acquire()
        _held.append(lock)


def _release() -> None:
    while _held:
        _held.pop().release()


@cache
def renew_openmp_at_fork() -> bool:
    """Have GCC's OpenMP, if it is loaded, let its threads go before a fork; return whether it can (GCC 9)."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        gomp = ctypes.CDLL("libgomp.so.1", mode=os.RTLD_NOLOAD)
    except OSError:
        return False
    pause = getattr(gomp, "omp_pause_resource_all", None)
    if pause is None:
        return False
    os.register_at_fork(before=lambda: pause(_SOFT))
    return True


_SOFT = ctypes.c_int(1)  # omp_pause_soft: what was set stays
