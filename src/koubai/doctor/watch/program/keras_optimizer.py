"""Keras' optimizers on its PyTorch backend, as a watch knows optimizers: by `param_groups`."""

from __future__ import annotations

import sys
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary, ref


class KerasOptimizer:
    """What an optimizer of Keras changes, and at which rate: read again each time.

    Its weight decay shrinks weights beside the gradient's step (as AdamW's does), and enters no gradient.
    """

    def __init__(self, theirs: Any) -> None:
        self._theirs = ref(theirs)

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """One group; none when the optimizer is no more."""
        theirs = self._theirs()
        if theirs is None:
            return []
        group = {
            "params": [variable.value for variable in theirs._trainable_variables],
            "lr": float(theirs.learning_rate),
            "momentum": float(getattr(theirs, "momentum", 0.0) or 0.0),
            "eps": float(getattr(theirs, "epsilon", 0.0) or 0.0),
            "decoupled_weight_decay": True,
        }
        if hasattr(theirs, "beta_1") and hasattr(theirs, "beta_2"):
            group["betas"] = (float(theirs.beta_1), float(theirs.beta_2))
        return [group]

    @property
    def origin(self) -> Any:
        """The optimizer itself; None when it is no more."""
        return self._theirs()


_known: WeakKeyDictionary[Any, KerasOptimizer] = WeakKeyDictionary()


def as_torch(theirs: Any) -> KerasOptimizer:
    """Return the same object for the same optimizer; its class has the optimizer's name."""
    if theirs not in _known:
        _known[theirs] = _class_of(type(theirs).__name__)(theirs)
    return _known[theirs]


@cache
def _class_of(name: str) -> type[KerasOptimizer]:
    return type(name, (KerasOptimizer,), {})


def keras_optimizer() -> Any:
    """Return the class of all of Keras' optimizers; None where Keras is not there, or not on PyTorch."""
    module = sys.modules.get("keras.src.optimizers.base_optimizer")
    backend: Any = sys.modules.get("keras.src.backend")
    if module is None or not hasattr(backend, "backend") or backend.backend() != "torch":
        return None
    return getattr(module, "BaseOptimizer", None)
