"""Nested: the tensors in whatever a model is called with or puts out."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import torch


def tensors(value: Any) -> list[torch.Tensor]:
    """Return all tensors in a value, in order.

    It may be a tensor, or nested tuples, lists, dicts, packed sequences, distributions and objects with
    tensors as fields.
    """
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, Mapping):
        inner: Any = value.values()
    elif isinstance(value, tuple | list):
        inner = value
    elif isinstance(value, torch.distributions.Distribution):
        own = vars(value)
        inner = [own[name] for name in (*value.arg_constraints, "base_dist") if name in own]
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        inner = [getattr(value, f.name, None) for f in dataclasses.fields(value)]
    else:
        inner = ()
    return [tensor for item in inner for tensor in tensors(item)]


def first_tensor(value: Any) -> torch.Tensor | None:
    """Return the first tensor in such a value; None without any."""
    return next(iter(tensors(value)), None)
