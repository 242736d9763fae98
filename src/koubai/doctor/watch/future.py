"""Future: whether a model that predicts what comes next has already been shown it.

Asked where the targets of a step are its own inputs, one place on. A call like it is kept, and made again in
test mode with the later half of the inputs replaced: the answers to the earlier half may not change.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import nan
from typing import Any

import torch
from torch import nn

from koubai.doctor.watch.examine import set_modes, undisturbed
from koubai.doctor.watch.nested import tensors

_SAME = 0.95  # of the targets are the inputs one place on
_MOVING = 0.1  # of the inputs differ from the one before
_FEWEST = 32  # targets
_SHORTEST = 4  # places
_BYTES = 16 * 2**20  # a larger call is not kept
_LOOKS = 3  # after so many without one, no such call is to be expected
_PLAIN = (torch.Tensor, int, float, bool, str, type(None), torch.dtype, torch.device)


@dataclass(frozen=True)
class Kept:
    """A call of the model: its arguments, which of their tensors hold what comes next, along which axis."""

    args: tuple[Any, ...]
    options: dict[str, Any]
    shifted: tuple[tuple[int, int], ...]


class Shown:
    """Keeps one call of a model whose targets are its own inputs, one place on: `kept`, or None."""

    def __init__(self) -> None:
        self.kept: Kept | None = None
        self._call: tuple[tuple[Any, ...], dict[str, Any]] | None = None
        self._looks = _LOOKS

    def called(self, args: tuple[Any, ...], options: dict[str, Any]) -> None:
        """Note how the model was called in a step that is looked at."""
        if self._looks:
            self._call = args, options

    def compared(self, t: torch.Tensor | None) -> None:
        """Take the targets of that step, and forget the call unless they are what comes next in it."""
        call, self._call = self._call, None
        if call is not None and t is not None and self._looks:
            self.kept = kept_call(*call, t)
            self._looks = 0 if self.kept is not None else self._looks - 1


def kept_call(args: tuple[Any, ...], options: dict[str, Any], t: torch.Tensor) -> Kept | None:
    """Return a copy of a call if its targets t are inputs, one place on; else None."""
    given = tensors((args, options))
    if not _is_plain((args, options)) or sum(x.numel() * x.element_size() for x in given) > _BYTES:
        return None
    t = t.detach().cpu()
    found = [
        (i, axis) for i, x in enumerate(given) for axis in (1, 0) if _comes_next(x.detach().cpu(), axis, t)
    ]
    if not found:
        return None
    args, options = _copied((args, options))
    return Kept(args, options, tuple(found))


def _comes_next(x: torch.Tensor, axis: int, t: torch.Tensor) -> bool:
    """Whether targets are the inputs x (N, T, ...) or (T, N, ...), one place on along the axis."""
    if x.ndim < 2 or x.dtype.is_floating_point != t.dtype.is_floating_point or x.shape[axis] < _SHORTEST:
        return False
    length = x.shape[axis]
    before, after = x.narrow(axis, 0, length - 1), x.narrow(axis, 1, length - 1)
    if t.numel() == x.numel():
        t = t.reshape(x.shape).narrow(axis, 0, length - 1)
    elif t.numel() == after.numel():
        t = t.reshape(after.shape)
    else:
        return False
    meant = torch.ones_like(t, dtype=torch.bool) if t.is_floating_point() else t >= 0
    if int(meant.sum()) < _FEWEST:
        return False
    same, moving = (t == after)[meant].float().mean(), (after != before)[meant].float().mean()
    return bool(same >= _SAME and moving >= _MOVING)


def change_by_future(model: nn.Module, kept: Kept) -> float:
    """Return how much earlier answers change with later inputs, in units of how much answers differ at all.

    NaN where that cannot be asked: the model answers otherwise by itself, or no output has an answer for
    every place.
    """
    first, again = _answers(model, kept), _answers(model, kept)
    if not all(torch.equal(a, b) for a, b in zip(first, again, strict=True)):
        return nan
    changes = []
    for which, axis in kept.shifted:
        args, options = _copied((kept.args, kept.options))
        x = tensors((args, options))[which]
        length = x.shape[axis]
        half = length // 2
        later = x.narrow(axis, half, length - half)
        later.copy_(_others(later, axis))
        if torch.equal(x, tensors((kept.args, kept.options))[which]):
            continue
        changed = _answers(model, Kept(args, options, kept.shifted))
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


def _answers(model: nn.Module, kept: Kept) -> list[torch.Tensor]:
    """Return all numbers that the model answers in test mode; no trace is left in it."""
    args, options = _copied((kept.args, kept.options))
    with _same_luck(), undisturbed(model), torch.no_grad():
        set_modes(model, lambda module: False)
        output = model(*args, **options)
    return [y.detach().cpu().double() for y in tensors(output) if y.is_floating_point() and y.ndim > 1]


@contextmanager
def _same_luck() -> Iterator[None]:
    """Put back the random numbers of Python and NumPy at the end: a model may draw some."""
    state = random.getstate()
    numpy = sys.modules.get("numpy")
    theirs = numpy.random.get_state() if numpy is not None else None
    try:
        yield
    finally:
        random.setstate(state)
        if numpy is not None:
            numpy.random.set_state(theirs)


def _is_plain(value: Any) -> bool:
    """Whether there are only tensors and plain values in it: other things may not be copied."""
    if isinstance(value, dict):
        return all(_is_plain(item) for item in value.values())
    if type(value) in (tuple, list):
        return all(_is_plain(item) for item in value)
    return isinstance(value, _PLAIN)


def _copied(value: Any) -> Any:
    """Return a copy with copies of its tensors, outside any graph."""
    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    if type(value) in (tuple, list):
        return type(value)(_copied(item) for item in value)
    return value
