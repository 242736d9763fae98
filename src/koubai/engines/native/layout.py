"""Layout: where the elements of a batch lie in memory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

import numpy as np

from koubai.core.params import Array, Shape


@dataclass(frozen=True)
class Layout:
    """Element (c, s) of a sample, logical number c S + s, lies at a place given by `block`.

    | block | place                                  | called                        |
    |-------|----------------------------------------|-------------------------------|
    | 1     | c S + s                                | plain (channels first)        |
    | C     | s C + c                                | channels last                 |
    | B     | ((c // B) S + s) B + c % B             | blocked, zeros fill the last  |

    C channels and S places are those of the tensor that made the layout; a reshape keeps it, because it keeps
    the logical numbers. Where C or S is 1 all three are the same, and written as plain.
    """

    rows: int
    channels: int
    space: int
    block: int = 1
    half: bool = False  # bfloat16 numbers, two bytes each, instead of float32

    def __post_init__(self) -> None:
        if self.block == 1 or self.space == 1 or self.channels == 1:
            object.__setattr__(self, "channels", self.channels * self.space)
            object.__setattr__(self, "space", 1)
            object.__setattr__(self, "block", 1)

    @classmethod
    def plain(cls, rows: int, shape: Shape) -> Layout:
        """C order."""
        return cls(rows, prod(shape), 1)

    @classmethod
    def last(cls, rows: int, shape: Shape) -> Layout:
        """Channels (first axis of `shape`) innermost."""
        return cls(rows, shape[0], prod(shape[1:]), shape[0])

    @classmethod
    def blocked(cls, rows: int, shape: Shape, block: int) -> Layout:
        """Channels in blocks."""
        return cls(rows, shape[0], prod(shape[1:]), block)

    @property
    def is_plain(self) -> bool:
        """Whether memory order is logical order."""
        return self.block == 1

    @property
    def is_last(self) -> bool:
        """Whether channels lie innermost."""
        return not self.is_plain and self.block == self.channels

    @property
    def features(self) -> int:
        """Elements of a sample."""
        return self.channels * self.space

    @property
    def elements(self) -> int:
        """Elements of the batch, with padding."""
        blocks = -(-self.channels // self.block)
        return self.rows * blocks * self.block * self.space

    @property
    def nbytes(self) -> int:
        """Bytes of the batch."""
        return self.elements * (2 if self.half else 4)

    def as_half(self, half: bool = True) -> Layout:
        """The same places for numbers of another size."""
        return replace(self, half=half)

    def numbers(self) -> Array:
        """Logical number of each place of a sample; -1 in padding."""
        if self.is_plain:
            return np.arange(self.features)
        blocks = -(-self.channels // self.block)
        c = np.arange(blocks * self.block).reshape(blocks, 1, self.block)
        s = np.arange(self.space).reshape(1, self.space, 1)
        return np.where(c < self.channels, c * self.space + s, -1).ravel()

    def __str__(self) -> str:
        name = "plain" if self.is_plain else "channels last" if self.is_last else f"blocks of {self.block}"
        return f"{name} bfloat16" if self.half else name
