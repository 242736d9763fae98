"""A torch.nn.Module as layers and weights of koubai, where it is made of modules that koubai has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from torch import nn

from koubai import layers
from koubai.core.errors import ConfigError, Problem, ShapeError
from koubai.core.layer import Layer
from koubai.core.params import Array, Shape
from koubai.exchange import torch_modules as ours
from koubai.exchange.refused import NotExchangeable, need
from koubai.exchange.to_torch import PLAIN, as_array
from koubai.network.network import Network, Weights, join
from koubai.words.phrase import phrase

_OF_PLAIN = {
    theirs: layer for layer, theirs in PLAIN.items() if theirs not in (nn.GELU, nn.Flatten, nn.Softplus)
}


def from_torch(module: nn.Module, in_shape: Shape | None = None) -> tuple[Network, Weights]:
    """Return a module's layers, wired for inputs (N, *in_shape), and copies of its arrays.

    `in_shape` may be left away where the first layer is an nn.Linear. A module with a `forward` of its own
    says nothing of what it computes, so it is refused: nn.Sequential, koubai's Residual and Concatenate, and
    PyTorch's layers are understood.

    Raises:
        ConfigError: every module that cannot be a layer, by its path, with the reason.
        ShapeError: layers that do not fit each other, or an input shape that is needed and not given.
    """
    problems: list[Problem] = []
    layer = _layer(module, "", problems)
    if problems:
        raise ConfigError("from_torch", problems)
    if in_shape is None:
        first = next((part for part in module.modules() if not list(part.children())), module)
        if not isinstance(first, nn.Linear):
            raise ShapeError("in_shape_cannot_be_read_off", where="from_torch")
        in_shape = (first.in_features,)
    network = Network(layer, tuple(in_shape))
    weights = Weights()
    for path, name, array, kept in _arrays(module, "", layer):
        (weights.buffers if kept else weights.params)[join(path, name)] = array
    network.check(weights)
    return network, weights


def _layer(module: nn.Module, path: str, problems: list[Problem]) -> Layer:
    """Return the layer of a module; what cannot be one becomes a problem."""
    inner = [(name, child) for name, child in module.named_children()]
    try:
        if type(module) is nn.Sequential:
            made = [_layer(child, join(path, name), problems) for name, child in inner]
            return layers.Sequential(*_pooled(module, made, path, problems))
        if type(module) is ours.Residual:
            return layers.Residual(
                **{name: _layer(child, join(path, name), problems) for name, child in inner}
            )
        if type(module) is ours.Concatenate:
            return layers.Concatenate(*(_layer(child, join(path, name), problems) for name, child in inner))
        for kind, make in _MADE.items():
            if type(module) is kind:
                return make(module)
        if type(module) in _OF_PLAIN:
            plain: Layer = _OF_PLAIN[type(module)]()
            return plain
        raise NotExchangeable("")
    except NotExchangeable as refused:
        name, setting = type(module).__name__, str(refused)
        message = (
            phrase("koubai_has_no_module_with", module=name, setting=setting)
            if setting
            else phrase("koubai_has_no_module", module=name)
        )
        problems.append(Problem(path, message, hint=phrase("write_it_of_layers_koubai_has")))
    return layers.Flatten()


def _pooled(module: nn.Sequential, made: list[Layer], path: str, problems: list[Problem]) -> list[Layer]:
    """Check that what pools to one place is flattened next: koubai's pooling leaves no axes of space."""
    parts = list(module)
    for i, part in enumerate(parts):
        ends = isinstance(made[i], layers.GlobalAveragePool) and not isinstance(part, ours.GlobalAveragePool)
        if ends and not isinstance(parts[i + 1] if i + 1 < len(parts) else None, nn.Flatten):
            name = type(part).__name__
            problems.append(
                Problem(
                    join(path, str(i)),
                    phrase("understood_before_flatten_only", module=name),
                    hint=phrase("write_it_of_layers_koubai_has"),
                )
            )
    return made


def _arrays(module: nn.Module, path: str, layer: Layer) -> Iterator[tuple[str, str, Array, bool]]:
    """Yield (path, name, array, whether it is a buffer) as koubai names and turns them."""
    if isinstance(module, ours.RandomlyPadded):
        module = module.convolution
    inner = dict(zip(layer.children(), module.children(), strict=False))
    for name, child in inner.items():
        yield from _arrays(child, join(path, name), layer.children()[name])
    if inner:
        return
    names = _NORM if layer.normalizes else {}
    names = {"weight": "slope"} if isinstance(layer, layers.PReLU) else names
    for name, w in module.named_parameters(recurse=False):
        array = as_array(w)
        turned = (
            np.ascontiguousarray(array.T) if isinstance(layer, layers.Linear) and name == "weight" else array
        )
        yield path, names.get(name, name), turned, False
    for name, buffer in module.named_buffers(recurse=False):
        if name != "num_batches_tracked":
            yield path, names.get(name, name), as_array(buffer), True


_NORM = {"weight": "gamma", "bias": "beta", "running_var": "running_variance"}


