"""Shifted calls: a call of a model whose targets are its own inputs, one place on, or at the same place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from koubai.doctor.watch.program.nested import tensors

_SAME = 0.95  # of the targets are the inputs one place on
_MOVING = 0.1  # of the inputs differ from the one before
_FEWEST = 32  # targets
_SHORTEST = 4  # places
_BYTES = 16 * 2**20  # a larger call is not kept
_LOOKS = 3  # after so many without one, no such call is to be expected
_PLAIN = (torch.Tensor, int, float, bool, str, type(None), torch.dtype, torch.device)


@dataclass(frozen=True)
class ShiftedCall:
    """A call of the model: its arguments, which of their tensors hold what comes next, along which axis.

    `same`: these hold the targets at the very same places.
    """

    args: tuple[Any, ...]
    options: dict[str, Any]
    shifted: tuple[tuple[int, int], ...]
    same: bool = False


class ShiftedCalls:
    """Keeps one call of a model whose targets are its own inputs, one place on or not: `kept`, or None."""

    def __init__(self) -> None:
        self.kept: ShiftedCall | None = None
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
            self.kept = shifted_call(*call, t)
            self._looks = 0 if self.kept is not None else self._looks - 1


def shifted_call(args: tuple[Any, ...], options: dict[str, Any], t: torch.Tensor) -> ShiftedCall | None:
    """Return a copy of a call if its targets t are inputs, one place on; else None."""
    given = tensors((args, options))
    if not is_plain((args, options)) or sum(x.numel() * x.element_size() for x in given) > _BYTES:
        return None
    t = t.detach().cpu()
    places = [(i, x.detach().cpu(), axis) for i, x in enumerate(given) for axis in (1, 0)]
    shifted = tuple((i, axis) for i, x, axis in places if _comes_next(x, axis, t))
    same = () if shifted else tuple((i, axis) for i, x, axis in places if _is_same(x, t))
    if not (shifted or same):
        return None
    args, options = copied((args, options))
    return ShiftedCall(args, options, shifted or same, bool(same))


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


def _is_same(x: torch.Tensor, t: torch.Tensor) -> bool:
    """Whether targets are the inputs x (N, T) or (T, N) of whole numbers, at the same places."""
    if x.ndim != 2 or x.is_floating_point() or t.is_floating_point() or t.numel() != x.numel():
        return False
    if min(x.shape) < _SHORTEST or x.numel() < _FEWEST:
        return False
    moving = min(float((x.diff(dim=axis) != 0).float().mean()) for axis in (0, 1))
    return bool((t.reshape(x.shape) == x).all()) and moving >= _MOVING


def is_plain(value: Any) -> bool:
    """Whether there are only tensors and plain values in it: other things may not be copied."""
    if isinstance(value, dict):
        return all(is_plain(item) for item in value.values())
    if type(value) in (tuple, list):
        return all(is_plain(item) for item in value)
    return isinstance(value, _PLAIN)


def copied(value: Any) -> Any:
    """Return a copy of what a model is called with, with copies of its tensors, outside any graph."""
    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
    if type(value) in (tuple, list):
        return type(value)(copied(item) for item in value)
    return value
