"""Shut in: a forked child of a program may compute, and nothing else.

What it writes goes nowhere; what would reach another process ends it. Three fences, one behind the other:
open files and connections are replaced when it is born, Python's own ways out are turned off or end it, and
(on Linux) the kernel refuses the rest, such as libraries that open files by themselves.
"""

from __future__ import annotations

import builtins
import ctypes
import io
import mmap
import os
import platform
import queue
import signal
import stat
import struct
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch

_ENDS = (
    "socket.bind",
    "socket.connect",
    "socket.sendto",
    "subprocess.Popen",
    "os.exec",
    "os.fork",
    "os.forkpty",
    "os.kill",
    "os.killpg",
    "os.posix_spawn",
    "os.spawn",
    "os.system",
    "shutil.",
    "signal.pthread_kill",
)
_CHANGES = ("os.truncate", "os.remove", "os.rename", "os.rmdir", "os.mkdir")
_NOWHERE = (
    "mkdir",
    "makedirs",
    "remove",
    "unlink",
    "rename",
    "replace",
    "rmdir",
    "removedirs",
    "symlink",
    "link",
)


def positions() -> dict[int, int]:
    """Return where every open file is read: asked in the parent, before it goes on."""
    found = {}
    for fd in _open_files():
        try:
            if stat.S_ISREG(os.fstat(fd).st_mode):
                found[fd] = os.lseek(fd, 0, os.SEEK_CUR)
        except OSError:
            continue
    return found


def _open_files() -> list[int]:
    return [int(path.name) for path in Path("/proc/self/fd").iterdir()]


_MEMORY = ("/dev/shm/", "/memfd:", "/dev/zero")
"""How the name of a mapping begins that is memory, and no device or file: its bytes are all that it is."""
_AT_THIS_PLACE = 0x10  # MAP_FIXED, which Python's mmap does not name
_MOST_SHARED = 256 * 2**20  # bytes


def _shared() -> list[tuple[int, int, str]]:
    """Return the memory of this process that others see when it is written: where, how long, its name."""
    found = []
    with Path("/proc/self/maps").open() as maps:
        for line in maps:
            place, may, _, _, _, *name = line.split(maxsplit=5)
            if may.startswith("rw-s"):
                first, last = (int(end, 16) for end in place.split("-"))
                found.append((first, last - first, name[0].strip() if name else ""))
    return found


def shares_memory() -> bool:
    """Whether this process shares memory that a child cannot make its own: a device's, or too much of it."""
    shared = _shared()
    devices = any(not (name.startswith(_MEMORY) or not name) for _, _, name in shared)
    return devices or sum(size for _, size, _ in shared) > _MOST_SHARED


def make_private() -> None:
    """Put a copy in the place of all memory that is shared: what is written from here on nobody else sees.

    Progress bars share a lock that way (a semaphore), programs their tensors.

    Raises:
        OSError: the kernel refused.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [
        ctypes.c_void_p,
        ctypes.c_size_t,
        ctypes.c_int,
        ctypes.c_int,
        ctypes.c_int,
        ctypes.c_long,
    ]
    own = os.open("/proc/self/mem", os.O_RDONLY)
    for first, size, name in _shared():
        data = os.pread(own, size, first)
        if len(data) != size:
            raise OSError(0, f"memory of {name} cannot be read")
        how = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _AT_THIS_PLACE
        if libc.mmap(first, size, mmap.PROT_READ | mmap.PROT_WRITE, how, -1, 0) != first:
            raise OSError(ctypes.get_errno(), f"memory of {name} cannot be copied")
        ctypes.memmove(first, data, size)
    os.close(own)


def cut_off(keep: Iterable[int], read_from: dict[int, int]) -> None:
    """Replace what is open by nothing, save what is only read: that gets a position of its own."""
    import fcntl  # not on Windows, where nothing is forked

    nothing, kept = os.open(os.devnull, os.O_RDWR), {*keep}
    for fd in _open_files():
        if fd in kept or fd == nothing:
            continue
        try:
            kind, mode = os.fstat(fd).st_mode, fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE
            if stat.S_ISREG(kind) and mode == os.O_RDONLY:
                own = os.open(f"/proc/self/fd/{fd}", os.O_RDONLY)
                os.lseek(own, read_from.get(fd, 0), os.SEEK_SET)
                os.dup2(own, fd)
                os.close(own)
            elif fd in (0, 1, 2) or not (stat.S_ISCHR(kind) or stat.S_ISDIR(kind)):
                os.dup2(nothing, fd)
        except OSError:  # the listing's own, closed by now
            continue
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who waits for the answer


def shut_in(leave: Callable[[str], None]) -> None:
    """Let nothing out from here on; `leave(why)`, which must not return, is called where it insists."""
    fence(leave)
    _queues()
    refuse_in_kernel()


def fence(leave: Callable[[str], None], free: str = "") -> None:
    """The fence that stands in Python; `free` is a folder in which writing is allowed."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    lost: set[str] = set()  # files that the program believes it has written
    _files(nowhere, lost, free)

    def watch(event: str, args: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(args[0], str | bytes | os.PathLike):
            path, mode, flags = os.fsdecode(args[0]), args[1], args[2]
            if _inside(path, free):
                return
            writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) if isinstance(flags, int) else 0
            if writes or (isinstance(mode, str) and any(c in mode for c in "wax+")):
                leave(f"open {path}")
            if str(Path(path).absolute()) in lost:
                leave(f"read {path}")
        elif event.startswith(_ENDS) or (event in _CHANGES and not _inside(args[0], free)):
            leave(event)

    sys.addaudithook(watch)


