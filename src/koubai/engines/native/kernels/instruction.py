"""Functions for kernels that are written as instructions of LLVM, where Python has no word for them."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic


def instruction(result: Any, *arguments: Any) -> Callable[[Callable[..., Any]], Any]:
    """Decorator: `build(builder, *values)` writes the instructions for values of these types.

    It returns what they compute, several values as a list; nothing where `result` is `types.none`.
    """

    def decorated(build: Callable[..., Any]) -> Any:
        @wraps(build)  # Numba reads the names of the arguments
        def typed(typing: Any, *values: Any) -> Any:
            def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
                made = build(builder, *args)
                if result is types.none:
                    return context.get_dummy_value()
                return context.make_tuple(builder, result, made) if isinstance(made, list) else made

            return result(*arguments), generate

        return intrinsic(typed)

    return decorated


def call_llvm(builder: Any, name: str, result: Any, *values: Any, **options: Any) -> Any:
    """What one of LLVM's own functions computes."""
    kind = ir.FunctionType(result, [value.type for value in values])
    function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.{name}")
    return builder.call(function, values, **options)
