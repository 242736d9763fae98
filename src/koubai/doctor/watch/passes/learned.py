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
from torch.nn import functional

from koubai.doctor.watch.passes.floor import floor_of
from koubai.doctor.watch.program.graph import behind, leaves_among, reached

MeasuredTerm: TypeAlias = tuple[str, float, float | None]  # kind, error, that of knowing nothing

SIZE = "size"
_DIFFERENCES = ("SubBackward0", "AddBackward0", "RsubBackward1")
_MOST = 2000  # nodes of a graph
_CONSTANT = 1e-12  # of the mean square: targets that do not differ


def learned_of(node: Any) -> MeasuredTerm | None:
    """Return the kind of a summand, its error, and that of knowing nothing (None: not known).

    None for all others: divergences, entropies, and what compares answers with answers.

    >>> y = torch.tensor([0.0, 0.0], requires_grad=True)
    >>> learned_of(torch.nn.functional.mse_loss(y, torch.tensor([-1.0, 3.0])).grad_fn)
    ('values', 5.0, 4.0)
    """
    ask = next((known for name, known in _KINDS.items() if node.name().startswith(name)), None)
    found: MeasuredTerm | None = None
    with suppress(Exception):  # tensors that were let go, or that a program packs in a way of its own
        found = None if ask is None or len(behind(node)) != 1 else ask(node)
    if found is None or not isfinite(found[1]):
        return None
    return found


def _values(node: Any) -> MeasuredTerm:
    y, t = node._saved_self.detach().double(), node._saved_target.detach().double()
    nothing = floor_of("mse_loss", functional.mse_loss, {}, [t.expand_as(y)], None) or 0.0
    known = nothing > _CONSTANT * float(t.square().mean())
    return "values", float((y - t).square().mean()), nothing if known else None


def _classes(node: Any) -> MeasuredTerm:
    log_p, t = node._saved_self.detach().double(), node._saved_target.detach()
    ignored = int(node._saved_ignore_index)
    ignored -= 2**64 if ignored >= 2**63 else 0  # PyTorch gives it without its sign
    error, meant = functional.nll_loss(log_p, t, ignore_index=ignored), t[t != ignored]
    nothing = floor_of("nll_loss", functional.nll_loss, {"ignore_index": ignored}, [t], None)
    seen = len(meant.unique())
    # That of a batch is lower than that of the data, by this much on average (Miller 1955).
    lower = (seen - 1) / (2 * max(len(meant), 1))
    return "classes", float(error), None if nothing is None or seen < 2 else nothing + lower


def _labels(node: Any) -> MeasuredTerm:
    y, t = node._saved_self.detach().double(), node._saved_target.detach().double()
    logits = "Logits" in node.name()
    ask = functional.binary_cross_entropy_with_logits if logits else functional.binary_cross_entropy
    differ = bool((t != t[:1]).any())
    return "labels", float(ask(y, t)), floor_of(ask.__name__, ask, {}, [t], None) if differ else None


def _rest(node: Any) -> MeasuredTerm | None:
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


_KINDS: dict[str, Callable[[Any], MeasuredTerm | None]] = {
    "MseLossBackward": _values,
    "SmoothL1Loss": _values,
    "HuberLoss": _values,
    "NllLossBackward": _classes,
    "NllLoss2DBackward": _classes,
    "BinaryCrossEntropy": _labels,
    "PowBackward0": _rest,
    "AbsBackward0": _rest,
}
