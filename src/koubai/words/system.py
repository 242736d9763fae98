"""What the operating system says about files, in words of ours."""

from __future__ import annotations

import errno
from pathlib import Path

from koubai.words.phrase import phrase

_NAMES = {
    errno.ENOENT: "missing",
    errno.EACCES: "denied",
    errno.EPERM: "denied",
    errno.EROFS: "read_only",
    errno.EEXIST: "exists",
    errno.EISDIR: "folder",
    errno.ENOTDIR: "not_a_folder",
    errno.ENOSPC: "full",
}


def reason(error: OSError) -> str:
    """Return why the system refused; its own words where the catalog has none.

    >>> reason(OSError(errno.ENOSPC, "No space left on device"))
    'the disk is full'
    """
    name = _NAMES.get(error.errno or 0)
    return phrase(f"system.{name}") if name else error.strerror or str(error)


def advice(error: OSError) -> str | None:
    """Return what to try, or None where the catalog knows nothing."""
    name = _NAMES.get(error.errno or 0)
    return phrase(f"advice.{name}", here=Path.cwd()) if name else None
