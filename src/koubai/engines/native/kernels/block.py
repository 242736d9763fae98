"""Blocks: what a kernel is given, by name.

A block is a NamedTuple of addresses, whole numbers, float64 numbers, tuples of such numbers, and other
blocks. An op fills it with tensors and buffers; linking turns it into numbers of 64 bits, in order; the
kernel gets the address of the first and reads them as fields, at no more cost than from an array.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from struct import Struct
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np
from llvmlite import ir
from numba import types
from numba.core.imputils import lower_getattr_generic, lower_setattr_generic
from numba.core.typing.templates import AttributeTemplate, infer_getattr
from numba.extending import intrinsic, models, register_model


class Pointer:
    """Something in memory, whose address is known once a program is linked (instructions.py)."""

    def __add__(self, nbytes: int) -> Pointer:
        """So many bytes further on."""
        raise NotImplementedError


Address = int | Pointer  # 0 where there is nothing


def flat(block: Any) -> Iterator[Any]:
    """The numbers of a block, and of the blocks in it, in order."""
    for field in block:
        if isinstance(field, tuple):
            yield from flat(field)
        else:
            yield field


@cache
def packing(kind: type) -> Struct:
    """How a kind of block becomes bytes: 8 for each number."""
    return Struct("".join("d" if field is float else "q" for field in _numbers(kind)))


@cache
def record(kind: type) -> np.dtype[Any]:
    """A kind of block as NumPy's type, for those that lie in arrays."""
    return np.dtype([(name, _number(field)) for name, field in get_type_hints(kind).items()])


def addresses(records: np.ndarray[Any, Any]) -> list[int]:
    """Where each of the records in an array lies."""
    return [records.ctypes.data + number * records.strides[0] for number in range(len(records))]


def _numbers(kind: type) -> Iterator[Any]:
    for field in get_type_hints(kind).values():
        if _is_block(field):
            yield from _numbers(field)
        elif get_origin(field) is tuple:
            yield from get_args(field)
        else:
            yield field


def _number(field: Any) -> Any:
    if _is_block(field):
        return record(field)
    if get_origin(field) is tuple:
        return _number(get_args(field)[0]), len(get_args(field))
    return np.float64 if field is float else np.int64


def _is_block(field: Any) -> bool:
    return isinstance(field, type) and hasattr(field, "_fields")


class BlockType(types.Type):
    """What Numba takes a kind of block for: the address of its first number.

    A number is read whenever it is asked for. Telling LLVM that blocks do not change (`invariant.load`) made
    convolutions by windows some 4 % slower on Zen 5.
    """

    def __init__(self, kind: type) -> None:
        super().__init__(f"{kind.__module__}.{kind.__qualname__}")
        self.fields: dict[str, tuple[Any, int]] = {}  # type, numbers before it
        at = 0
        for name, field in get_type_hints(kind).items():
            self.fields[name] = self._type(field), at
            at += record(kind)[name].itemsize // 8

    def _type(self, field: Any) -> Any:
        if _is_block(field):
            return BlockType(field)
        if get_origin(field) is tuple:
            first, *_ = numbers = get_args(field)
            return types.UniTuple(self._type(first), len(numbers))
        return types.float64 if field is float else types.int64

    def place(self, builder: Any, address: Any, name: str, kind: ir.Type, number: int = 0) -> Any:
        """Where a number of a field lies."""
        at = builder.gep(address, [ir.Constant(ir.IntType(64), self.fields[name][1] + number)])
        return builder.bitcast(at, kind.as_pointer())


@register_model(BlockType)
class _Model(models.PrimitiveModel):
    def __init__(self, manager: Any, block: BlockType) -> None:
        super().__init__(manager, block, ir.IntType(64).as_pointer())


@infer_getattr
class _Fields(AttributeTemplate):
    key = BlockType

    def generic_resolve(self, block: BlockType, name: str) -> Any:
        return block.fields[name][0] if name in block.fields else None


@lower_getattr_generic(BlockType)
def _load(context: Any, builder: Any, block: BlockType, address: Any, name: str) -> Any:
    field, _ = block.fields[name]
    if isinstance(field, BlockType):
        return block.place(builder, address, name, ir.IntType(64))
    if isinstance(field, types.UniTuple):
        kind = context.get_value_type(field.dtype)
        places = (block.place(builder, address, name, kind, number) for number in range(field.count))
        return context.make_tuple(builder, field, [builder.load(place) for place in places])
    return builder.load(block.place(builder, address, name, context.get_value_type(field)))


@lower_setattr_generic(BlockType)
def _store(context: Any, builder: Any, signature: Any, args: Any, name: str) -> None:
    (block, kind), (address, value) = signature.args, args
    field, _ = block.fields[name]
    place = block.place(builder, address, name, context.get_value_type(field))
    builder.store(context.cast(builder, value, kind, field), place)


@intrinsic
def block_at(typing: Any, address: Any, kind: Any) -> Any:
    """The block of a kind at an address; what is written to its fields is written there."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], context.get_value_type(signature.return_type))

    return BlockType(kind.instance_class)(types.int64, kind), generate
