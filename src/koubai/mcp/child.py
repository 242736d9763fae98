"""A koubai command in a process of its own: bounded in time and output, ended with all that it started."""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from subprocess import DEVNULL
from typing import Any

import anyio
from anyio.abc import ByteReceiveStream, Process

from koubai.core.errors import KoubaiError
from koubai.words import say

MOST_OUTPUT = 64 * 2**20  # bytes of JSON
_TAIL = 2000  # bytes of what a script printed that are told when it failed


async def answer(words: list[str], folder: Path, seconds: float) -> tuple[dict[str, Any], int, str]:
    """Run `koubai --json WORDS` in a folder; return its JSON, its exit code, and the end of what it printed.

    The child reads nothing: standard input is the protocol's.

    Raises:
        KoubaiError: out of time, too much output, or no JSON came.
    """
    command = [sys.executable, "-m", "koubai.cli.process", "--json", *words]
    child = await anyio.open_process(command, stdin=DEVNULL, cwd=folder, start_new_session=True)
    out, err = bytearray(), bytearray()
    ended = False
    try:
        with anyio.move_on_after(seconds):
            async with anyio.create_task_group() as group:
                group.start_soon(_read, child.stdout, out, MOST_OUTPUT)
                group.start_soon(_read, child.stderr, err, None)
            await child.wait()
            ended = True
    finally:
        await _end(child)
    if not ended:
        limit = f"<= {seconds:g} s"
        hint = say("mcp.out_of_time_hint")
        raise KoubaiError(say("mcp.out_of_time"), where=words[0], expected=limit, hint=hint)
    if len(out) > MOST_OUTPUT:
        raise KoubaiError(say("mcp.too_much"), where=words[0], expected=f"<= {MOST_OUTPUT} bytes")
    said, code = err.decode(errors="replace"), child.returncode or 0
    try:
        return json.loads(out), code, said
    except (ValueError, RecursionError):
        how = say("mcp.ended", code=code, said=said.strip())
        raise KoubaiError(say("mcp.no_answer"), where=words[0], got=how) from None


async def _read(stream: ByteReceiveStream | None, kept: bytearray, most: int | None) -> None:
    """Read a stream to its end; keep its beginning up to just over `most` bytes, or (None) its last part."""
    if stream is None:
        return
    async for part in stream:
        if most is None:
            kept += part
            del kept[:-_TAIL]
        elif len(kept) <= most:
            kept += part[: most + 1 - len(kept)]


async def _end(child: Process) -> None:
    """End a child and what it started, however it stands."""
    with suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(child.pid, signal.SIGKILL)
        else:  # Windows has no such groups: what the child started runs on
            child.kill()
    with anyio.CancelScope(shield=True):
        await child.aclose()
