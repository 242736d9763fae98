"""Asked: questions to a watched model that it may be unable to answer: then nothing is known."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from math import nan

from koubai.doctor.patient.held_scale import HeldScale, OwnScale
from koubai.doctor.patient.place import Place
from koubai.doctor.watch.checkups.dependence import change_by_mates
from koubai.doctor.watch.checkups.future import change_by_future
from koubai.doctor.watch.checkups.held_scale import held_scale
from koubai.doctor.watch.checkups.masks import inverted_mask
from koubai.doctor.watch.checkups.mates import CHANGED, Mixing, mixing
from koubai.doctor.watch.checkups.own_functions import ignores_incoming
from koubai.doctor.watch.checkups.own_scale import own_scale
from koubai.doctor.watch.seen.kept_samples import Samples
from koubai.doctor.watch.seen.seen import Seen


def mixing_of(seen: Seen, samples: Samples | None) -> Mixing:
    """Return how samples of a batch change each other's answers; NaN where that is not known."""
    if seen.blind or seen.need_not_fall is not None:
        return Mixing(nan)
    change = nan
    with suppress(Exception):  # batches of another size may not go through
        change = change_by_mates(seen, samples)
    found = mixing(seen.root, seen.kept.calls, known=change > CHANGED)
    if change > CHANGED:
        return replace(found or Mixing(change), change=change)
    return found or Mixing(change)


def held_scale_of(seen: Seen) -> HeldScale | None:
    """Return how inputs of the evaluation differ, and what that costs."""
    try:
        return held_scale(seen)
    except Exception:  # batches of another size may not go through
        return None


def own_scale_of(seen: Seen) -> OwnScale | None:
    """Return how inputs of the evaluation were scaled, where they tell it by themselves."""
    try:
        return None if seen.need_not_fall is not None else own_scale(seen)
    except Exception:  # inputs may be of any kind
        return None


def change_by_future_of(seen: Seen) -> float:
    """Return how much answers change with inputs that come later."""
    if seen.shifted.kept is None or seen.blind or seen.need_not_fall is not None:
        return nan
    try:
        return change_by_future(seen.root, seen.shifted.kept)
    except Exception:  # a model may do anything when it is called with other numbers
        return nan


def inverted_mask_of(seen: Seen) -> Place | None:
    """Return the line where a mask is applied that keeps the padding alone."""
    if seen.blind:
        return None
    try:
        return inverted_mask(seen.root, seen.kept.calls)
    except Exception:  # a model may do anything when it is called once more
        return None


def loose_backward_of(seen: Seen) -> Place | None:
    """Return the line of a backward of the program's own that does not ask what comes in."""
    if seen.blind:
        return None
    try:
        return ignores_incoming(seen.root, seen.kept.calls)
    except Exception:  # a backward may do anything
        return None