def _inside(path: Any, free: str) -> bool:
    """Whether a path lies in the folder that is free."""
    return bool(free) and isinstance(path, str | bytes | os.PathLike) and os.fsdecode(path).startswith(free)


def _files(nowhere: int, lost: set[str], free: str) -> None:
    """Writing goes nowhere."""
    really, really_save = builtins.open, torch.save

    def opened(file: Any, mode: str = "r", *args: Any, **options: Any) -> Any:
        if isinstance(file, int) or not any(c in mode for c in "wax+") or _inside(file, free):
            return really(file, mode, *args, **options)
        lost.add(str(Path(os.fsdecode(file)).absolute()))
        return really(os.dup(nowhere), mode.replace("x", "w"), *args, **options)

    def not_done(change: Any) -> Any:
        def nothing(*args: Any, **options: Any) -> Any:
            return change(*args, **options) if args and _inside(args[0], free) else None

        return nothing

    def saved(value: Any, file: Any, *args: Any, **options: Any) -> None:
        if isinstance(file, str | bytes | os.PathLike):
            lost.add(str(Path(os.fsdecode(file)).absolute()))
        else:  # into memory
            really_save(value, file, *args, **options)

    builtins.open = io.open = opened
    torch.save = saved
    for name in _NOWHERE:
        setattr(os, name, not_done(getattr(os, name)))


def _queues() -> None:
    """Threads do not live on in a child: nobody takes what is put into a queue, and nobody waits for that."""

    def put(self: Any, item: Any, block: bool = True, timeout: float | None = None) -> None:
        with self.mutex:
            if self.maxsize <= 0 or self._qsize() < self.maxsize:
                self._put(item)
                self.not_empty.notify()

    queue.Queue.put = put  # type: ignore[method-assign]
    queue.Queue.join = lambda self: None  # type: ignore[method-assign]


# ------------------------------------------------------------------------------------ the kernel's fence

_CALLS = {
    "x86_64": (
        0xC000003E,
        257,
        (2, 85),
        (82, 83, 84, 86, 87, 88, 76, 77, 263, 264, 316, 258, 266, 265, 42, 49, 44, 59, 322, 62),
    ),
    "aarch64": (0xC00000B7, 56, (), (35, 38, 276, 34, 36, 37, 45, 46, 203, 200, 206, 221, 281, 129)),
}
"""By machine: its number in the kernel; openat; open and creat; what is refused altogether: rename, mkdir,
rmdir, link, unlink, symlink, truncate, ftruncate (and their newer forms), connect, bind, sendto, execve,
execveat, kill."""
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_LOAD, _EQUAL, _ANY, _RETURN = 0x20, 0x15, 0x45, 0x06
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | 1  # EPERM


def refuse_in_kernel() -> bool:
    """Let the kernel refuse this process to write, connect or start anything; return whether it does.

    A filter in the kernel's small language (seccomp): load the number of the call, compare, refuse or allow.
    """
    numbers = _CALLS.get(platform.machine())
    if numbers is None or sys.platform != "linux":
        return False
    machine, openat, opens, refused = numbers
    lines = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, machine), (_RETURN, 0, 0, _ALLOW), (_LOAD, 0, 0, 0)]
    for number in refused:
        lines += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _REFUSE)]
    for number, argument in ((openat, 2), *((number, 1) for number in opens[:1])):
        # The flags are an argument: at 16 + 8 times its place in what the filter sees.
        lines += [(_EQUAL, 0, 4, number), (_LOAD, 0, 0, 16 + 8 * argument), (_ANY, 0, 1, _WRITING)]
        lines += [(_RETURN, 0, 0, _REFUSE), (_RETURN, 0, 0, _ALLOW)]
    for number in opens[1:]:
        lines += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _REFUSE)]
    lines.append((_RETURN, 0, 0, _ALLOW))
    program = b"".join(struct.pack("HBBI", *line) for line in lines)
    buffer = ctypes.create_string_buffer(program, len(program))
    filter_ = struct.pack("HxxxxxxP", len(lines), ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    no_new_privileges, set_seccomp, filtered = 38, 22, 2
    if libc.prctl(no_new_privileges, 1, 0, 0, 0):
        return False
    holder = ctypes.create_string_buffer(filter_, len(filter_))
    return bool(libc.prctl(set_seccomp, filtered, holder, 0, 0) == 0)
