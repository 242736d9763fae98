"""Files that are whole or absent, whatever happens while they are written."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from koubai.core.errors import RunError
from koubai.words.system import reason


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn what the system refuses (full disk, read-only folder) into one clear error."""
    try:
        yield
    except OSError as error:
        raise RunError(
            f"cannot write this run: {reason(error)}",
            where=str(folder),
            hint="what was written before is intact; free space or name another folder, then resume",
        ) from error


@contextmanager
def understanding(path: Path) -> Iterator[None]:
    """Turn whatever a file that was tampered with leads to into one clear error."""
    try:
        yield
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise RunError(f"this file does not hold what it should ({error!r})", where=str(path)) from None


def write_atomic(path: Path, data: bytes | str) -> None:
    """Write a file under another name, have the disk hold it, and rename it: never half a file."""
    rest = path.with_name(f".{path.name}.part")
    try:
        with rest.open("wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)
            file.flush()
            os.fsync(file.fileno())
        rest.replace(path)
    except OSError:
        rest.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Have the disk hold a folder's list of names; systems that cannot are trusted to do it themselves."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        return
    finally:
        os.close(handle)


def write_json(path: Path, value: Any) -> None:
    """Write standard JSON; NaN and infinities, which it has not, become null."""
    write_atomic(path, json.dumps(_standard(value), ensure_ascii=False, indent=1) + "\n")


def read_json(path: Path) -> Any:
    """Return what a JSON file holds; raise RunError if it cannot be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        why = reason(error) if isinstance(error, OSError) else error
        raise RunError(f"cannot read this file: {why}", where=str(path)) from None


def _standard(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _standard(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_standard(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
