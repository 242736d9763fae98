"""Loss: one number for a batch, and its gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from koubai.core.params import Array, Shape
from koubai.core.registry import Registry

LOSSES = Registry("loss")


@dataclass(frozen=True)
class Loss:
    """Base of all losses; both faces take the network's output y and the target t.

    | symbol | name                                      | shape                  |
    |--------|-------------------------------------------|------------------------|
    | y      | output of the network                     | (N, K)                 |
    | t      | class labels, or values                   | (N,) int64, or (N, K)  |
    """

    registry_name: ClassVar[str] = ""
    target: ClassVar[str] = "classes"  # or "values"

    def value(self, y: Array, t: Array) -> float:
        """E, the mean over the batch; 0.0 for an empty batch."""
        raise NotImplementedError

    def gradient(self, y: Array, t: Array) -> Array:
        """dE/dy, of the shape of y."""
        raise NotImplementedError

    def decide(self, y: Array) -> Array:
        """Return the predicted class of each row: (N, K) -> (N,) int64; K = 1 means class 1 if y > `cut`."""
        if y.shape[-1] == 1:
            return (y[:, 0] > self.cut).astype("int64")
        return y.argmax(axis=-1)

    cut: ClassVar[float] = 0.0

    def check(self, shape: Shape, classes: int | None) -> str | None:
        """Return a sentence if an output of `shape` does not fit this loss and data, else None."""
        return None
