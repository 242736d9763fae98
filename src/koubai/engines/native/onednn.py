"""oneDNN through ctypes: the only file that knows the library. Used to compile; nothing here runs per step.

The library is looked for in this order: the file named by the environment variable KOUBAI_ONEDNN, the
`lib/` folder of the Python environment (where the wheel onednn-cpu-gomp and conda put it), the system.
It must be oneDNN 3.x with the OpenMP runtime of GCC, because koubai's own kernels share its thread team.
"""

from __future__ import annotations

import ctypes as c
import importlib.util
import os
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from koubai.core.errors import EngineError
from koubai.core.params import Array, Shape

F32, BF16 = 3, 2
FORWARD_TRAINING = 64
_ANY, _PLAIN = 1, {1: 2, 2: 3, 3: 4, 4: 5, 5: 6}
_BLOCKED = {(3, 8): 69, (3, 16): 56, (4, 8): 102, (4, 16): 78}
_QUERY_MD = {
    "src": 129, "dsrc": 130, "weights": 131, "dweights": 132, "dst": 133, "ddst": 134, "scratch": 136,
}  # fmt: skip
ARGUMENTS = {
    "src": 1, "dst": 17, "weights": 33, "bias": 41, "scratch": 80,
    "dsrc": 129, "ddst": 145, "dweights": 161, "dbias": 169,
}  # fmt: skip
_CONVOLUTION_DIRECT = 1
_SYMBOLS = (
    "dnnl_version", "dnnl_engine_create", "dnnl_stream_create", "dnnl_memory_create", "dnnl_memory_destroy",
    "dnnl_memory_desc_clone",
    "dnnl_memory_desc_create_with_tag", "dnnl_memory_desc_create_with_strides", "dnnl_memory_desc_query",
    "dnnl_memory_desc_equal", "dnnl_memory_desc_get_size",
    "dnnl_primitive_attr_create", "dnnl_primitive_attr_set_scratchpad_mode", "dnnl_primitive_create",
    "dnnl_primitive_desc_query", "dnnl_primitive_desc_query_md", "dnnl_primitive_execute",
    "dnnl_reorder_primitive_desc_create", "dnnl_inner_product_forward_primitive_desc_create",
    "dnnl_inner_product_backward_data_primitive_desc_create",
    "dnnl_inner_product_backward_weights_primitive_desc_create",
    "dnnl_convolution_forward_primitive_desc_create", "dnnl_convolution_backward_data_primitive_desc_create",
    "dnnl_convolution_backward_weights_primitive_desc_create",
)  # fmt: skip


class Unimplemented(Exception):
    """oneDNN has no (fast) primitive for what was asked; the caller has another way."""


class Library:
    """The loaded libraries, oneDNN's engine, and how its functions are called."""

    def __init__(self, path: Path | str) -> None:
        self.path = str(path)
        try:
            self.dnnl = c.CDLL(self.path, mode=c.RTLD_GLOBAL)
            self.gomp = c.CDLL("libgomp.so.1", mode=c.RTLD_GLOBAL)
        except OSError as error:
            raise EngineError(f"oneDNN does not load: {error}", where=self.path) from None
        missing = [name for name in _SYMBOLS if not hasattr(self.dnnl, name)]
        if missing:
            raise EngineError("not oneDNN 3.x: a function is missing", where=self.path, got=missing[0])
        self.dnnl.dnnl_version.restype = c.POINTER(c.c_int * 3)
        self.version: tuple[int, ...] = tuple(self.dnnl.dnnl_version().contents)
        if self.version[0] != 3:
            raise EngineError("another oneDNN", where=self.path, expected="version 3", got=self.version)
        self.dnnl.dnnl_primitive_desc_query_md.restype = c.c_void_p
        self.dnnl.dnnl_memory_desc_get_size.restype = c.c_size_t
        try:
            self.engine = self.new("dnnl_engine_create", c.c_int(1), c.c_size_t(0))
        except Unimplemented:
            raise EngineError("oneDNN finds no CPU device", where=self.path) from None

    def call(self, name: str, *arguments: object) -> None:
        """Call a function; raise Unimplemented unless it succeeds."""
        status = getattr(self.dnnl, name)(*arguments)
        if status:
            raise Unimplemented(f"{name}: status {status}")

    def new(self, name: str, *arguments: object) -> c.c_void_p:
        """Call a function that creates something and return its handle."""
        handle = c.c_void_p()
        self.call(name, c.byref(handle), *arguments)
        return handle

    def run_side_by_side(self, function: int, data: int, threads: int) -> None:
        """Run `function(data)` on every thread of a team; the caller is one of them."""
        self.gomp.GOMP_parallel(c.c_void_p(function), c.c_void_p(data), c.c_uint(threads), c.c_uint(0))

    def set_threads(self, threads: int) -> None:
        """Set the size of the thread team for primitives created and kernels run by this Python thread."""
        self.gomp.omp_set_num_threads(c.c_int(threads))


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
            raise EngineError(
                "libgomp.so.1 is missing", hint="install GCC's OpenMP runtime (Debian: apt install libgomp1)"
            ) from None
        c.CDLL(str(bundled), mode=c.RTLD_GLOBAL)


