"""Window: the arithmetic that convolution and pooling share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import ceil

import numpy as np

from koubai.core.errors import SettingError, ShapeError
from koubai.core.params import Shape
from koubai.words.phrase import phrase, term

_AXES = {1: ("length",), 2: ("height", "width")}


def out_size(size: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """Number of positions of a window along one axis (Dumoulin and Visin 2016, relationship 15).

        floor((size + 2 padding - dilation (kernel - 1) - 1) / stride) + 1

    >>> out_size(6, kernel=2, stride=1, padding=1), out_size(8, kernel=3, stride=2, padding=1)
    (7, 4)
    """
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def per_axis(value: int | tuple[int, ...], rank: int) -> tuple[int, ...]:
    """One number for each of `rank` axes: an int stands for all of them; else raise SettingError."""
    numbers = (value,) * rank if isinstance(value, int) else tuple(value)
    if len(numbers) != rank:
        raise SettingError("needs_one_number_an_axis", count=rank, got=value)
    return numbers


@dataclass(frozen=True)
class Window:
    """A window that slides over the space axes; every field holds one number per axis."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]

    def out(self, space: Shape) -> Shape:
        """Number of positions along each axis; raise ShapeError where the window does not fit."""
        out = tuple(
            out_size(*numbers)
            for numbers in zip(space, self.kernel, self.stride, self.padding, self.dilation, strict=True)
        )
        for axis, positions in enumerate(out):
            if positions < 1:
                raise self._misfit(space, axis, positions)
        return out

    def without_padding(self) -> Window:
        """The same window on an input that is padded already."""
        return replace(self, padding=(0,) * len(self.padding))

    def _misfit(self, space: Shape, axis: int, positions: int) -> ShapeError:
        n, k, s = space[axis], self.kernel[axis], self.stride[axis]
        p, d = self.padding[axis], self.dilation[axis]
        largest, padding = (n + 2 * p - 1) // d + 1, ceil((d * (k - 1) + 1 - n) / 2)
        padded = phrase("padding_of_at_least", padding=padding)
        smaller = phrase("window_of_at_most_or_padding", size=largest, padding=padding)
        return ShapeError(
            "window_does_not_fit",
            axis=term("axis", _AXES[len(space)][axis]),
            positions=positions,
            shape=" x ".join(map(str, space)),
            expected=f"floor(({n} + 2*{p} - {d}*({k} - 1) - 1) / {s}) + 1 >= 1",
            hint=smaller if largest >= 1 else padded,
        )

    def positions(self, out: Shape) -> Iterator[tuple[int, tuple[slice, ...]]]:
        """Yield, for each element of the kernel, its number and where it lies in the padded input."""
        for number, offset in enumerate(np.ndindex(*self.kernel)):
            starts = [d * o for d, o in zip(self.dilation, offset, strict=True)]
            yield (
                number,
                tuple(
                    slice(start, start + s * (n - 1) + 1, s)
                    for start, s, n in zip(starts, self.stride, out, strict=True)
                ),
            )


def check_rank(shape: Shape, rank: int) -> None:
    """Raise ShapeError unless `shape` is channels and `rank` space axes."""
    if len(shape) == rank + 1:
        return
    letters = ", ".join(("C", *("L",) * (rank == 1), *("H", "W") * (rank == 2)))
    hint = phrase("put_it_before_flatten") if len(shape) == 1 else None
    if len(shape) == rank and rank == 2:
        hint = phrase("give_a_channel_axis", shape=(1, *shape))
    raise ShapeError(
        "takes_channels_and_one_axis" if rank == 1 else "takes_channels_and_two_axes",
        expected=f"({letters})",
        got=shape,
        hint=hint,
    )
