"""How much memory there is, and the one refusal of what would not fit; asked before anything is allocated."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from koubai.core.errors import TooLarge
from koubai.words.phrase import joined, phrase, term

ALLOW = "KOUBAI_ALLOW_MEMORY"
_CGROUPS = Path("/sys/fs/cgroup")
_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB")
_NAMEABLE = 500  # bits; beyond, no floating-point number comes near
_LOCK = threading.Lock()
_callers = 0  # how many have allowed whatever they ask for


@contextmanager
def allowing(wanted: bool = True) -> Iterator[None]:
    """Let work of any size begin while this lasts; KOUBAI_ALLOW_MEMORY=1 lets it in every process."""
    global _callers  # noqa: PLW0603 - memory is the process's, and so is the leave to use it
    with _LOCK:
        _callers += wanted
    try:
        yield
    finally:
        with _LOCK:
            _callers -= wanted


def allowed() -> bool:
    """Return whether sizes are not to be held against the machine's memory."""
    return _callers > 0 or os.environ.get(ALLOW, "") not in ("", "0")


def require_memory(parts: Mapping[str, int], where: str | None = None) -> None:
    """Raise TooLarge where the sum of `parts` (name -> bytes) is more than this machine's memory.

    Python's whole numbers have no largest one, so no size overflows on the way here.
    """
    total, most = sum(parts.values()), machine_bytes()
    if total <= most or allowed():
        return
    largest_first = sorted((item for item in parts.items() if item[1]), key=lambda item: -item[1])
    named = joined(
        phrase("part_of_memory", part=term("memory", name), size=in_words(size))
        for name, size in largest_first
    )
    raise TooLarge("not_enough_memory", size=in_words(most), total=in_words(total), parts=named, where=where)


def in_words(size: int) -> str:
    """Return a number of bytes with three digits and a decimal unit.

    >>> in_words(999), in_words(23_456_789_012), in_words(8 * 10**15), in_words(10**40)
    ('999 bytes', '23.5 GB', '8 PB', '1e+16 YB')
    """
    if size.bit_length() > _NAMEABLE:
        return f"2^{size.bit_length() - 1} bytes and more"
    power = min((len(str(size)) - 1) // 3, len(_UNITS) - 1) if size >= 1000 else 0
    return f"{size / 1000**power:.3g} {_UNITS[power]}"


@cache
def machine_bytes() -> int:
    """Return the bytes this process may use: the machine's, or what a group or a limit leaves of it.

    A system that does not tell (Windows) bounds nothing.
    """
    try:
        import resource
    except ImportError:
        return sys.maxsize
    bounds = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), *_group_bounds()]
    soft = resource.getrlimit(resource.RLIMIT_AS)[0]
    if soft != resource.RLIM_INFINITY:
        bounds.append(soft)
    return min(bounds)


def _group_bounds() -> Iterator[int]:
    """Yield the limits of the control groups (version 1 and 2) that this process is in, up to the root."""
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            yield from _bounds(_CGROUPS, path, "memory.max")
        elif "memory" in controllers.split(","):
            yield from _bounds(_CGROUPS / "memory", path, "memory.limit_in_bytes")


def _bounds(root: Path, path: str, name: str) -> Iterator[int]:
    """Yield the limits of a group and of all above it; a container may see its own group as the root."""
    group = root / path.lstrip("/")
    for folder in (group, *group.parents):
        try:
            text = (folder / name).read_text(encoding="ascii").strip()
        except OSError:
            text = ""
        if text.isdecimal():
            yield int(text)
        if folder == root:
            return