@cache
def library() -> Library:
    """Return the library, or raise EngineError with one line that says why there is none."""
    if not sys.platform.startswith("linux"):
        raise EngineError("oneDNN is used on Linux only", got=sys.platform)
    _preload_gomp()
    errors = []
    for path in candidates():
        try:
            return Library(path)
        except EngineError as error:
            errors.append(error)
    raise (
        errors[-1]
        if os.environ.get("KOUBAI_ONEDNN")
        else EngineError(
            "oneDNN is not installed", hint="pip install onednn-cpu-gomp==2023.2.0, or set KOUBAI_ONEDNN"
        )
    )


def _dims(numbers: Sequence[int]) -> c.Array[c.c_int64]:
    return (c.c_int64 * 12)(*numbers)


class MD:
    """Memory descriptor: logical dimensions and how they lie in memory."""

    def __init__(self, shape: Shape, handle: c.c_void_p, dtype: int = F32) -> None:
        self.shape, self.handle, self.dtype = tuple(shape), handle, dtype

    @classmethod
    def of_tag(cls, shape: Shape, tag: int, dtype: int) -> MD:
        """A format by its number in oneDNN's list."""
        head = c.c_int(len(shape)), _dims(shape), c.c_int(dtype)
        return cls(shape, library().new("dnnl_memory_desc_create_with_tag", *head, c.c_int(tag)), dtype)

    @classmethod
    def any(cls, shape: Shape, dtype: int = F32) -> MD:
        """The primitive may choose."""
        return cls.of_tag(shape, _ANY, dtype)

    @classmethod
    def plain(cls, shape: Shape, dtype: int = F32) -> MD:
        """C order."""
        return cls.of_tag(shape, _PLAIN[len(shape)], dtype)

    @classmethod
    def blocked(cls, shape: Shape, block: int, dtype: int = F32) -> MD:
        """Channels (axis 1) in blocks of 8 or 16."""
        return cls.of_tag(shape, _BLOCKED[len(shape), block], dtype)

    @classmethod
    def strided(cls, shape: Shape, strides: Sequence[int], dtype: int = F32) -> MD:
        """Any order of axes."""
        head = c.c_int(len(shape)), _dims(shape), c.c_int(dtype)
        return cls(shape, library().new("dnnl_memory_desc_create_with_strides", *head, _dims(strides)), dtype)

    @property
    def nbytes(self) -> int:
        """Bytes, with padding."""
        return int(library().dnnl.dnnl_memory_desc_get_size(self.handle))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MD) and bool(
            library().dnnl.dnnl_memory_desc_equal(self.handle, other.handle)
        )

    __hash__ = None  # type: ignore[assignment]  # equality is the library's; there is no hash of it

    def channel_block(self) -> int | None:
        """Channels stored together: 1 in C order, C for channels last, 8 or 16; None for anything else."""
        if self == MD.plain(self.shape, self.dtype):
            return 1
        if len(self.shape) < 3:
            return None
        for block in (8, 16):
            if (len(self.shape), block) in _BLOCKED and self == MD.blocked(self.shape, block, self.dtype):
                return block
        return self.shape[1] if self == MD.channels_last(self.shape, self.dtype) else None

    @classmethod
    def channels_last(cls, shape: Shape, dtype: int = F32) -> MD:
        """Channels (axis 1) innermost."""
        strides, step = [0] * len(shape), shape[1]
        strides[1] = 1
        for axis in (*range(len(shape) - 1, 1, -1), 0):
            strides[axis] = step
            step *= shape[axis]
        return cls.strided(shape, strides, dtype)

    def describe(self) -> str:
        """Return the layout in a word, for listings."""
        block = self.channel_block()
        if block == self.shape[1] and block != 1:
            return "channels last"
        if len(self.shape) == 2 and self == MD.strided(self.shape, (1, self.shape[0]), self.dtype):
            return "transposed"
        return {None: "packed", 1: "plain"}.get(block, f"blocks of {block}")


def _attributes() -> c.c_void_p:
    """Attributes of every primitive: the scratch memory is ours, one for a whole program."""
    attributes = library().new("dnnl_primitive_attr_create")
    library().call("dnnl_primitive_attr_set_scratchpad_mode", attributes, c.c_int(1))
    return attributes


class PD:
    """Primitive descriptor: an operation on fixed layouts, and the implementation chosen for it."""

    def __init__(self, kind: str, *arguments: object) -> None:
        self.kind = kind
        self.handle = library().new(f"dnnl_{kind}_primitive_desc_create", *arguments)
        name = c.c_char_p()
        library().call("dnnl_primitive_desc_query", self.handle, c.c_int(8), c.c_int(0), c.byref(name))
        self.implementation = name.value.decode() if name.value else ""
        if self.implementation.startswith("ref") and kind != "reorder":
            raise Unimplemented(f"{kind}: only {self.implementation}")
        self._primitive: c.c_void_p | None = None

    def md(self, which: str, shape: Shape, dtype: int = F32) -> MD:
        """Return the layout of an argument."""
        handle = library().dnnl.dnnl_primitive_desc_query_md(
            self.handle, c.c_int(_QUERY_MD[which]), c.c_int(0)
        )
        return MD(shape, library().new("dnnl_memory_desc_clone", c.c_void_p(handle)), dtype)

    @property
    def scratch_bytes(self) -> int:
        """Scratch memory it wants."""
        return self.md("scratch", ()).nbytes

    @property
    def primitive(self) -> int:
        """Handle of the compiled primitive; compiled at first use."""
        if self._primitive is None:
            self._primitive = library().new("dnnl_primitive_create", self.handle)
        return int(self._primitive.value or 0)


