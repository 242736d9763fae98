"""The oneDNN library through ctypes, and GCC's OpenMP beside it. Used to compile; nothing here runs per step.

The library is looked for in this order: the file named by the environment variable KOUBAI_ONEDNN, the
`lib/` folder of the Python environment (where the wheel onednn-cpu-gomp and conda put it), the system.
It must be oneDNN 3.x with the OpenMP runtime of GCC, because koubai's own kernels share its thread team.
"""

from __future__ import annotations

import ctypes as c
import importlib.util
import os
import sys
import weakref
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from koubai.core.errors import EngineError
from koubai.core.forks import renew_openmp_at_fork
from koubai.engines.native.graph import Unsupported

_SYMBOLS = (
    "dnnl_version", "dnnl_engine_create", "dnnl_stream_create", "dnnl_memory_create", "dnnl_memory_destroy",
    "dnnl_memory_desc_clone", "dnnl_memory_desc_destroy",
    "dnnl_memory_desc_create_with_tag", "dnnl_memory_desc_create_with_strides", "dnnl_memory_desc_query",
    "dnnl_memory_desc_equal", "dnnl_memory_desc_get_size",
    "dnnl_primitive_attr_create", "dnnl_primitive_attr_set_scratchpad_mode", "dnnl_primitive_create",
    "dnnl_primitive_destroy", "dnnl_primitive_desc_destroy", "dnnl_set_primitive_cache_capacity",
    "dnnl_primitive_desc_query", "dnnl_primitive_desc_query_md", "dnnl_primitive_execute",
    "dnnl_reorder_primitive_desc_create", "dnnl_inner_product_forward_primitive_desc_create",
    "dnnl_inner_product_backward_data_primitive_desc_create",
    "dnnl_inner_product_backward_weights_primitive_desc_create",
    "dnnl_convolution_forward_primitive_desc_create", "dnnl_convolution_backward_data_primitive_desc_create",
    "dnnl_convolution_backward_weights_primitive_desc_create",
)  # fmt: skip
_CACHED_PRIMITIVES = 64  # that the library keeps for whoever asks for the same again; its own choice is 1024


class Unimplemented(Unsupported):
    """oneDNN has no (fast) primitive for what was asked; the caller has another way."""

    why = "oneDNN has no fast primitive for these shapes"


class Owned:
    """Something the library made for us; it is destroyed when nobody holds this object any more.

    | field  | meaning                                  |
    |--------|------------------------------------------|
    | handle | the library's, valid while this is held  |

    What the library makes of it holds what it needs of it, so nothing has to be destroyed before something
    else: a primitive outlives its descriptor. At the end of the process nothing is destroyed.
    """

    __slots__ = ("__weakref__", "handle")

    def __init__(self, handle: c.c_void_p, destroy: Callable[[c.c_void_p], object]) -> None:
        self.handle = handle
        weakref.finalize(self, destroy, handle).atexit = False


