"""The losses in PyTorch: value and gradient at once, where the outputs lie; formulas in koubai.losses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from koubai.engines.torch.formula import to_array
from koubai.engines.torch.wide import wide
from koubai.losses.binary_cross_entropy import BinaryCrossEntropy
from koubai.losses.cross_entropy import CrossEntropy
from koubai.losses.loss import Loss
from koubai.losses.mean_absolute_error import MeanAbsoluteError
from koubai.losses.mean_squared_error import MeanSquaredError
from koubai.losses.sigmoid_cross_entropy import SigmoidCrossEntropy
from koubai.losses.softmax_cross_entropy import SoftmaxCrossEntropy

Both = tuple[Tensor, Tensor]  # E (), and dE/dy (N, K)


def has_function(loss: Loss) -> bool:
    """Return whether a loss runs as PyTorch functions."""
    return type(loss) in _LOSSES


def loss_and_gradient(loss: Loss, y: Tensor, t: Tensor) -> Both:
    """Return E (), of the device's widest type, and dE/dy (N, K); by the formula if it has no function."""
    y = y.detach()
    if type(loss) in _LOSSES:
        return _LOSSES[type(loss)](loss, y, t)
    outputs, targets = to_array(y), to_array(t)
    dy = loss.gradient(outputs, targets).astype(outputs.dtype, copy=False)
    value = torch.tensor(loss.value(outputs, targets), dtype=wide(y), device=y.device)
    return value, torch.from_numpy(dy).to(y.device)


def _softmax_cross_entropy(loss: SoftmaxCrossEntropy, y: Tensor, t: Tensor) -> Both:
    log_p, s, classes = functional.log_softmax(y, 1), loss.smoothing, y.shape[1]
    value = -(1 - s) * log_p.gather(1, t[:, None]).sum(dtype=wide(y))
    if s:
        value = value - s / classes * log_p.sum(dtype=wide(y))
    q = _right(y, t).to(y.dtype).mul_(1 - s).add_(s / classes)
    return value / len(y), log_p.exp().sub_(q).div_(len(y))


def _cross_entropy(loss: CrossEntropy, y: Tensor, t: Tensor) -> Both:
    chosen = y.gather(1, t[:, None])
    p = chosen.clamp(loss.delta, 1 - loss.delta)
    pull = torch.where(chosen == p, -1 / (len(y) * p), 0.0)
    return -p.log().mean(dtype=wide(y)), torch.where(_right(y, t), pull, 0.0)


def _sigmoid_cross_entropy(loss: SigmoidCrossEntropy, y: Tensor, t: Tensor) -> Both:
    t, nothing = as_values(y, t), y.new_zeros(())
    value = (torch.logaddexp(nothing, y) - t * y).mean(dtype=wide(y))
    return value, (torch.exp(-torch.logaddexp(nothing, -y)) - t) / y.numel()


def _binary_cross_entropy(loss: BinaryCrossEntropy, y: Tensor, t: Tensor) -> Both:
    p, t = y.clamp(loss.delta, 1 - loss.delta), as_values(y, t)
    value = -(t * p.log() + (1 - t) * torch.log1p(-p)).mean(dtype=wide(y))
    return value, torch.where(y == p, (p - t) / (y.numel() * p * (1 - p)), 0.0)


def _mean_squared_error(loss: MeanSquaredError, y: Tensor, t: Tensor) -> Both:
    error = y - as_values(y, t)
    return error.square().mean(dtype=wide(y)), 2 * error / y.numel()


def _mean_absolute_error(loss: MeanAbsoluteError, y: Tensor, t: Tensor) -> Both:
    error = y - as_values(y, t)
    return error.abs().mean(dtype=wide(y)), error.sign() / y.numel()


def as_values(y: Tensor, t: Tensor) -> Tensor:
    """Return the targets as values of the shape of y, as koubai.losses.loss.as_values does."""
    if t.ndim == 1 and y.shape[1] > 1:
        return _right(y, t).to(y.dtype)
    return t.reshape(y.shape).to(y.dtype)


def _right(y: Tensor, t: Tensor) -> Tensor:
    """Return where the right class stands, (N, K): by comparison, as GPUs scatter in no fixed order."""
    return t[:, None] == torch.arange(y.shape[1], device=t.device)


_LOSSES: dict[type[Loss], Callable[[Any, Tensor, Tensor], Both]] = {
    SoftmaxCrossEntropy: _softmax_cross_entropy,
    CrossEntropy: _cross_entropy,
    SigmoidCrossEntropy: _sigmoid_cross_entropy,
    BinaryCrossEntropy: _binary_cross_entropy,
    MeanSquaredError: _mean_squared_error,
    MeanAbsoluteError: _mean_absolute_error,
}
