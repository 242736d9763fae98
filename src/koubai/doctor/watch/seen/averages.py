"""Averages: copies of a model that follow it, and how far they have come.

A copy is made without a constructor, and asked where nobody listens; so it is looked for among all modules,
twice in a run, and held against the model at some updates.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt
from typing import Any
from weakref import ref

import torch
from torch import nn

from koubai.doctor.watch.program.models import is_copy
from koubai.doctor.watch.program.walk import parameters_of
from koubai.doctor.watch.seen.seen import Seen

_SEARCHES = (32, 256)  # updates at which copies are looked for
_GROWTH = 1.25  # from one comparison to the next
_MOST = 4  # copies of one model
_SURE = 4  # comparisons
_TOWARDS = 0.3  # cosine of the ways of an average and of the model


@dataclass
class _Copy:
    """A copy of a model that is watched, weakly held; what was seen of that; the copy's first way.

    `sum` is that of its parameters, `still` how often in a row that was the same.
    """

    alive: Any
    seen: Seen
    first: float | None = None
    sum: float | None = None
    still: int = 0


class Averages:
    """Compares the copies of all models that are watched with these."""

    def __init__(self) -> None:
        self._copies: list[_Copy] = []
        self._next = _SEARCHES[0]
        self._left = list(_SEARCHES)

    def stepped(self, updates: int, seen: Iterable[Seen]) -> None:
        """Take in that so many updates have been made."""
        if updates < self._next:
            return
        if self._left and updates >= self._left[0]:
            self._left.pop(0)
            self._search([each for each in seen if each.start is not None])
        self._next = max(updates + 1, int(_GROWTH * updates))
        for each in self._copies:
            copy = each.alive()
            if copy is not None:
                _note_sum(each, copy)
            found = None if copy is None else followed(copy, each.seen)
            if found is None:
                continue
            share, way = found
            each.first = way if each.first is None else each.first
            if way != each.first:  # what stands still is kept for reference
                last = each.seen.followed
                best = max(share, last[1]) if last is not None and last[0] == updates else share
                each.seen.followed = updates, best

    def end(self, updates: int) -> None:
        """Say of each model after how many updates all of its copies are as they were first seen."""
        for each in self._copies:
            if (copy := each.alive()) is not None:
                _note_sum(each, copy)
        for seen in {id(each.seen): each.seen for each in self._copies}.values():
            stills = [each.still for each in self._copies if each.seen is seen]
            seen.stands = updates if min(stills) >= _SURE else None

    def _search(self, known: list[Seen]) -> None:
        self._copies = [each for each in self._copies if each.alive() is not None]
        held = {id(each.alive()) for each in self._copies}
        modules = [thing for thing in gc.get_objects() if issubclass(type(thing), nn.Module)]
        for seen in known:
            same = [m for m in modules if type(m) is type(seen.root) and id(m) not in held]
            self._copies += [_Copy(ref(m), seen) for m in same if is_copy(m, seen.root)][:_MOST]


def _note_sum(each: _Copy, copy: nn.Module) -> None:
    """Compare the sum of a copy's parameters with what it was last; a change is never forgotten."""
    with torch.no_grad(), torch._C.DisableTorchFunction():
        now = sum(float(p.double().sum()) for _, p in parameters_of(copy) if p.is_floating_point())
    each.still = each.still + 1 if each.sum in (None, now) and each.still >= 0 else -1
    each.sum = now


def followed(copy: nn.Module, seen: Seen) -> tuple[float, float] | None:
    """Return which share of the model's way from its start a copy has gone with it, and how far that is.

    None where it goes another way, or has not left the start.
    """
    if seen.start is None:
        return None
    theirs = dict(parameters_of(copy))
    own = square = product = 0.0
    with torch.no_grad(), torch._C.DisableTorchFunction():
        for name, p in parameters_of(seen.root):
            start = seen.start.get(name)
            if start is None or name not in theirs or not p.is_floating_point():
                continue
            way, way_of_copy = (p - start).flatten(), (theirs[name] - start).flatten()
            own += float(way @ way)
            square += float(way_of_copy @ way_of_copy)
            product += float(way @ way_of_copy)
    if not product > _TOWARDS * sqrt(own * square):
        return None
    return sqrt(square / own), sqrt(square)
