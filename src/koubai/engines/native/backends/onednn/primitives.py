"""oneDNN's memory layouts and primitives: this file and library.py know the library. Used to compile only."""

from __future__ import annotations

import ctypes as c
from collections.abc import Sequence
from functools import cache

from koubai.core.params import Array, Shape
from koubai.engines.native.backends.onednn.library import Owned, Unimplemented, library

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
DIRECT, WINOGRAD = 1, 2  # how convolutions are computed


def _dims(numbers: Sequence[int]) -> c.Array[c.c_int64]:
    return (c.c_int64 * 12)(*numbers)


class MD:
    """Memory descriptor: logical dimensions and how they lie in memory."""

    def __init__(self, shape: Shape, dtype: int, create: str, *arguments: object) -> None:
        self._owned = library().own("memory_desc", create, *arguments)
        self.shape, self.handle, self.dtype = tuple(shape), self._owned.handle, dtype

    @classmethod
    def of_tag(cls, shape: Shape, tag: int, dtype: int) -> MD:
        """A format by its number in oneDNN's list."""
        head = c.c_int(len(shape)), _dims(shape), c.c_int(dtype)
        return cls(shape, dtype, "dnnl_memory_desc_create_with_tag", *head, c.c_int(tag))

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
        return cls(shape, dtype, "dnnl_memory_desc_create_with_strides", *head, _dims(strides))

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
        """Return the layout in short, for listings."""
        block = self.channel_block()
        if block == self.shape[1] and block != 1:
            return "channels last"
        if len(self.shape) == 2 and self == MD.strided(self.shape, (1, self.shape[0]), self.dtype):
            return "transposed"
        return {None: "packed", 1: "plain"}.get(block, f"blocks of {block}")


@cache
def _attributes() -> c.c_void_p:
    """Attributes of every primitive, which copies them: scratch memory is ours, one for a whole program."""
    attributes = library().new("dnnl_primitive_attr_create")
    library().call("dnnl_primitive_attr_set_scratchpad_mode", attributes, c.c_int(1))
    return attributes


class PD:
    """Primitive descriptor: an operation on fixed layouts, and the implementation chosen for it."""

    def __init__(self, kind: str, *arguments: object) -> None:
        self.kind = kind
        self._owned = library().own("primitive_desc", f"dnnl_{kind}_primitive_desc_create", *arguments)
        self.handle = self._owned.handle
        name = c.c_char_p()
        library().call("dnnl_primitive_desc_query", self.handle, c.c_int(8), c.c_int(0), c.byref(name))
        self.implementation = name.value.decode() if name.value else ""
        if self.implementation.startswith("ref") and kind != "reorder":
            raise Unimplemented(f"{kind}: only {self.implementation}")
        self._primitive: Owned | None = None

    def md(self, which: str, shape: Shape, dtype: int = F32) -> MD:
        """Return the layout of an argument."""
        handle = library().dnnl.dnnl_primitive_desc_query_md(
            self.handle, c.c_int(_QUERY_MD[which]), c.c_int(0)
        )
        return MD(shape, dtype, "dnnl_memory_desc_clone", c.c_void_p(handle))

    @property
    def scratch_bytes(self) -> int:
        """Scratch memory it wants."""
        return self.md("scratch", ()).nbytes

    @property
    def primitive(self) -> int:
        """Handle of the compiled primitive; compiled at first use."""
        if self._primitive is None:
            self._primitive = library().own("primitive", "dnnl_primitive_create", self.handle)
        return int(self._primitive.handle.value or 0)


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


def convolution(src: MD, weights: MD, bias: MD | None, dst: MD, window: Sliding, how: int = DIRECT) -> PD:
    """Cross-correlation: weights (O, C, K), or (groups, O / groups, C / groups, K)."""
    return PD("convolution_forward", library().engine, c.c_int(FORWARD_TRAINING),
              c.c_int(how), src.handle, weights.handle, bias.handle if bias else None,
              dst.handle, *window.arguments, _attributes())  # fmt: skip


def convolution_data(dsrc: MD, weights: MD, ddst: MD, window: Sliding, forward: PD, how: int = DIRECT) -> PD:
    """dx of convolution."""
    return PD("convolution_backward_data", library().engine, c.c_int(how), dsrc.handle,
              weights.handle, ddst.handle, *window.arguments, forward.handle, _attributes())  # fmt: skip


def convolution_weights(
    src: MD, dweights: MD, dbias: MD | None, ddst: MD, window: Sliding, forward: PD, how: int = DIRECT
) -> PD:
    """dW and db of convolution."""
    return PD("convolution_backward_weights", library().engine, c.c_int(how), src.handle,
              dweights.handle, dbias.handle if dbias else None, ddst.handle, *window.arguments,
              forward.handle, _attributes())  # fmt: skip


class Memory:
    """A layout at an address: what primitives take."""

    def __init__(self, md: MD, address: int) -> None:
        engine = library().engine
        self._owned = library().own("memory", "dnnl_memory_create", md.handle, engine, c.c_void_p(address))

    @property
    def handle(self) -> int:
        """The library's handle."""
        return int(self._owned.handle.value or 0)


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
