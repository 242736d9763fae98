"""A tensor that NumPy formulas can work on where it lies, on any device.

The update rules and penalties are written on arrays (`w -= alpha * m / np.sqrt(v)`). This wrapper answers
NumPy's functions with PyTorch's, so the formula as it stands runs where the parameters are. Its numbers go
along as arguments of the kernels; a captured graph has them read from memory instead (`numbers`).
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.lib.mixins import NDArrayOperatorsMixin

NumberMaker = Callable[[float], Any]
"""Gives for each number that a formula uses, in order, what a kernel is to take: itself, or a tensor ()."""

_BINARY: dict[str, tuple[Callable[..., Any], Callable[..., Any] | None]] = {
    "add": (operator.add, operator.iadd),
    "subtract": (operator.sub, operator.isub),
    "multiply": (operator.mul, operator.imul),
    "true_divide": (operator.truediv, operator.itruediv),
    "divide": (operator.truediv, operator.itruediv),
    "power": (operator.pow, operator.ipow),
    "maximum": (lambda x, y: _extreme(torch.maximum, x, y), None),
    "minimum": (lambda x, y: _extreme(torch.minimum, x, y), None),
    "greater": (operator.gt, None),
    "less": (operator.lt, None),
}
_UNARY: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "sqrt": torch.sqrt,
    "square": torch.square,
    "sign": torch.sign,
    "absolute": torch.abs,
    "negative": torch.neg,
    "exp": torch.exp,
    "log": torch.log,
}


def as_it_is(number: float) -> float:
    """Return a number as it is."""
    return number


class TensorArray(NDArrayOperatorsMixin):
    """An array backed by a tensor; in-place operators change the tensor."""

    def __init__(self, tensor: torch.Tensor, numbers: NumberMaker = as_it_is) -> None:
        self.tensor = tensor.detach()
        self.numbers = numbers

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        out = options.pop("out", (None,))[0]
        name = ufunc.__name__
        if method != "__call__" or options or (name not in _BINARY and name not in _UNARY):
            return NotImplemented
        if name in _UNARY:
            result = _UNARY[name](self._operand(inputs[0]))
        else:
            x, y = (self._operand(each) for each in inputs)
            function, in_place = _BINARY[name]
            if out is not None and in_place is not None and x is out.tensor:
                in_place(x, y)
                return out
            result = function(x, y)
        if out is None:
            return TensorArray(result, self.numbers)
        out.tensor.copy_(result)
        return out

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        if function is np.where:
            return TensorArray(torch.where(*(self._operand(x) for x in args)), self.numbers)
        if function is np.zeros_like:
            return TensorArray(torch.zeros_like(args[0].tensor), self.numbers)
        return NotImplemented

    def _operand(self, x: Any) -> Any:
        return x.tensor if isinstance(x, TensorArray) else self.numbers(x)


def _extreme(of_two: Callable[..., torch.Tensor], x: Any, y: Any) -> torch.Tensor:
    tensor, other = (x, y) if isinstance(x, torch.Tensor) and x.ndim else (y, x)
    if isinstance(other, torch.Tensor):
        return of_two(tensor, other)
    of_one = torch.clamp_min if of_two is torch.maximum else torch.clamp_max
    return of_one(tensor, other)


class ArrayTracer(NDArrayOperatorsMixin):
    """Stands for an array of which nothing is computed: hears which functions meet it, and with what numbers.

    Two steps whose `functions` are the same differ in their `heard` alone.
    """

    def __init__(self, functions: list[str], heard: list[float]) -> None:
        self.functions, self.heard = functions, heard

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        return self._meets(ufunc.__name__, inputs, options.get("out", (self,))[0])

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        return self._meets(function.__name__, args, self)

    def _meets(self, name: str, inputs: Any, result: ArrayTracer) -> ArrayTracer:
        self.functions.append(name)
        self.heard += [x for x in inputs if not isinstance(x, ArrayTracer)]
        return result
