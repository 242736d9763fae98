"""Blocks: what a kernel is given, by name.

A block is a NamedTuple of addresses, whole numbers, float64 numbers, and other blocks. An op fills it with
tensors and buffers; linking turns it into 64-bit words, in order; the kernel gets it back with addresses in
their place, each word read once.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from struct import Struct
from typing import Any, get_type_hints

from llvmlite import ir
from numba import types
from numba.core.imputils import lower_getattr_generic
from numba.core.typing.templates import AttributeTemplate, infer_getattr
from numba.extending import intrinsic, models, register_model


class Place:
    """Something in memory, whose address is known once a program is linked (instructions.py)."""

    def __add__(self, nbytes: int) -> Place:
        """So many bytes further on."""
        raise NotImplementedError


Address = int | Place  # 0 where there is nothing


def flat(block: Any) -> Iterator[Any]:
    """The fields of a block, and of the blocks in it, in order."""
    for field in block:
        if isinstance(field, tuple):
            yield from flat(field)
        else:
            yield field


@cache
def words(kind: type) -> Struct:
    """How the fields of a kind of block become words."""
    return Struct("".join("d" if field is float else "q" for field in _fields(kind)))


def _fields(kind: type) -> Iterator[Any]:
    for field in get_type_hints(kind).values():
        if _is_block(field):
            yield from _fields(field)
        else:
            yield field


def _is_block(field: Any) -> bool:
    return isinstance(field, type) and issubclass(field, tuple)


class BlockType(types.Type):
    """What Numba takes a kind of block for: the address of its first word."""

    def __init__(self, kind: type) -> None:
        super().__init__(f"{kind.__module__}.{kind.__qualname__}")
        self.fields: dict[str, tuple[Any, int]] = {}  # type, words before it
        at = 0
        for name, field in get_type_hints(kind).items():
            inner = _is_block(field)
            self.fields[name] = (
                BlockType(field) if inner else types.float64 if field is float else types.int64,
                at,
            )
            at += words(field).size // 8 if inner else 1


@register_model(BlockType)
class _Model(models.PrimitiveModel):
    def __init__(self, manager: Any, block: BlockType) -> None:
        super().__init__(manager, block, ir.IntType(64).as_pointer())


@infer_getattr
class _Fields(AttributeTemplate):
    key = BlockType

    def generic_resolve(self, block: BlockType, name: str) -> Any:
        return block.fields[name][0]


@lower_getattr_generic(BlockType)
def _load(context: Any, builder: Any, block: BlockType, value: Any, name: str) -> Any:
    field, at = block.fields[name]
    place = builder.gep(value, [ir.Constant(ir.IntType(64), at)])
    if isinstance(field, BlockType):
        return place
    load = builder.load(builder.bitcast(place, context.get_value_type(field).as_pointer()))
    load.set_metadata("invariant.load", builder.module.add_metadata([]))
    return load


@intrinsic
def read(typing: Any, address: Any, kind: Any) -> Any:
    """The block of a kind at an address."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], context.get_value_type(signature.return_type))

    return BlockType(kind.instance_class)(types.int64, kind), generate
