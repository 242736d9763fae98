"""What PyTorch's modules, functions, losses and optimizers are called in koubai."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import nn

from koubai.core.layer import LAYERS, Layer
from koubai.doctor.patient.layer_facts import OTHER
from koubai.doctor.patient.run_facts import LossFacts, OptimizerFacts
from koubai.layers.activations import Activation
from koubai.layers.convolution import Conv2d
from koubai.layers.layer_norm import LayerNorm
from koubai.losses.loss import LOSSES as KNOWN_LOSSES
from koubai.losses.loss import Loss
from koubai.optim.optimizer import OPTIMIZERS

_ARGUMENTS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("relu", "sigmoid", "tanh", "gelu", "silu", "mish", "softplus", "selu", "exp"), ()),
    **dict.fromkeys(("linear", "conv1d", "conv2d", "layer_norm", "batch_norm"), ()),
    **dict.fromkeys(("softmax", "log_softmax"), ("dim",)),
    **dict.fromkeys(
        ("max_pool1d", "max_pool2d"), ("kernel_size", "stride", "padding", "dilation", "ceil_mode")
    ),
    **dict.fromkeys(("avg_pool1d", "avg_pool2d"), ("kernel_size", "stride", "padding", "ceil_mode")),
    "leaky_relu": ("negative_slope",),
    "elu": ("alpha",),
    "dropout": ("p",),
}
"""Functions that are layers, with the names of their arguments after the first where they are asked for."""
_OTHER_NAMES = {"exp": "exponential", "avg_pool1d": "average_pool1d", "avg_pool2d": "average_pool2d"}
LOG_SOFTMAX = "log_softmax"
_MODULES: tuple[tuple[type[nn.Module], str], ...] = (
    (nn.Linear, "linear"),
    (nn.Conv1d, "conv1d"),
    (nn.Conv2d, "conv2d"),
    (nn.Conv3d, "conv3d"),
    (nn.modules.batchnorm._BatchNorm, "batch_norm"),
    (nn.LayerNorm, "layer_norm"),
    (nn.GroupNorm, "group_norm"),
    (nn.modules.instancenorm._InstanceNorm, "instance_norm"),
    (nn.LocalResponseNorm, "local_response_norm"),
    (nn.modules.dropout._DropoutNd, "dropout"),
    (nn.ReLU, "relu"),
    (nn.Sigmoid, "sigmoid"),
    (nn.Tanh, "tanh"),
    (nn.LeakyReLU, "leaky_relu"),
    (nn.ELU, "elu"),
    (nn.SELU, "selu"),
    (nn.GELU, "gelu"),
    (nn.SiLU, "silu"),
    (nn.Mish, "mish"),
    (nn.PReLU, "prelu"),
    (nn.Softplus, "softplus"),
    (nn.Softmax, "softmax"),
    (nn.LogSoftmax, LOG_SOFTMAX),
    (nn.Identity, "identity"),
    (nn.Flatten, "flatten"),
    (nn.MaxPool1d, "max_pool1d"),
    (nn.MaxPool2d, "max_pool2d"),
    (nn.AvgPool1d, "average_pool1d"),
    (nn.AvgPool2d, "average_pool2d"),
)
_CONSTANTS = {"leaky_relu": ("slope", "negative_slope"), "elu": ("alpha", "alpha")}
_LIKE: dict[str, type[Layer]] = {"conv3d": Conv2d, "group_norm": LayerNorm}  # by their traits
_ADAPTIVE = ("nadam", "adamax")  # besides those that koubai has, too
FEATURES_LAST = ("linear", "layer_norm")  # a unit is an index of the last axis, not of axis 1


def module_kind(module: nn.Module) -> str:
    """Return the koubai name of a module's layer, or "other"."""
    return _kind_of(type(module))  # type: ignore[arg-type]  # a class is hashable


@cache
def _kind_of(cls: Any) -> str:
    return next((kind for known, kind in _MODULES if issubclass(cls, known)), OTHER)


def part_of(kind: str) -> type[Layer] | None:
    """Return the layer of koubai that has the traits of a kind it does not have itself; None for others."""
    return _LIKE.get(kind)


def function_kind(name: str) -> str | None:
    """Return the koubai name of the layer that a function computes, or None for all other functions.

    Functions of torch, torch.nn.functional and torch.Tensor share their names; in place has an underscore.
    """
    plain = name.removesuffix("_")
    return _OTHER_NAMES.get(plain, plain) if plain in _ARGUMENTS else None


