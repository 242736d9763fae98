"""Prepared: inputs that koubai has prepared, and that therefore are not prepared again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from koubai.core.params import Array
from koubai.data.scale import InputScale


class Prepared(np.ndarray[Any, Any]):
    """Inputs of a Dataset with the scale they are on: an array like any other.

    Rows of it and copies keep the mark. What is computed from it is `computed`: nobody but the one who
    computed it knows on which scale. `np.asarray(x)` takes the mark off.
    """

    scale: InputScale | None
    computed: bool

    def __array_finalize__(self, source: object) -> None:
        self.scale = getattr(source, "scale", None)
        self.computed = getattr(source, "computed", False)

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        """A number is a number: only arrays carry the mark."""
        if array.ndim == 0:
            return array[()]
        return prepared(np.asarray(array), self.scale, computed=True)

    def __reduce__(self) -> tuple[Callable[..., Prepared], tuple[Array, InputScale | None, bool]]:
        return prepared, (np.asarray(self), self.scale, self.computed)

    def __repr__(self) -> str:
        return repr(np.asarray(self))


def prepared(x: Array, scale: InputScale | None, computed: bool = False) -> Prepared:
    """Return an array with the mark of its scale; its memory is shared."""
    marked = x.view(Prepared)
    marked.scale, marked.computed = scale, computed
    marked.setflags(write=x.flags.writeable)
    return marked