def _convolution(module: Any) -> Layer:
    need(isinstance(module.padding, tuple), f"padding={module.padding!r}")
    need(module.padding_mode in ("zeros", "reflect", "replicate"), f"padding_mode={module.padding_mode!r}")
    kind = layers.Conv1d if isinstance(module, nn.Conv1d) else layers.Conv2d
    return kind(
        module.out_channels,
        module.kernel_size,
        module.stride,
        module.padding,
        module.dilation,
        module.groups,
        module.bias is not None,
        padding_mode=module.padding_mode,
    )


def _random(module: ours.RandomlyPadded) -> Layer:
    inner: Any = _convolution(module.convolution)
    padded: Layer = inner.with_field("padding", module.padding).with_field("padding_mode", "random")
    return padded


def _transposed(module: Any) -> Layer:
    kind = layers.ConvTranspose1d if isinstance(module, nn.ConvTranspose1d) else layers.ConvTranspose2d
    return kind(
        module.out_channels,
        module.kernel_size,
        module.stride,
        module.padding,
        module.output_padding,
        module.dilation,
        module.groups,
        module.bias is not None,
    )


def _max_pool(module: Any) -> Layer:
    need(not module.ceil_mode, "ceil_mode=True")
    need(module.dilation in (1, (1,), (1, 1)), f"dilation={module.dilation}")
    need(not module.return_indices, "return_indices=True")
    kind = layers.MaxPool1d if isinstance(module, nn.MaxPool1d) else layers.MaxPool2d
    return kind(module.kernel_size, module.stride, module.padding)


def _average_pool(module: Any) -> Layer:
    need(not module.ceil_mode, "ceil_mode=True")
    padded = np.any(np.array(module.padding))
    need(module.count_include_pad or not padded, "count_include_pad=False")
    divisor = getattr(module, "divisor_override", None)
    need(divisor is None, f"divisor_override={divisor}")
    kind = layers.AveragePool1d if isinstance(module, nn.AvgPool1d) else layers.AveragePool2d
    return kind(module.kernel_size, module.stride, module.padding)


def _global(module: Any) -> Layer:
    size = module.output_size
    need(size in (1, (1,), (1, 1)), f"output_size={size}")
    return layers.GlobalAveragePool()


def _batch_norm(module: Any) -> Layer:
    need(module.momentum is not None, "momentum=None")
    need(module.track_running_stats, "track_running_stats=False")
    return layers.BatchNorm(round(1 - module.momentum, 12), module.eps, module.affine)


def _instance_norm(module: Any) -> Layer:
    need(module.affine, "affine=False")
    need(not module.track_running_stats, "track_running_stats=True")
    return layers.InstanceNorm(module.eps)


def _layer_norm(module: nn.LayerNorm) -> Layer:
    need(module.elementwise_affine and module.bias is not None, "elementwise_affine=False")
    return layers.LayerNorm(module.eps)


def _group_norm(module: nn.GroupNorm) -> Layer:
    need(module.affine, "affine=False")
    return layers.GroupNorm(module.num_groups, module.eps)


def _gelu(module: nn.GELU) -> Layer:
    need(module.approximate == "none", f"approximate={module.approximate!r}")
    return layers.GELU()


def _softplus(module: nn.Softplus) -> Layer:
    need(module.beta == 1 and module.threshold >= 16, f"beta={module.beta}, threshold={module.threshold}")
    return layers.Softplus()


def _flatten(module: nn.Flatten) -> Layer:
    need(
        module.start_dim == 1 and module.end_dim == -1,
        f"start_dim={module.start_dim}, end_dim={module.end_dim}",
    )
    return layers.Flatten()


def _softmax(module: nn.Softmax) -> Layer:
    need(module.dim in (1, -1), f"dim={module.dim}")
    return layers.Softmax()


def _local_response(module: nn.LocalResponseNorm) -> Layer:
    need(module.size % 2, f"size={module.size}")
    return layers.LocalResponseNorm(module.size, module.k, module.alpha / module.size, module.beta)


_MADE: dict[type[nn.Module], Callable[[Any], Layer]] = {
    nn.Linear: lambda m: layers.Linear(m.out_features, m.bias is not None),
    nn.Conv1d: _convolution,
    nn.Conv2d: _convolution,
    ours.RandomlyPadded: _random,
    nn.ConvTranspose1d: _transposed,
    nn.ConvTranspose2d: _transposed,
    nn.MaxPool1d: _max_pool,
    nn.MaxPool2d: _max_pool,
    nn.AvgPool1d: _average_pool,
    nn.AvgPool2d: _average_pool,
    nn.AdaptiveAvgPool1d: _global,
    nn.AdaptiveAvgPool2d: _global,
    nn.BatchNorm1d: _batch_norm,
    nn.BatchNorm2d: _batch_norm,
    nn.InstanceNorm1d: _instance_norm,
    nn.InstanceNorm2d: _instance_norm,
    nn.LayerNorm: _layer_norm,
    nn.GroupNorm: _group_norm,
    nn.LocalResponseNorm: _local_response,
    nn.LeakyReLU: lambda m: layers.LeakyReLU(m.negative_slope),
    nn.ELU: lambda m: layers.ELU(m.alpha),
    nn.PReLU: lambda m: layers.PReLU(shared=m.num_parameters == 1),
    nn.GELU: _gelu,
    nn.Softplus: _softplus,
    nn.Softmax: _softmax,
    nn.Flatten: _flatten,
    nn.Dropout: lambda m: layers.Dropout(m.p),
}
