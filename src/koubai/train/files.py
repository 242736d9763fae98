"""Files that are whole or absent, whatever happens while they are written."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from koubai.core.errors import RunError
from koubai.train.regular_file import open_regular, read_bounded
from koubai.train.safe_folder import SafeFolder
from koubai.words.system import reason

LARGEST_TEXT = 64 * 2**20  # bytes of a JSON file: more than any run writes


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn what the system refuses (full disk, read-only folder) into one clear error."""
    try:
        yield
    except OSError as error:
        raise RunError("cannot_write_this_run", why=reason(error), where=str(folder)) from error


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what the system refuses while a file is read into one clear error."""
    try:
        yield
    except OSError as error:
        raise RunError("cannot_read_this_file", why=reason(error), where=str(path)) from None


@contextmanager
def understanding(path: Path) -> Iterator[None]:
    """Turn whatever a file that was tampered with leads to into one clear error."""
    try:
        yield
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise RunError("file_does_not_hold_what_it_should", why=error, where=str(path)) from None


def write_atomic(path: Path, data: bytes | str) -> None:
    """Write a file under another name, have the disk hold it, and rename it: never half a file."""
    SafeFolder(path.parent).write(path.name, data.encode() if isinstance(data, str) else data)


def json_bytes(value: Any) -> bytes:
    """Return standard JSON; NaN and infinities, which it has not, become null."""
    return (json.dumps(standard(value), ensure_ascii=False, indent=1) + "\n").encode()


def write_json(path: Path, value: Any) -> None:
    """Write standard JSON."""
    write_atomic(path, json_bytes(value))


def read_file(path: Path, most: int | None = None) -> bytes:
    """Return what a file holds that a user named; raise RunError if that cannot be, or is too much."""
    with reading(path), open_regular(path) as file:
        return read_bounded(file, path, most)


def read_json(path: Path) -> Any:
    """Return what a JSON file holds; raise RunError if it cannot be read."""
    return parse_json(read_file(path, LARGEST_TEXT), path)


def parse_json(data: bytes, path: Path) -> Any:
    """Return what JSON says; raise RunError, naming its file, if it is not JSON."""
    try:
        return json.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise RunError("cannot_read_this_file", why=error, where=str(path)) from None


def standard(value: Any) -> Any:
    """Return a value as standard JSON has it: lists for tuples, null for NaN and infinities."""
    if isinstance(value, dict):
        return {name: standard(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [standard(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
