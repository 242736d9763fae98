"""How many processor cores there are to use."""

from __future__ import annotations

import os
from pathlib import Path

_GROUP = Path("/sys/fs/cgroup")  # Linux's bounds of this process's container


def usable_cores() -> int:
    """Return how many cores this process may use, which a container bounds, by number or by time."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, quota(_GROUP) or cores)


def quota(group: Path) -> int | None:
    """Return how many cores' time a container has, rounded up (cpu.max, or version 1's files), or None."""
    try:
        if (group / "cpu.max").exists():
            most, period = (group / "cpu.max").read_text(encoding="ascii").split()
        else:
            most, period = (
                (group / "cpu" / f"cpu.cfs_{name}_us").read_text(encoding="ascii")
                for name in ("quota", "period")
            )
        return max(1, -(-int(most) // int(period))) if int(most) > 0 else None
    except (OSError, ValueError, ZeroDivisionError):
        return None
