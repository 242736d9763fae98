"""Changes of what is learned from: inputs and targets of each batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

from koubai.doctor.patient.clinic import Change
from koubai.doctor.trials.changes import Site, change
from koubai.doctor.trials.grips import around_calls, around_functions, map_tensors
from koubai.doctor.watch.program.kinds import LOSSES


def _inputs(site: Site, function: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    """Change the tensors a whole model is called with; what another model put out is none of its inputs."""

    def each(x: torch.Tensor) -> torch.Tensor:
        if x.requires_grad or not x.ndim:
            return x
        site.note()
        return function(x)

    def edit(model: nn.Module, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        return map_tensors(args, each), map_tensors(options, each)

    return around_calls(edit, site.running)


@change("zero_inputs")
def zero_inputs(site: Site, wanted: Change) -> Iterator[None]:
    """Every input is 0."""
    with _inputs(site, torch.zeros_like):
        yield


@change("permute_inputs")
def permute_inputs(site: Site, wanted: Change) -> Iterator[None]:
    """Inputs change places in the batch, each by one."""
    with _inputs(site, lambda x: x.roll(1, 0)):
        yield


@change("standardize_inputs")
def standardize_inputs(site: Site, wanted: Change) -> Iterator[None]:
    """Mean 0 and deviation 1 by feature (of pictures: channel), as the first batch of that shape has them."""
    known: dict[tuple[int, ...], tuple[torch.Tensor, torch.Tensor]] = {}

    def standardized(x: torch.Tensor) -> torch.Tensor:
        if not x.is_floating_point() or x.ndim < 2:
            return x
        shape = tuple(x.shape[1:])
        if shape not in known:
            axes = tuple(axis for axis in range(x.ndim) if axis != 1)
            mean, std = x.mean(axes, keepdim=True), x.std(axes, keepdim=True, correction=0)
            known[shape] = mean, torch.where(std > 1e-6 * (mean.abs() + 1e-6), std, torch.ones_like(std))
        mean, std = known[shape]
        return (x - mean) / std

    with _inputs(site, standardized):
        yield


def _targets(function: Callable[[str, torch.Tensor], torch.Tensor]) -> Any:
    """Change the targets of PyTorch's loss functions, wherever they are called."""

    def edit(name: str, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        if name in LOSSES:
            if len(args) > 1 and isinstance(args[1], torch.Tensor):
                args = (args[0], function(name, args[1]), *args[2:])
            elif isinstance(options.get("target"), torch.Tensor):
                options = options | {"target": function(name, options["target"])}
        return args, options

    return around_functions(edit)


@change("shuffle_labels")
def shuffle_labels(site: Site, wanted: Change) -> Iterator[None]:
    """Targets change places in the batch, in an order drawn again each time."""
    generator = torch.Generator().manual_seed(0)

    def shuffled(name: str, t: torch.Tensor) -> torch.Tensor:
        if not torch.is_grad_enabled() or not t.ndim:
            return t
        site.note()
        return t[torch.randperm(len(t), generator=generator).to(t.device)]

    with _targets(shuffled):
        yield


@change("one_batch")
def one_batch(site: Site, wanted: Change) -> Iterator[None]:
    """The first batch of each shape, inputs and targets, stands for all that follow with gradients."""
    inputs: dict[tuple[Any, ...], torch.Tensor] = {}
    targets: dict[tuple[Any, ...], torch.Tensor] = {}

    def first(known: dict[tuple[Any, ...], torch.Tensor], key: tuple[Any, ...], x: torch.Tensor) -> Any:
        if not torch.is_grad_enabled():
            return x
        if key not in known:
            known[key] = x.detach().clone()
        return known[key]

    def same_inputs(x: torch.Tensor) -> torch.Tensor:
        return first(inputs, tuple(x.shape), x)

    def same_targets(name: str, t: torch.Tensor) -> torch.Tensor:
        return first(targets, (name, *t.shape), t) if inputs else t  # a pair: the inputs come first

    with _inputs(site, same_inputs), _targets(same_targets):
        yield
