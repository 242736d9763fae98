"""What a layer asks for: its parameters and its buffers."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class ParamSpec:
    """One trained tensor: its shape, its initial values and whether penalties act on it.

    `fan_in` and `fan_out` count the inputs to and outputs of one unit (for a convolution times the
    kernel's area); initializers take their scale from them. `initializer` None means the network's own.
    """

    shape: Shape
    initializer: Any = None
    fan_in: int = 1
    fan_out: int = 1
    penalized: bool = True

    @property
    def size(self) -> int:
        """Number of elements."""
        return prod(self.shape)


@dataclass(frozen=True)
class BufferSpec:
    """One tensor a layer keeps but does not train, such as a running mean."""

    shape: Shape
    fill: float = 0.0
