"""Learned: what a summand of a loss has learned, by the answers and targets that its node keeps.

Errors are means over the batch, whatever the summand's reduction and weight are: squares for values,
cross-entropies (nats) for classes and labels. Beside each is that of knowing nothing: of the best constant
answer to these targets.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from math import isfinite
from typing import Any, TypeAlias

import torch

from koubai.doctor.watch.program.graph import behind, leaves_among, reached

TermError: TypeAlias = tuple[str, float, float | None]  # kind, error, that of knowing nothing

SIZE = "size"
_DIFFERENCES = ("SubBackward0", "AddBackward0", "RsubBackward1")
_MOST = 2000  # nodes of a graph
_CONSTANT = 1e-12  # of the mean square: targets that do not differ


def learned_of(node: Any) -> TermError | None:
    """Return the kind of a summand, its error, and that of knowing nothing (None: not known).

    None for all others: divergences, entropies, and what compares answers with answers.

    >>> y = torch.tensor([0.0, 0.0], requires_grad=True)
    >>> learned_of(torch.nn.functional.mse_loss(y, torch.tensor([-1.0, 3.0])).grad_fn)
    ('values', 5.0, 4.0)
    """
    ask = next((known for name, known in _KINDS.items() if node.name().startswith(name)), None)
    found: TermError | None = None
    with suppress(Exception):  # tensors that were let go, or that a program packs in a way of its own
        found = None if ask is None or len(behind(node)) != 1 else ask(node)
    if found is None or not isfinite(found[1]):
        return None
    return found


def _values(node: Any) -> TermError:
    y, t = node._saved_self.detach().double(), node._saved_target.detach().double()
    t = t.expand_as(y)
    nothing = float((t - t.mean(0, keepdim=True)).square().mean())
    known = nothing > _CONSTANT * float(t.square().mean())
    return "values", float((y - t).square().mean()), nothing if known else None


def _classes(node: Any) -> TermError | None:
    log_p, t = node._saved_self.detach().double(), node._saved_target.detach()
    if log_p.ndim > 1:
        log_p = log_p.movedim(1, -1).reshape(-1, log_p.shape[1])
    t = t.reshape(-1)
    rows = t != node._saved_ignore_index
    t, log_p = t[rows], log_p.reshape(-1, log_p.shape[-1])[rows]
    if not len(t):
        return None
    shares = torch.bincount(t).double() / len(t)
    shares = shares[shares > 0]
    # That of a batch is lower than that of the data, by this much on average (Miller 1955).
    entropy = float(-(shares * shares.log()).sum()) + (len(shares) - 1) / (2 * len(t))
    return "classes", float(-log_p.gather(1, t[:, None]).mean()), entropy if len(shares) > 1 else None


def _labels(node: Any) -> TermError:
    y, t = node._saved_self.detach().double(), node._saved_target.detach().double()
    entropy = torch.nn.functional.binary_cross_entropy
    logits = "Logits" in node.name()
    error = torch.nn.functional.binary_cross_entropy_with_logits(y, t) if logits else entropy(y, t)
    nothing = float(entropy(t.mean(0, keepdim=True).expand_as(t), t))
    return "labels", float(error), nothing if nothing > 0 else None


def _rest(node: Any) -> TermError | None:
    """What is left of a difference from something that nobody trains: the residual of an equation.

    Other squares are sizes: what they would be without learning is not known.
    """
    if node.name() == "PowBackward0" and float(node._saved_exponent) != 2:
        return None
    below = behind(node)[0]
    differs = below.name() in _DIFFERENCES and sum(map(_is_trained, behind(below))) == 1
    return "values" if differs else SIZE, float(node._saved_self.detach().double().square().mean()), None


def _is_trained(node: Any) -> bool:
    """Whether something depends on parameters: a function of the inputs alone may have a gradient, too."""
    return any(isinstance(w, torch.nn.Parameter) for w in leaves_among(reached([node], _MOST)[0]))


_KINDS: dict[str, Callable[[Any], TermError | None]] = {
    "MseLossBackward": _values,
    "SmoothL1Loss": _values,
    "HuberLoss": _values,
    "NllLossBackward": _classes,
    "NllLoss2DBackward": _classes,
    "BinaryCrossEntropy": _labels,
    "PowBackward0": _rest,
    "AbsBackward0": _rest,
}
