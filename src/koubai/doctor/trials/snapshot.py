"""Snapshot: a process that stands where the program stood at one update, asleep, until it is asked.

It shares the program's memory until either writes (copy on write). An order wakes it: it forks a child,
which makes the change and goes on in the program's own code. So the same moment can be asked again and
again, also when the program is over.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from koubai.doctor.trials.orders import Answer, TrialOrder
from koubai.doctor.trials.shut_in import make_private

_LOOK = 0.5  # seconds between looks at the children
STILL = 60.0  # seconds in which a child uses no CPU at all: it waits for something that will not come


@dataclass
class _Child:
    order: TrialOrder
    pid: int
    data: bytes = b""
    cpu: float = 0.0
    moved: float = 0.0


class Sleeper:
    """The sleeping process, seen from inside. `orders` and `answers` are the ends of its two pipes."""

    def __init__(self, orders: int, answers: int, cores: int) -> None:
        self._orders, self._answers, self._cores = orders, answers, cores
        self._waiting: deque[TrialOrder] = deque()
        self._children: dict[int, _Child] = {}  # by the pipe it answers on
        self._text = b""

    def sleep(self) -> tuple[TrialOrder, int]:
        """Wait and serve; return, in a forked child only, its order and the pipe to answer on.

        The snapshot itself ends when nobody holds the other end of its pipe.
        """
        while True:
            while self._waiting and len(self._children) < self._cores:
                order = self._waiting.popleft()
                out, into = os.pipe()
                pid = os.fork()
                if pid == 0:
                    for fd in (out, self._orders, self._answers, *self._children):
                        os.close(fd)
                    return order, into
                os.close(into)
                self._children[out] = _Child(order, pid, moved=time.monotonic())
            ready, _, _ = select.select(
                [self._orders, *self._children], [], [], _LOOK if self._children else None
            )
            for fd in ready:
                self._listen() if fd == self._orders else self._hear(fd)
            for fd in [fd for fd, child in self._children.items() if _is_lost(child)]:
                self._end(fd)

    def _listen(self) -> None:
        data = os.read(self._orders, 1 << 16)
        if not data:
            for child in self._children.values():
                os.kill(child.pid, signal.SIGKILL)
            os._exit(0)
        *lines, self._text = (self._text + data).split(b"\n")
        self._waiting.extend(TrialOrder.of(line) for line in lines)

    def _hear(self, fd: int) -> None:
        data = os.read(fd, 1 << 16)
        if data:
            self._children[fd].data += data
        else:
            self._end(fd)

    def _end(self, fd: int) -> None:
        """Take a child's answer; one that is lost is ended."""
        child = self._children.pop(fd)
        os.close(fd)
        os.kill(child.pid, signal.SIGKILL)
        _, status = os.waitpid(child.pid, 0)
        line = child.data
        if not line.endswith(b"\n"):
            why = "hung" if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL else "died"
            line = Answer(child.order.number, ended=why).line()
        write_all(self._answers, line)


def _is_lost(child: _Child) -> bool:
    """Whether a child used up twice its CPU time, or waits without end."""
    now, cpu = time.monotonic(), cpu_of(child.pid)
    if cpu > child.cpu + 0.01:
        child.cpu, child.moved = cpu, now
    return cpu > 2 * child.order.cpu + 5 or now - child.moved > STILL


def cpu_of(pid: int) -> float:
    """CPU seconds of a process, all its threads together."""
    try:
        with Path(f"/proc/{pid}/stat").open() as stat:
            fields = stat.read().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def write_all(fd: int, data: bytes) -> None:
    """Write everything."""
    while data:
        data = data[os.write(fd, data) :]


def fork_away() -> int:
    """Fork a process that is nobody's child, so that the program never waits for it; 0 inside.

    The program goes on when the copy has memory of its own.
    """
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
        return pid
    try:
        make_private()
    except BaseException:
        os._exit(1)
    if os.fork():
        os._exit(0)
    return 0


def quiet_hook(kind: type[BaseException], error: BaseException, trace: object) -> None:
    """An error of a child is part of its answer, not of what the program prints."""


def silence() -> None:
    """Print nothing from here on, whatever happens."""
    sys.excepthook = quiet_hook
    sys.unraisablehook = lambda _: None
