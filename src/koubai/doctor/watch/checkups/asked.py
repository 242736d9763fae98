"""Asked: questions to a watched model that it may be unable to answer: then nothing is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import nan
from typing import Any, TypeVar

from koubai.doctor.patient.by_place import ByPlace, Turned
from koubai.doctor.patient.held_modes import HeldModes
from koubai.doctor.patient.held_scale import HeldScale, OwnScale
from koubai.doctor.patient.place import Place
from koubai.doctor.watch.checkups.by_place import by_place
from koubai.doctor.watch.checkups.dependence import change_by_mates
from koubai.doctor.watch.checkups.future import change_by_future, copies_targets
from koubai.doctor.watch.checkups.held_modes import held_modes
from koubai.doctor.watch.checkups.held_scale import held_scale
from koubai.doctor.watch.checkups.masks import inverted_mask
from koubai.doctor.watch.checkups.mates import CHANGED, Mixing, mixing
from koubai.doctor.watch.checkups.own_functions import ignores_incoming
from koubai.doctor.watch.checkups.own_scale import own_scale
from koubai.doctor.watch.checkups.turned import turned
from koubai.doctor.watch.seen.kept_samples import Samples
from koubai.doctor.watch.seen.seen import Seen
from koubai.doctor.watch.seen.shifted_call import ShiftedCall

T = TypeVar("T")


def mixing_of(seen: Seen, samples: Samples | None) -> Mixing:
    """Return how samples of a batch change each other's answers; NaN where that is not known."""
    if seen.blind or seen.need_not_fall is not None:
        return Mixing(nan)
    change = _told(nan, change_by_mates, seen, samples)
    found = mixing(seen.root, seen.kept.calls, seen.stacked, known=change > CHANGED)
    if change > CHANGED:
        return replace(found or Mixing(change), change=change)
    return found or Mixing(change)


def held_scale_of(seen: Seen) -> HeldScale | None:
    """Return how inputs of the evaluation differ, and what that costs."""
    return _told(None, held_scale, seen)


def held_modes_of(seen: Seen) -> HeldModes | None:
    """Return what it costs that the evaluation was made in training mode."""
    return None if seen.need_not_fall is not None else _told(None, held_modes, seen)


def by_place_of(seen: Seen) -> ByPlace | None:
    """Return what becomes of rare places of pictures."""
    return None if seen.need_not_fall is not None else _told(None, by_place, seen)


def turned_of(seen: Seen) -> Turned | None:
    """Return how many pictures fit their targets another way round."""
    return None if seen.need_not_fall is not None else _told(None, turned, seen)


def own_scale_of(seen: Seen) -> OwnScale | None:
    """Return how inputs of the evaluation were scaled, where they tell it by themselves."""
    return None if seen.need_not_fall is not None else _told(None, own_scale, seen)


def change_by_future_of(seen: Seen) -> float:
    """Return how much answers change with inputs that come later."""
    call = _shifted_call(seen, same=False)
    return nan if call is None else _told(nan, change_by_future, seen.root, call)


def copies_targets_of(seen: Seen) -> bool:
    """Return whether the targets are inputs at the same places, and answers go on from those before."""
    call = _shifted_call(seen, same=True)
    return call is not None and _told(False, copies_targets, seen.root, call)


def _shifted_call(seen: Seen, *, same: bool) -> ShiftedCall | None:
    """Return the call whose targets are its inputs, one place on or not, if it may be made again."""
    call = seen.shifted.kept
    asked = call is not None and call.same is same and not seen.blind and seen.need_not_fall is None
    return call if asked else None


def inverted_mask_of(seen: Seen) -> Place | None:
    """Return the line where a mask is applied that keeps the padding alone."""
    return None if seen.blind else _told(None, inverted_mask, seen.root, seen.kept.calls)


def loose_backward_of(seen: Seen) -> Place | None:
    """Return the line of a backward of the program's own that does not ask what comes in."""
    return None if seen.blind else _told(None, ignores_incoming, seen.root, seen.kept.calls)


def _told(unknown: T, ask: Callable[..., T], *of: Any) -> T:
    """Return the answer; that of nobody where a model, its inputs or its own backward do not go along."""
    try:
        return ask(*of)
    except Exception:  # a model may do anything when it is called with other numbers, or once more
        return unknown
