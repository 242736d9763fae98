"""Translation: a chain of PyTorch layers, its loss and its optimizer in koubai's own parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from koubai.core.errors import KoubaiError
from koubai.core.layer import Layer
from koubai.doctor.watch.passes.loss_rule import LossRule
from koubai.doctor.watch.passes.pass_recorder import PassRecorder
from koubai.doctor.watch.passes.watched_layer import WatchedLayer
from koubai.doctor.watch.program.kinds import LOG_SOFTMAX, optimizer_facts
from koubai.engines.torch.formula import to_array
from koubai.initializers.constant import Constant
from koubai.initializers.initializer import Initializer
from koubai.initializers.normal import Normal
from koubai.initializers.uniform import Uniform
from koubai.layers.average_pool import AveragePool1d, AveragePool2d
from koubai.layers.batch_norm import BatchNorm
from koubai.layers.convolution import Conv1d, Conv2d
from koubai.layers.dropout import Dropout
from koubai.layers.flatten import Flatten
from koubai.layers.linear import Linear
from koubai.layers.max_pool import MaxPool1d, MaxPool2d
from koubai.layers.softmax import Softmax
from koubai.losses.loss import LOSSES, Loss
from koubai.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from koubai.network.network import Weights
from koubai.optim.optimizer import OPTIMIZERS, Optimizer

_POOLS: dict[str, Callable[..., Layer]] = {
    "max_pool1d": MaxPool1d,
    "max_pool2d": MaxPool2d,
    "average_pool1d": AveragePool1d,
    "average_pool2d": AveragePool2d,
}
State = Mapping[str, torch.Tensor]
Translator = Callable[[WatchedLayer, State], Layer | None]


def initializer_like(w: torch.Tensor | None) -> Initializer:
    """Return a distribution that initial values may come from: constant, uniform or normal."""
    if w is None:
        return Constant(0.0)
    values = w.double().flatten()
    mean, std = float(values.mean()), float(values.std(correction=0))
    if std < 1e-12:
        return Constant(mean)
    fourth = float(((values - mean) / std).pow(4).mean())
    if fourth < 2.4:  # 1.8 for uniform, 3 for normal
        return Uniform(mean - 3**0.5 * std, mean + 3**0.5 * std)
    return Normal(std)


def _weighted(watched: WatchedLayer, state: State) -> tuple[Initializer, Initializer, bool]:
    weight, *bias = (state[name] for name in watched.params)
    return initializer_like(weight), initializer_like(bias[0] if bias else None), bool(bias)


def _linear(watched: WatchedLayer, state: State) -> Layer | None:
    if len(watched.in_shape) != 1:
        return None
    weight, bias, has_bias = _weighted(watched, state)
    return Linear(watched.out_shape[0], bias=has_bias, weight_init=weight, bias_init=bias)


def _convolution(watched: WatchedLayer, state: State) -> Layer | None:
    s = watched.settings
    if s.get("padding_mode", "zeros") != "zeros" or isinstance(s["padding"], str) or s.get("transposed"):
        return None
    weight, bias, has_bias = _weighted(watched, state)
    cls = Conv1d if watched.kind == "conv1d" else Conv2d
    window = (s["kernel_size"], s["stride"], s["padding"], s["dilation"])
    return cls(s["out_channels"], *window, s["groups"], bias=has_bias, weight_init=weight, bias_init=bias)


def _batch_norm(watched: WatchedLayer, state: State) -> Layer | None:
    s = watched.settings
    if s["momentum"] is None or not s["track_running_stats"]:
        return None
    return BatchNorm(1 - s["momentum"], s["eps"], trainable=s["affine"])


def _pool(watched: WatchedLayer, state: State) -> Layer | None:
    s = watched.settings
    if s.get("ceil_mode") or s.get("dilation", 1) not in (1, (1, 1)) or not s.get("count_include_pad", True):
        return None
    stride, padding = s.get("stride"), s.get("padding", 0)
    numbers = map(_plain, (s["kernel_size"], stride if stride != [] else None, padding))
    return _POOLS[watched.kind](*numbers)


def _plain(value: Any) -> Any:
    """Return a single number instead of a tuple of one."""
    if isinstance(value, list | tuple):
        return value[0] if len(value) == 1 else tuple(value)
    return value


_LAYERS: dict[str, Translator] = {
    "linear": _linear,
    "conv1d": _convolution,
    "conv2d": _convolution,
    "batch_norm": _batch_norm,
    "dropout": lambda watched, state: Dropout(float(watched.settings["p"])),
    "flatten": lambda watched, state: Flatten(),
    "softmax": lambda watched, state: Softmax() if len(watched.out_shape) == 1 else None,
    **dict.fromkeys(_POOLS, _pool),
}


def chain_of(
    recorder: PassRecorder, x: torch.Tensor, y: torch.Tensor, start: State
) -> list[tuple[WatchedLayer | None, Layer]] | None:
    """Return koubai layers, each with what it stands for, if the model is a chain of layers koubai has.

    `recorder` has seen x become y with its flow. What is not the output of the layer before, unless reshaped,
    breaks the chain. A log-softmax at the end stays out: it belongs to the loss then.
    """
    layers: list[tuple[WatchedLayer | None, Layer]] = []
    now, seen = x, set()
    for path, u, out in recorder.flow or ():
        watched = recorder.layers[path]
        if path in seen or not _same(u, now):
            return None
        seen.add(path)
        if u.ndim == 2 and now.ndim > 2:
            layers.append((None, Flatten()))
        now = out
        if watched.kind != LOG_SOFTMAX:
            layer = _layer(watched, start)
            if layer is None:
                return None
            layers.append((watched, layer))
    return layers if _same(y, now) else None


def _layer(watched: WatchedLayer, start: State) -> Layer | None:
    if watched.layer is not None:
        return watched.layer
    translate = _LAYERS.get(watched.kind)
    try:
        return translate(watched, start) if translate else None
    except (KeyError, TypeError, ValueError, KoubaiError):  # what was not seen, or koubai has not
        return None


def _same(a: torch.Tensor, b: torch.Tensor) -> bool:
    return a.numel() == b.numel() and torch.equal(a.flatten(), b.flatten())


def weights_of(layers: list[tuple[WatchedLayer | None, Layer]], state: State) -> Weights:
    """Return the tensors of a PyTorch state under the paths they have in a Sequential of the layers."""
    weights = Weights()
    for i, (watched, layer) in enumerate(layers):
        if watched is None:
            continue
        for name in watched.params:
            own = name.rpartition(".")[2]
            w = to_array(state[name].cpu().float())
            if isinstance(layer, Linear | Conv1d | Conv2d):
                own = "weight" if name == watched.params[0] else "bias"
            elif isinstance(layer, BatchNorm):
                own = {"weight": "gamma", "bias": "beta"}[own]
            weights.params[f"{i}.{own}"] = (
                w.T.copy() if isinstance(layer, Linear) and w.ndim == 2 else w.copy()
            )
        if isinstance(layer, BatchNorm):
            for theirs, ours in (("running_mean", "running_mean"), ("running_var", "running_variance")):
                weights.buffers[f"{i}.{ours}"] = to_array(
                    state[f"{watched.path}.{theirs}"].cpu().float()
                ).copy()
    return weights


def loss_like(rule: LossRule, recorder: PassRecorder) -> Loss | None:
    """Return koubai's loss of the same name, or None."""
    if rule.kind is None or any(rule.options.get(name) is not None for name in ("weight", "pos_weight")):
        return None
    last = recorder.last_kind
    smoothing = float(rule.options.get("label_smoothing", 0.0))
    match rule.kind.name:
        case "softmax_cross_entropy":
            return SoftmaxCrossEntropy(smoothing) if last != LOG_SOFTMAX else None
        case "nll_loss":
            return SoftmaxCrossEntropy() if last == LOG_SOFTMAX else None
        case name if name in LOSSES:
            found: Loss = LOSSES[name]()
            return found
    return None


def optimizer_like(optimizer: Any) -> Optimizer | None:
    """Return koubai's optimizer with the numbers of the first group, or None."""
    group, name = optimizer.param_groups[0], optimizer_facts(optimizer).name
    numbers: dict[str, Any] = {"learning_rate": float(group["lr"])}
    match name:
        case "momentum" | "nesterov":
            numbers |= {"momentum": group["momentum"]}
        case "adam" | "adamw":
            numbers |= {"beta1": group["betas"][0], "beta2": group["betas"][1], "delta": group["eps"]}
        case "rmsprop":
            numbers |= {"decay": group["alpha"], "delta": group["eps"]}
        case "adagrad":
            numbers |= {"delta": group["eps"]}
        case "sgd":
            pass
        case _:
            return None
    if name == "adamw":
        numbers |= {"weight_decay": group["weight_decay"]}
    found: Optimizer = OPTIMIZERS[name](**numbers)
    return found