def function_settings(name: str, args: tuple[Any, ...], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return a function's arguments after the first by name."""
    return dict(zip(_ARGUMENTS[name.removesuffix("_")], args[1:], strict=False)) | dict(options)


def layer_of(kind: str, settings: Mapping[str, Any]) -> Layer | None:
    """Return the koubai activation of this kind, whose derivative tells of saturation; None for others.

    `settings` holds PyTorch's names: attributes of the module, or keywords of the function.
    """
    cls = LAYERS.get(kind)
    if cls is None or not issubclass(cls, Activation):
        return None
    ours, theirs = _CONSTANTS.get(kind, ("", ""))
    layer: Layer = cls(**({ours: float(settings[theirs])} if theirs in settings else {}))
    return layer


@dataclass(frozen=True)
class LossKind:
    """A loss function of torch.nn.functional by its koubai name, and what it takes of the network."""

    name: str
    takes: str

    @property
    def facts(self) -> LossFacts:
        """As a diagnosis sees it."""
        known: type[Loss] = KNOWN_LOSSES.get(self.name, Loss)
        return LossFacts(self.name, self.takes, known.likelihood)


LOSSES = {
    "cross_entropy": LossKind("softmax_cross_entropy", "logits"),
    "nll_loss": LossKind("nll_loss", "log_probabilities"),
    "binary_cross_entropy": LossKind("binary_cross_entropy", "probabilities"),
    "binary_cross_entropy_with_logits": LossKind("sigmoid_cross_entropy", "logits"),
    "mse_loss": LossKind("mean_squared_error", "values"),
    "l1_loss": LossKind("mean_absolute_error", "values"),
    "smooth_l1_loss": LossKind("smooth_l1", "values"),
    "huber_loss": LossKind("huber", "values"),
    "kl_div": LossKind("kl_divergence", "log_probabilities"),
    "poisson_nll_loss": LossKind("poisson", "rates"),
    "gaussian_nll_loss": LossKind("gaussian", "values"),
    "multi_margin_loss": LossKind("multi_margin", "scores"),
    "multilabel_soft_margin_loss": LossKind("multilabel_soft_margin", "logits"),
    "soft_margin_loss": LossKind("soft_margin", "scores"),
}
"""By the name of the function, those that compare outputs with targets; the loss modules call these."""

OTHER_LOSSES = frozenset(
    {
        "ctc_loss",
        "cosine_embedding_loss",
        "hinge_embedding_loss",
        "margin_ranking_loss",
        "multilabel_margin_loss",
        "triplet_margin_loss",
        "triplet_margin_with_distance_loss",
    }
)
"""Losses that compare outputs with each other, or sequences of other lengths."""
REARRANGING = frozenset((
    "view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze", "permute", "transpose", "swapaxes",
    "movedim", "t", "contiguous", "clone", "__getitem__", "float", "double", "half", "bfloat16", "to",
    "type", "type_as", "chunk", "split", "unbind", "narrow", "select", "masked_select", "index_select",
    "expand", "expand_as", "view_as", "cat", "stack", "concat", "roll", "flip",
))  # fmt: skip
"""Functions that give the same numbers in another order, shape or precision, or some of them."""
_LINEAR_FUNCTIONS = REARRANGING | frozenset((
    "__setitem__", "tensor_split", "repeat", "repeat_interleave", "pad", "add", "__add__", "__radd__",
    "__iadd__", "sub", "__sub__", "__rsub__", "neg", "__neg__", "mean", "sum", "cumsum", "detach", "size",
    "dim", "numel", "fill", "zero", "copy", "unfold", "fold", "pixel_shuffle", "interpolate", "upsample",
    "embedding", "embedding_bag", "bilinear", "dropout", "dropout1d", "dropout2d", "alpha_dropout",
    "masked_fill", "index_add", "scatter", "scatter_add", "diagonal", "conv3d", "conv_transpose1d",
    "conv_transpose2d", "adaptive_avg_pool1d", "adaptive_avg_pool2d", "requires_grad_", "retain_grad",
    "register_hook", "backward", "group_norm", "instance_norm",
))  # fmt: skip


FACTORS = ("mul", "__mul__", "__rmul__", "__imul__")  # names of a product, entry by entry


def plain_name(name: str) -> str:
    """Return the name of a function of PyTorch without what says that it works in place."""
    return name if name.startswith("__") else name.rstrip("_")


def may_bend(name: str) -> bool:
    """Whether a function of PyTorch that koubai does not know may be a nonlinearity between layers."""
    plain = plain_name(name)
    return plain not in _LINEAR_FUNCTIONS and not plain.endswith("__get__") and "loss" not in plain


def optimizer_facts(optimizer: Any) -> OptimizerFacts:
    """Return what a diagnosis asks about an optimizer; numbers are those of its first group."""
    group = optimizer.param_groups[0]
    momentum = float(group.get("momentum", 0.0))
    name = type(optimizer).__name__.lower()
    if name == "sgd" and momentum:
        name = "nesterov" if group.get("nesterov") else "momentum"
    adaptive = name in _ADAPTIVE or getattr(OPTIMIZERS.get(name), "adaptive", False)
    decay = float(group.get("weight_decay", 0.0))
    return OptimizerFacts(name, float(group["lr"]), momentum, decay, adaptive, _lost_epsilon(optimizer))


def _lost_epsilon(optimizer: Any) -> str:
    """Return the precision of parameters in which the optimizer's epsilon is 0; empty where it is not."""
    for group in optimizer.param_groups:
        epsilon = group.get("eps")
        if not isinstance(epsilon, float) or not epsilon > 0:
            continue
        for p in group["params"]:
            if p.is_floating_point() and float(torch.tensor(epsilon, dtype=p.dtype)) == 0:
                return str(p.dtype).removeprefix("torch.")
    return ""


def coupled_decay(optimizer: Any, group: Mapping[str, Any]) -> float:
    """Return the weight decay that an optimizer adds to the gradient; 0 where it shrinks weights instead."""
    decoupled = type(optimizer).__name__ == "AdamW" or group.get("decoupled_weight_decay", False)
    return 0.0 if decoupled else float(group.get("weight_decay", 0.0))
