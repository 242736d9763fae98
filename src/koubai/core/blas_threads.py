"""One thread budget: matrix products of NumPy and SciPy keep to the number of threads a run was given.

An unbounded BLAS starts a thread a core in every process, so parallel arms would fight for the machine;
and as the order of its sums may depend on that number, a run would not repeat on another machine.

threadpoolctl finds the libraries. OpenBLAS is then set by its own functions: from version 3.8 on,
threadpoolctl does nothing, without a word, in any thread but the one that set a bound first.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from threading import Lock, get_ident
from typing import Any

_PREFIXES, _SUFFIXES = ("", "scipy_"), ("", "64_", "_64")  # of OpenBLAS's names, by who built it


@dataclass(frozen=True)
class BlasLibrary:
    """A BLAS library of this process and its number of threads.

    `of_thread`: the number is the calling thread's own (OpenMP, BLIS), else one for the process.
    """

    path: str
    title: str
    get: Callable[[], int]
    set: Callable[[int], object]
    of_thread: bool = False


class Bounds:
    """The bounds in force, in any thread; the smallest holds.

    What was set before the first bound comes back after the last: for the process, or for each thread where
    the library keeps a number per thread.
    """

    def __init__(self, find: Callable[[], tuple[BlasLibrary, ...]]) -> None:
        self._find = find
        self._lock = Lock()
        self._wanted: list[tuple[int, int]] = []  # (thread, count), one for each bound
        self._before: dict[tuple[str, int], int] = {}  # (path, thread or 0) -> count without any bound

    @contextmanager
    def hold(self, count: int) -> Iterator[None]:
        """Bound every library to `count` threads while the context lasts."""
        bound = (get_ident(), count)
        try:
            with self._lock:
                self._wanted.append(bound)
                self._apply()
            yield
        finally:
            with self._lock:
                self._wanted = [other for other in self._wanted if other is not bound]
                self._apply()

    def _apply(self) -> None:
        """Give every library the number that is wanted now."""
        for library in self._find():
            thread = get_ident() if library.of_thread else 0
            wanted = [count for where, count in self._wanted if not library.of_thread or where == thread]
            if wanted:
                self._before.setdefault((library.path, thread), library.get())
                count = min(wanted)
            elif (library.path, thread) in self._before:
                count = self._before.pop((library.path, thread))
            else:
                continue
            if library.get() != count:
                library.set(count)

    def forked(self) -> None:
        """Forget, in a forked child, the bounds of the threads that it does not have."""
        self._lock = Lock()  # one of them may have held it
        self._wanted = [bound for bound in self._wanted if bound[0] == get_ident()]


_found: tuple[int, tuple[BlasLibrary, ...]] = (0, ())


def libraries() -> tuple[BlasLibrary, ...]:
    """Return the BLAS libraries loaded so far; they are looked for again when modules were imported since."""
    global _found  # noqa: PLW0603 -- looking takes milliseconds
    if _found[0] != len(sys.modules):
        from threadpoolctl import ThreadpoolController

        controller = ThreadpoolController()
        found = [_library(controller, info) for info in controller.info() if info["user_api"] == "blas"]
        _found = len(sys.modules), tuple(found)
    return _found[1]


def _library(controller: Any, info: dict[str, Any]) -> BlasLibrary:
    path, kind, layer = info["filepath"], info["internal_api"], info.get("threading_layer")
    title = f"{kind} {info.get('version') or ''}".strip()
    if kind == "openblas" and (functions := _openblas(path, openmp=layer == "openmp")):
        return BlasLibrary(path, title, *functions, of_thread=layer == "openmp")
    alone = controller.select(filepath=path)

    def get() -> int:
        return int(alone.info()[0]["num_threads"] or 1)

    return BlasLibrary(path, title, get, lambda count: alone.limit(limits=count), of_thread=kind == "blis")


def _openblas(path: str, *, openmp: bool) -> tuple[Any, Any] | None:
    """Return the two functions that tell and set OpenBLAS's number of threads.

    Under OpenMP they are OpenMP's: OpenBLAS follows these at every product, and not always its own.
    """
    library = ctypes.CDLL(path)
    if openmp:
        return library.omp_get_max_threads, library.omp_set_num_threads
    for prefix, suffix in product(_PREFIXES, _SUFFIXES):
        get, set_ = (f"{prefix}openblas_{verb}_num_threads{suffix}" for verb in ("get", "set"))
        if hasattr(library, get) and hasattr(library, set_):
            return getattr(library, get), getattr(library, set_)
    return None


_bounds = Bounds(libraries)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_bounds.forked)
blas_threads = _bounds.hold
