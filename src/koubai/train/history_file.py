"""history.jsonl: lines of numbers, appended; every line carries a check of itself and of all lines before it.

    {"path":"","quantity":"loss","steps":[1,2],"values":[2.3,2.2],"check":"7c1f02ab"}

The check is the CRC-32 of the line without it, begun with the check of the line before. So a changed,
missing, doubled or foreign line is told from a torn one: a kill leaves whole lines and at most one
without its end.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO, Any
from zlib import crc32

from koubai.core.errors import RunError
from koubai.probes.history import History

_MARK, _END = b',"check":"', b'"}\n'
_TAIL = len(_MARK) + 8 + len(_END)
_LONGEST = 2**28  # bytes of a line


@dataclass
class Lines:
    """How far a history is written or read: bytes, their SHA-256, the check of the last line, lines.

    `rows` is how far each of its columns is written.
    """

    size: int = 0
    digest: Any = field(default_factory=hashlib.sha256)
    check: int = 0
    count: int = 0
    rows: dict[tuple[str, str], int] = field(default_factory=dict)

    def gained(self, history: History) -> bytes:
        """Return the lines of what a history has gained since the last call, to be appended."""
        lines = []
        for name, column in history.columns.items():
            start = self.rows.get(name, 0)
            if len(column) > start:
                lines.append(self.add(column.to_json(*name, start).encode()))
                self.rows[name] = len(column)
        return b"".join(lines)

    def add(self, body: bytes) -> bytes:
        """Return a line of JSON with its check, as it is to be appended after those before."""
        self.check = crc32(body, self.check)
        line = body[:-1] + _MARK + b"%08x" % self.check + _END
        self._took(line)
        return line

    def take(self, line: bytes, *, unchecked: bool) -> bytes | None:
        """Return the JSON in a whole line, None if it is not the one that was written here."""
        mark = line[-_TAIL:]
        if mark.startswith(_MARK) and mark.endswith(_END):
            body = line[:-_TAIL] + b"}"
            check = crc32(body, self.check)
            if mark[len(_MARK) : len(_MARK) + 8] != b"%08x" % check:
                return None
        elif unchecked:
            body = line[:-1]
            check = crc32(body, self.check)
        else:
            return None
        self.check = check
        self._took(line)
        return body

    def _took(self, line: bytes) -> None:
        self.size += len(line)
        self.count += 1
        self.digest.update(line)

    @property
    def sha256(self) -> str:
        """Digest of all bytes so far, in hexadecimal."""
        return str(self.digest.hexdigest())


@dataclass(frozen=True)
class Read:
    """What was read of a history file.

    `broken` is the number of the first line (from 1) that is not as it was written; None if there is none.
    `torn` are bytes after the last whole line, which a kill may leave.
    """

    history: History
    lines: Lines
    broken: int | None = None
    torn: int = 0


def read_lines(
    file: IO[bytes],
    length: int | None = None,
    *,
    unchecked: bool = False,
    seen: Callable[[Lines], None] = lambda lines: None,
) -> Read:
    """Return the history in the first `length` bytes of a file (None = all), as far as it is sound.

    `unchecked` takes lines without a check too, as early versions wrote them; `seen` is told after each line.
    """
    history, lines = History(), Lines()
    while length is None or lines.size < length:
        most = _LONGEST if length is None else min(_LONGEST, length - lines.size)
        line = file.readline(most)
        if not line:
            break
        if not line.endswith(b"\n"):
            if length is not None or len(line) == _LONGEST:
                return Read(history, lines, broken=lines.count + 1)
            return Read(history, lines, torn=len(line))
        try:
            body = lines.take(line, unchecked=unchecked)
            if body is None:
                return Read(history, lines, broken=lines.count + 1)
            history.add_json(body.decode())
        except (ValueError, RecursionError):
            return Read(history, lines, broken=lines.count)
        seen(lines)
    return Read(history, lines)


def require_digest(read: Read, size: int, sha256: str | None, where: str) -> None:
    """Raise RunError unless at least `size` bytes were read, and are those with this digest."""
    if read.broken is not None:
        raise RunError("history_is_damaged_in_line", line=read.broken, count=read.lines.size, where=where)
    if read.lines.size < size:
        raise RunError("history_is_shorter_than_its_checkpoint", count=size, where=where, got=read.lines.size)
    if sha256 is not None and read.lines.sha256 != sha256:
        raise RunError("history_is_another", where=where, expected=f"SHA-256 {sha256}", got=read.lines.sha256)
