"""Future: whether a model that predicts what comes next has already been shown it, or is given it to copy.

A call whose targets are its own inputs, one place on, was kept; it is made again in test mode with the later
half of the inputs replaced: the answers to the earlier half may not change.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from math import isfinite, nan

import torch
from torch import nn

from koubai.doctor.diagnoses.future_seen import CHANGED
from koubai.doctor.watch.checkups.replay import call_again
from koubai.doctor.watch.program.nested import tensors
from koubai.doctor.watch.seen.kept_calls import KeptCall
from koubai.doctor.watch.seen.shifted_call import ShiftedCall, copied


def change_by_future(model: nn.Module, call: ShiftedCall) -> float:
    """Return how much earlier answers change with later inputs, in units of how much answers differ at all.

    NaN where that cannot be asked: the model answers otherwise by itself, or no output has an answer for
    every place.
    """
    if (first := _steady(model, call)) is None:
        return nan
    return _largest(_change(model, call, first, place, later=True) for place in call.shifted)


def copies_targets(model: nn.Module, call: ShiftedCall) -> bool:
    """Whether a model that goes on from what came before is given the very targets, at their own places.

    Its answers do not change with later inputs, and do with earlier ones.
    """
    if (first := _steady(model, call)) is None:
        return False
    return any(
        _change(model, call, first, place, later=True)
        <= CHANGED
        < _change(model, call, first, place, later=False)
        for place in call.shifted
    )


def _steady(model: nn.Module, call: ShiftedCall) -> list[torch.Tensor] | None:
    """Return the answers, if the same call gives the same ones again."""
    first, again = _answers(model, call), _answers(model, call)
    return first if all(torch.equal(a, b) for a, b in zip(first, again, strict=True)) else None


def _change(
    model: nn.Module, call: ShiftedCall, first: list[torch.Tensor], place: tuple[int, int], *, later: bool
) -> float:
    """Return how much answers to one half change with the inputs of the other, the later or the earlier."""
    which, axis = place
    args, options = copied((call.args, call.options))
    x = tensors((args, options))[which]
    length = x.shape[axis]
    half = length // 2
    other, asked = ((half, length - half), (0, half)) if later else ((0, half), (half, length - half))
    replaced = x.narrow(axis, *other)
    replaced.copy_(_others(replaced, axis))
    if torch.equal(x, tensors((call.args, call.options))[which]):
        return nan
    changes = []
    for y, now in zip(first, _answers(model, replace(call, args=args, options=options)), strict=True):
        places = _by_place(y, x.shape, axis), _by_place(now, x.shape, axis)
        if places[0] is not None and places[1] is not None and bool(torch.isfinite(y).all()):
            spread = float(places[0].std())
            change = (places[1] - places[0]).narrow(axis, *asked).abs().max()
            changes += [float(change) / spread] if spread > 0 else []
    return _largest(changes)


def _largest(changes: Iterable[float]) -> float:
    """Return the largest that is known; NaN where none is."""
    return max((change for change in changes if isfinite(change)), default=nan)


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