class OneDnn:
    """The loaded libraries, oneDNN's engine, and how its functions are called."""

    def __init__(self, path: Path | str) -> None:
        self.path = str(path)
        try:
            self.dnnl = c.CDLL(self.path, mode=c.RTLD_GLOBAL)
            self.gomp = c.CDLL("libgomp.so.1", mode=c.RTLD_GLOBAL)
        except OSError as error:
            raise EngineError("onednn_does_not_load", why=error, where=self.path) from None
        missing = [name for name in _SYMBOLS if not hasattr(self.dnnl, name)]
        if missing:
            raise EngineError("onednn_lacks_a_function", where=self.path, got=missing[0])
        self.dnnl.dnnl_version.restype = c.POINTER(c.c_int * 3)
        self.version: tuple[int, ...] = tuple(self.dnnl.dnnl_version().contents)
        if self.version[0] != 3:
            raise EngineError("another_onednn", number="3", where=self.path, got=self.version)
        self.dnnl.dnnl_primitive_desc_query_md.restype = c.c_void_p
        self.dnnl.dnnl_memory_desc_get_size.restype = c.c_size_t
        self.dnnl.dnnl_set_primitive_cache_capacity(c.c_int(_CACHED_PRIMITIVES))
        try:
            self.engine = self.new("dnnl_engine_create", c.c_int(1), c.c_size_t(0))
        except Unimplemented:
            raise EngineError("onednn_finds_no_cpu_device", where=self.path) from None
        self._has_had_team = self._has_lost_team = False
        if not renew_openmp_at_fork():
            os.register_at_fork(after_in_child=self._lose_team)

    def call(self, name: str, *arguments: object) -> None:
        """Call a function; raise Unimplemented unless it succeeds."""
        status = getattr(self.dnnl, name)(*arguments)
        if status:
            raise Unimplemented(f"{name}: status {status}")

    def new(self, name: str, *arguments: object) -> c.c_void_p:
        """Call a function that creates something and return its handle: for what lasts as long as we do."""
        handle = c.c_void_p()
        self.call(name, c.byref(handle), *arguments)
        return handle

    def own(self, kind: str, name: str, *arguments: object) -> Owned:
        """Call a function that creates a `kind` (primitive, memory_desc ...), for a while."""
        return Owned(self.new(name, *arguments), getattr(self.dnnl, f"dnnl_{kind}_destroy"))

    def run_side_by_side(self, function: int, data: int, threads: int) -> None:
        """Run `function(data)` on every thread of a team; the caller is one of them."""
        self._gather(threads)
        self.gomp.GOMP_parallel(c.c_void_p(function), c.c_void_p(data), c.c_uint(threads), c.c_uint(0))

    def set_threads(self, threads: int) -> None:
        """Set the size of the thread team for primitives created and kernels run by this Python thread."""
        self._gather(threads)
        self.gomp.omp_set_num_threads(c.c_int(threads))

    def _gather(self, threads: int) -> None:
        """Raise EngineError if a team is wanted that stayed behind in the process we were forked from."""
        if threads > 1 and self._has_lost_team:
            raise EngineError("openmp_cannot_start_threads_after_a_fork", got=f"threads={threads}")
        self._has_had_team |= threads > 1

    def _lose_team(self) -> None:
        self._has_lost_team = self._has_had_team


def candidates() -> Iterator[str]:
    """Yield the places where the library may lie, best first."""
    named = os.environ.get("KOUBAI_ONEDNN")
    if named:
        yield named
        return
    for folder in (Path(sys.prefix, "lib"), *(Path(entry).parent.parent for entry in sys.path if entry)):
        yield from (str(path) for path in sorted(folder.glob("libdnnl.so.3")))
    yield "libdnnl.so.3"


def _preload_gomp() -> None:
    """Load libgomp.so.1 from PyTorch's folder where the system has none; oneDNN then finds it by its name."""
    try:
        c.CDLL("libgomp.so.1", mode=c.RTLD_GLOBAL)
    except OSError:
        spec = importlib.util.find_spec("torch")
        bundled = Path(spec.origin).parent / "lib" / "libgomp.so.1" if spec and spec.origin else None
        if bundled is None or not bundled.exists():
            raise EngineError("libgomp_is_missing") from None
        c.CDLL(str(bundled), mode=c.RTLD_GLOBAL)


@cache
def library() -> OneDnn:
    """Return the library, or raise EngineError with one line that says why there is none."""
    if not sys.platform.startswith("linux"):
        raise EngineError("onednn_is_used_on_linux_only", got=sys.platform)
    _preload_gomp()
    errors = []
    for path in candidates():
        try:
            return OneDnn(path)
        except EngineError as error:
            errors.append(error)
    raise (
        errors[-1]
        if os.environ.get("KOUBAI_ONEDNN")
        else EngineError("onednn_is_not_installed", package="onednn-cpu-gomp==2023.1.0")
    )


def title() -> str:
    """Return what computes products: oneDNN with its version."""
    return f"oneDNN {'.'.join(map(str, library().version))}"
