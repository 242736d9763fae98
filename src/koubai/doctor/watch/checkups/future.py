"""Future: whether a model that predicts what comes next has already been shown it.

A call whose targets are its own inputs, one place on, was kept; it is made again in test mode with the later
half of the inputs replaced: the answers to the earlier half may not change.
"""

from __future__ import annotations

from math import nan

import torch
from torch import nn

from koubai.doctor.watch.checkups.replay import call_again
from koubai.doctor.watch.program.nested import tensors
from koubai.doctor.watch.seen.kept_calls import KeptCall
from koubai.doctor.watch.seen.shifted_call import ShiftedCall, copied


def change_by_future(model: nn.Module, call: ShiftedCall) -> float:
    """Return how much earlier answers change with later inputs, in units of how much answers differ at all.

    NaN where that cannot be asked: the model answers otherwise by itself, or no output has an answer for
    every place.
    """
    first, again = _answers(model, call), _answers(model, call)
    if not all(torch.equal(a, b) for a, b in zip(first, again, strict=True)):
        return nan
    changes = []
    for which, axis in call.shifted:
        args, options = copied((call.args, call.options))
        x = tensors((args, options))[which]
        length = x.shape[axis]
        half = length // 2
        later = x.narrow(axis, half, length - half)
        later.copy_(_others(later, axis))
        if torch.equal(x, tensors((call.args, call.options))[which]):
            continue
        changed = _answers(model, ShiftedCall(args, options, call.shifted))
        for y, other in zip(first, changed, strict=True):
            places = _by_place(y, x.shape, axis), _by_place(other, x.shape, axis)
            if places[0] is not None and places[1] is not None and bool(torch.isfinite(y).all()):
                spread = float(places[0].std())
                early = (places[1] - places[0]).narrow(axis, 0, half).abs().max()
                changes += [float(early) / spread] if spread > 0 else []
    return max(changes, default=nan)


def _others(later: torch.Tensor, axis: int) -> torch.Tensor:
    """Return other inputs of the same kind: those of the next sample, turned round; or turned round only."""
    return later.roll(1, 1 - axis).flip(axis)


def _by_place(y: torch.Tensor, shape: torch.Size, axis: int) -> torch.Tensor | None:
    """Return answers with the two first axes of the inputs; None where not every place has an answer."""
    if y.shape[:2] == shape[:2]:
        return y
    if y.ndim == 2 and len(y) == shape[0] * shape[1]:
        return y.reshape(*shape[:2], -1)
    if y.ndim == 3 and axis == 1 and (y.shape[0], y.shape[2]) == shape[:2]:
        return y.transpose(1, 2)
    return None


def _answers(model: nn.Module, call: ShiftedCall) -> list[torch.Tensor]:
    """Return all numbers that the model answers in test mode; no trace is left in it."""
    output = call_again(model, KeptCall(model, call.args, call.options))
    return [y.detach().cpu().double() for y in tensors(output) if y.is_floating_point() and y.ndim > 1]