def reorder(source: MD, target: MD) -> PD:
    """Copy from one layout to another."""
    engine = library().engine
    return PD("reorder", source.handle, engine, target.handle, engine, _attributes())


def inner_product(src: MD, weights: MD, bias: MD | None, dst: MD) -> PD:
    """y = x W^T + b: weights (G, F) or (G, C, S)."""
    return PD("inner_product_forward", library().engine, c.c_int(FORWARD_TRAINING), src.handle,
              weights.handle, bias.handle if bias else None, dst.handle, _attributes())  # fmt: skip


def inner_product_data(dsrc: MD, weights: MD, ddst: MD, forward: PD) -> PD:
    """dx of inner_product."""
    return PD("inner_product_backward_data", library().engine, dsrc.handle, weights.handle, ddst.handle,
              forward.handle, _attributes())  # fmt: skip


def inner_product_weights(src: MD, dweights: MD, dbias: MD | None, ddst: MD, forward: PD) -> PD:
    """dW and db of inner_product."""
    return PD("inner_product_backward_weights", library().engine, src.handle, dweights.handle,
              dbias.handle if dbias else None, ddst.handle, forward.handle, _attributes())  # fmt: skip


class Sliding:
    """Stride, dilation and padding of a convolution, in oneDNN's form (a dilation of 0 is none)."""

    def __init__(self, stride: Sequence[int], dilation: Sequence[int], padding: Sequence[int]) -> None:
        self.arguments = (
            _dims(stride), _dims([d - 1 for d in dilation]), _dims(padding), _dims(padding),
        )  # fmt: skip


def convolution(src: MD, weights: MD, bias: MD | None, dst: MD, window: Sliding) -> PD:
    """Cross-correlation: weights (O, C, K), or (groups, O / groups, C / groups, K)."""
    return PD("convolution_forward", library().engine, c.c_int(FORWARD_TRAINING),
              c.c_int(_CONVOLUTION_DIRECT), src.handle, weights.handle, bias.handle if bias else None,
              dst.handle, *window.arguments, _attributes())  # fmt: skip


def convolution_data(dsrc: MD, weights: MD, ddst: MD, window: Sliding, forward: PD) -> PD:
    """dx of convolution."""
    return PD("convolution_backward_data", library().engine, c.c_int(_CONVOLUTION_DIRECT), dsrc.handle,
              weights.handle, ddst.handle, *window.arguments, forward.handle, _attributes())  # fmt: skip


def convolution_weights(
    src: MD, dweights: MD, dbias: MD | None, ddst: MD, window: Sliding, forward: PD
) -> PD:
    """dW and db of convolution."""
    return PD("convolution_backward_weights", library().engine, c.c_int(_CONVOLUTION_DIRECT), src.handle,
              dweights.handle, dbias.handle if dbias else None, ddst.handle, *window.arguments,
              forward.handle, _attributes())  # fmt: skip


class Memory:
    """A layout at an address: what primitives take."""

    def __init__(self, md: MD, address: int) -> None:
        self._library = library()
        self._handle = self._library.new(
            "dnnl_memory_create", md.handle, self._library.engine, c.c_void_p(address)
        )

    def __del__(self) -> None:
        if hasattr(self, "_handle"):
            self._library.dnnl.dnnl_memory_destroy(self._handle)

    @property
    def handle(self) -> int:
        """The library's handle."""
        return int(self._handle.value or 0)


@cache
def stream() -> c.c_void_p:
    """Return the stream of everything: on a CPU with OpenMP it holds no state, and threads may share it."""
    return library().new("dnnl_stream_create", library().engine, c.c_uint(1))


def execute(pd: PD, arguments: dict[str, Memory]) -> None:
    """Run a primitive once, from Python."""
    block = (c.c_int64 * (2 * len(arguments)))()
    for i, (name, memory) in enumerate(arguments.items()):
        block[2 * i], block[2 * i + 1] = ARGUMENTS[name], memory.handle
    library().call(
        "dnnl_primitive_execute", c.c_void_p(pd.primitive), stream(), c.c_int(len(arguments)), block
    )


def copy(source: MD, from_array: Array, target: MD, to_array: Array) -> None:
    """Reorder one array into another, once."""
    memories = {
        "src": Memory(source, from_array.ctypes.data),
        "dst": Memory(target, to_array.ctypes.data),
    }
    execute(reorder(source, target), memories)
