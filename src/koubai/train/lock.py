"""A lock on a folder, held by one process or shared by many; the system lets go when a process ends."""

from __future__ import annotations

import time

LOCK = ".lock"
_PATIENCE = 10.0  # seconds to wait for one who only sweeps


def lock(handle: int, *, shared: bool = False) -> bool | None:
    """Lock an open file without waiting; False if another process holds it, None where there are none."""
    try:
        import fcntl
    except ImportError:  # Windows: a second writer is the user's care
        return None
    try:
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a shared folder that knows no locks
        return None
    return True


def lock_shared(handle: int) -> None:
    """Hold an open file together with others; wait for one that has it for itself, but not for ever."""
    until = time.monotonic() + _PATIENCE
    while lock(handle, shared=True) is False and time.monotonic() < until:
        time.sleep(0.02)
