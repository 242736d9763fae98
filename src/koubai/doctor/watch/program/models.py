"""What a watch asks about models and optimizers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from koubai.doctor.watch.program.kinds import coupled_decay
from koubai.doctor.watch.program.loose import LooseTensors
from koubai.doctor.watch.program.walk import buffers_of, modules_of, parameters_of, state_of


def unwrapped(model: nn.Module) -> nn.Module:
    """Return the user's own module inside compiled and distributed wrappers."""
    while True:
        if type(model).__name__ == "OptimizedModule":
            model = model._orig_mod
        elif isinstance(model, nn.parallel.DistributedDataParallel | nn.DataParallel):
            model = model.module
        else:
            return model


def is_compiled(model: nn.Module) -> bool:
    """Whether a module or a part of it runs compiled: hooks and function modes do not reach inside."""
    return any(
        type(module).__name__ == "OptimizedModule" or getattr(module, "_compiled_call_impl", None) is not None
        for _, module in modules_of(model)
    )


def is_lazy(model: nn.Module) -> bool:
    """Whether some parameters have no shape before the first batch."""
    return any(
        isinstance(w, UninitializedParameter | UninitializedBuffer)
        for _, w in (*parameters_of(model), *buffers_of(model))
    )


def size_in_bytes(model: nn.Module) -> int:
    """Return the memory of all parameters and buffers."""
    return sum(w.numel() * w.element_size() for w in state_of(model).values())


def have_gradients(parameters: Iterable[torch.Tensor]) -> bool:
    """Whether one of the parameters holds a gradient that is not 0."""
    return any(p.grad is not None and bool(p.grad.count_nonzero()) for p in parameters)


def hands_over(optimizer: Any) -> list[torch.Tensor]:
    """Return the parameters that an optimizer changes."""
    return [p for group in optimizer.param_groups for p in group["params"]]


def first_of(optimizer: Any) -> Any:
    """Return the first of them; None where there are none."""
    return next((p for group in optimizer.param_groups for p in group["params"]), None)


def coupled_decays(optimizers: Iterable[Any], names: Mapping[int, str]) -> dict[str, float]:
    """Return the weight decay that enters the gradient of each parameter that has one, by its name."""
    return {
        names[id(p)]: decay
        for optimizer in optimizers
        for group in optimizer.param_groups
        if (decay := coupled_decay(optimizer, group))
        for p in group["params"]
        if id(p) in names
    }


def is_copy(module: nn.Module, root: nn.Module) -> bool:
    """Whether a module is another one than the root, and built as it is."""
    if module is root or type(module) is not type(root) or isinstance(root, LooseTensors):
        return False
    one, other = ([(name, p.shape) for name, p in parameters_of(each)] for each in (module, root))
    return one == other and not {id(p) for _, p in parameters_of(module)} & {
        id(p) for _, p in parameters_of(root)
    }
