"""Changes of the models themselves: mode, dropout, initial weights, blocks, precision."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from math import sqrt
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

from koubai.doctor.patient.clinic import Change
from koubai.doctor.trials.changes import Site, change
from koubai.doctor.trials.grips import around_calls, around_functions, around_steps, map_tensors

_ALIKE = 3  # blocks of one kind in one place: what is repeated so often is the body of a network


@change("train_mode")
def train_mode(site: Site, wanted: Change) -> Iterator[None]:
    """A module that is called with gradients is in training mode for this call."""
    changed: list[nn.Module] = []

    def before(module: nn.Module, args: Any) -> None:
        if torch.is_grad_enabled() and not module.training:
            module.training = True
            changed.append(module)
            site.note()

    def after(module: nn.Module, args: Any, output: Any) -> None:
        if changed and changed[-1] is module:
            changed.pop().training = False

    handles = (
        register_module_forward_pre_hook(before),
        register_module_forward_hook(after, always_call=True),
    )
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@change("no_dropout")
def no_dropout(site: Site, wanted: Change) -> Iterator[None]:
    """Dropout keeps everything: of modules, of functions, and inside attention."""

    def edit(name: str, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        if "dropout" in name and len(args) > 1:
            args = (args[0], 0.0, *args[2:])
            site.note()
        for key in ("p", "dropout_p"):
            if ("dropout" in name or "attention" in name) and options.get(key):
                options = options | {key: 0.0}
                site.note()
        return args, options

    with around_functions(edit):
        yield


def _weights(site: Site) -> Iterator[tuple[nn.Module, torch.Tensor]]:
    """The matrices and filters that mix features; embeddings look up and do not mix."""
    for model in site.models:
        for module in model.modules():
            weight = getattr(module, "weight", None)
            if isinstance(weight, torch.Tensor) and weight.ndim >= 2 and not isinstance(module, nn.Embedding):
                yield module, weight


@change("init_scale")
def init_scale(site: Site, wanted: Change) -> Iterator[None]:
    """Initial weights times `value`; biases stay."""
    with torch.no_grad():
        for _, weight in _weights(site):
            weight.mul_(wanted.value or 1.0)
            site.note()
    yield


@change("init_suitable")
def init_suitable(site: Site, wanted: Change) -> Iterator[None]:
    """Initial weights scaled to deviation sqrt(2 / fan_in) (He et al. 2015), drawn again where equal."""
    with torch.no_grad():
        generator = torch.Generator().manual_seed(0)
        for _, weight in _weights(site):
            fan_in = weight[0].numel()
            spread = float(weight.std()) if weight.numel() > 1 else 0.0
            if not spread:
                weight.copy_(torch.randn(weight.shape, generator=generator))
                spread = 1.0
            weight.mul_(sqrt(2 / fan_in) / spread)
            site.note()
    yield


@change("init_embeddings")
def init_embeddings(site: Site, wanted: Change) -> Iterator[None]:
    """Embeddings scaled to deviation 1 / sqrt(width): products of two of them then spread about as much."""
    with torch.no_grad():
        for model in site.models:
            for module in model.modules():
                if isinstance(module, nn.Embedding | nn.EmbeddingBag) and module.embedding_dim > 1:
                    spread = float(module.weight.std())
                    if spread:
                        module.weight.mul_(module.embedding_dim**-0.5 / spread)
                        site.note()
    yield


@change("init_new")
def init_new(site: Site, wanted: Change) -> Iterator[None]:
    """Every module draws its parameters again, with PyTorch's defaults; the random state stays."""
    state = torch.get_rng_state()
    torch.manual_seed(int(wanted.value or 1))
    for model in site.models:
        for module in model.modules():
            reset = getattr(module, "reset_parameters", None)
            if callable(reset):
                reset()
                site.note()
    torch.set_rng_state(state)
    yield


def _blocks(model: nn.Module) -> list[nn.Module]:
    """Modules of one class, at least three in a list or a sequence, that have parts of their own."""
    found: list[nn.Module] = []
    for container in model.modules():
        if not isinstance(container, nn.ModuleList | nn.Sequential):
            continue
        inner = [part for part in container if any(True for _ in part.children())]
        for kind in {type(part) for part in inner}:
            alike = [part for part in inner if type(part) is kind]
            found += alike if len(alike) >= _ALIKE else []
    return found


@change("residual_scale")
def residual_scale(site: Site, wanted: Change) -> Iterator[None]:
    """A block that puts out y for x puts out x + value (y - x); 1 / sqrt(blocks) without a value."""

    def scaled(factor: float) -> Any:
        def hook(module: nn.Module, args: Any, output: Any) -> Any:
            x = args[0] if args else None
            if isinstance(x, torch.Tensor) and isinstance(output, torch.Tensor) and x.shape == output.shape:
                site.note()
                return x + factor * (output - x)
            return output

        return hook

    with ExitStack() as stack:
        for model in site.models:
            blocks = _blocks(model)
            for block in blocks:
                factor = wanted.value or 1 / sqrt(len(blocks))
                stack.callback(block.register_forward_hook(scaled(factor)).remove)
        yield


@change("double")
def double(site: Site, wanted: Change) -> Iterator[None]:
    """Models, what they are called with, and what their optimizers remember, in float64 from here on."""

    def wide(tensor: torch.Tensor) -> torch.Tensor:
        return tensor.double() if tensor.is_floating_point() else tensor

    def edit(model: nn.Module, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        model.double()
        site.note()
        return map_tensors(args, wide), map_tensors(options, wide)

    def before(optimizer: Any) -> None:
        for p, state in optimizer.state.items():
            for key, value in state.items():
                if isinstance(value, torch.Tensor) and value.shape == p.shape:
                    state[key] = value.to(p.dtype)

    def targets(name: str, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        if name.endswith(("_loss", "cross_entropy", "_with_logits")):
            return map_tensors(args, wide), map_tensors(options, wide)
        return args, options

    with around_calls(edit, site.running), around_functions(targets), around_steps(before):
        yield
