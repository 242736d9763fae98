"""Walk: the modules and parameters of a model, whatever the user made of `parameters()` and its kin."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn


def modules_of(root: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield (path, module) of a module and everything inside it, each once, in the order of definition."""
    seen: set[int] = set()
    waiting: list[tuple[str, nn.Module]] = [("", root)]
    while waiting:
        path, module = waiting.pop()
        if id(module) in seen:
            continue
        seen.add(id(module))
        yield path, module
        inner = [
            (f"{path}.{name}" if path else name, part)
            for name, part in list(_inside(module, "_modules"))
            if part is not None
        ]
        waiting.extend(reversed(inner))


def parameters_of(root: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """Yield (path, parameter), each once."""
    yield from _tensors(root, "_parameters")


def buffers_of(root: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield (path, buffer), each once."""
    yield from _tensors(root, "_buffers")


def unlisted_of(root: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """Yield (path, parameter) of modules that stand in plain lists, tuples or dictionaries of a model.

    PyTorch does not know them: they are in no `parameters()`, `state_dict()` or `to()`.
    """
    listed = {id(module) for _, module in modules_of(root)}
    for path, module in list(modules_of(root)):
        for name, held in vars(module).items():
            if name.startswith("_"):  # PyTorch's own
                continue
            for place, part in _held(held, f"{path}.{name}" if path else name):
                if id(part) not in listed:
                    listed |= {id(inner) for _, inner in modules_of(part)}
                    yield from ((f"{place}.{inner}", p) for inner, p in parameters_of(part))


def _held(value: object, place: str) -> Iterator[tuple[str, nn.Module]]:
    """Yield the modules in a container, and in those inside it."""
    if isinstance(value, list | tuple):
        items = [(f"{place}[{i}]", one) for i, one in enumerate(value)]
    elif isinstance(value, dict):
        items = [(f"{place}[{key!r}]", one) for key, one in value.items()]
    else:
        return
    for path, one in items:
        if isinstance(one, nn.Module):
            yield path, one
        else:
            yield from _held(one, path)


def own_parameters(module: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """Yield (name, parameter) of a module alone, without those inside it."""
    return ((name, p) for name, p in list(_inside(module, "_parameters")) if p is not None)


def children_of(module: nn.Module) -> list[nn.Module]:
    """Return the modules right inside one."""
    return [part for _, part in _inside(module, "_modules") if part is not None]


def state_of(root: nn.Module) -> dict[str, torch.Tensor]:
    """Return all parameters and buffers by path, detached; no hook of the user's is run."""
    return {path: w.detach() for path, w in (*parameters_of(root), *buffers_of(root))}


def copy_of(root: nn.Module) -> dict[str, torch.Tensor]:
    """Return copies of all parameters and buffers by path."""
    return {path: w.clone() for path, w in state_of(root).items()}


def put_back(root: nn.Module, state: dict[str, torch.Tensor]) -> None:
    """Write a copy of the state back into a model, whose tensors stay the same objects."""
    with torch.no_grad():
        for path, w in state_of(root).items():
            if path in state and state[path].shape == w.shape:
                w.copy_(state[path])


def _tensors(root: nn.Module, kind: str) -> Iterator[tuple[str, torch.Tensor]]:
    seen: set[int] = set()
    for path, module in modules_of(root):
        for name, w in list(_inside(module, kind)):
            if isinstance(w, torch.Tensor) and id(w) not in seen:
                seen.add(id(w))
                yield (f"{path}.{name}" if path else name), w


def _inside(module: nn.Module, kind: str) -> list[tuple[str, object]]:
    held = vars(module).get(kind)
    if held is None:  # a scripted module keeps its parts elsewhere
        held = getattr(module, kind, {})
    return list(held.items())
