"""A tensor that NumPy formulas can work on where it lies.

The update rules and penalties are written on arrays (`w -= alpha * m / np.sqrt(v)`). On a CPU a tensor and an
array share memory; elsewhere this wrapper answers NumPy's functions with PyTorch's of the same name.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.lib.mixins import NDArrayOperatorsMixin

from koubai.engines.torch.formula import to_array

_OTHER_NAMES = {"power": "pow", "absolute": "abs", "negative": "neg"}


class TensorArray(NDArrayOperatorsMixin):
    """An array backed by a tensor on any device; in-place operators change the tensor."""

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = tensor

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape."""
        return tuple(self.tensor.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy type of the elements."""
        return np.dtype(str(self.tensor.dtype).removeprefix("torch."))

    def astype(self, dtype: Any, copy: bool = True) -> TensorArray:
        """Return the values in another type."""
        return TensorArray(self.tensor.to(getattr(torch, np.dtype(dtype).name), copy=copy))

    def sum(self, dtype: Any = None) -> Any:
        """Sum over all elements, as a number."""
        wanted = getattr(torch, np.dtype(dtype).name) if dtype is not None else None
        return self.tensor.sum(dtype=wanted).item()

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        out = options.pop("out", (None,))[0]
        function = getattr(torch, _OTHER_NAMES.get(ufunc.__name__, ufunc.__name__), None)
        if method != "__call__" or options or function is None:
            return NotImplemented
        result = function(*(self._operand(x) for x in inputs))
        if out is None:
            return TensorArray(result)
        out.tensor.copy_(result)
        return out

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        if function is np.clip:
            x, low, high = args[:3]
            return np.minimum(np.maximum(x, low), high, out=options.get("out"))
        if function is np.where:
            return TensorArray(torch.where(*(self._operand(x) for x in args)))
        if function is np.zeros_like:
            return TensorArray(torch.zeros_like(args[0].tensor))
        return NotImplemented

    def _operand(self, x: Any) -> torch.Tensor:
        if isinstance(x, TensorArray):
            return x.tensor
        # A number takes the type of the array it meets, as in NumPy.
        return torch.as_tensor(x, dtype=self.tensor.dtype, device=self.tensor.device)


def array_of(tensor: torch.Tensor) -> Any:
    """Return something that NumPy formulas can change in place: the tensor itself changes."""
    return to_array(tensor) if tensor.device.type == "cpu" else TensorArray(tensor.detach())
