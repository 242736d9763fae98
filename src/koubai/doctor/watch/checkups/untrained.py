"""Untrained: which parameters of a watched program get no update, and how that comes."""

from __future__ import annotations

import torch

from koubai.doctor.watch.program.loose import LooseTensors
from koubai.doctor.watch.program.models import hands_over
from koubai.doctor.watch.program.walk import parameters_of
from koubai.doctor.watch.program.walk import unlisted_of as in_lists
from koubai.doctor.watch.seen.seen import Seen


def untrained_of(seen: Seen) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the parameters that get no update, and those of them that are frozen on purpose.

    What is no longer as it was at the start has been updated, whoever did it.
    """
    given = _held(seen)
    looked = seen.last is not None
    idle = seen.start is not None and seen.loop.facts(seen.root, seen.step).passes > 0
    untrained, frozen = [], []
    for name, p in parameters_of(seen.root):
        if not p.requires_grad:
            frozen.append(name)
        outside = not p.requires_grad or (given and id(p) not in given)
        if (outside or idle or (looked and name not in seen.had_gradient)) and not _has_moved(seen, name, p):
            untrained.append(name)
    return tuple(untrained), tuple(frozen)


def unlisted_of(seen: Seen) -> tuple[str, ...]:
    """Return the parameters of layers in plain lists that the loss reaches and no optimizer holds."""
    given = _held(seen)
    if not given or seen.hand:
        return ()
    parameters = list(in_lists(seen.root))
    return tuple(name for name, p in parameters if p.grad is not None and id(p) not in given)


def left_out_of(seen: Seen) -> tuple[str, ...]:
    """Return the tensors without a module that have a gradient, and that nothing updates."""
    if not isinstance(seen.root, LooseTensors) or seen.last is None or not seen.step:
        return ()
    given, looked = _held(seen), seen.last
    return tuple(
        name
        for name, p in parameters_of(seen.root)
        if p.requires_grad and id(p) not in given and looked.pulls(name) and not _has_moved(seen, name, p)
    )


def silenced_of(seen: Seen, untrained: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of the parameters without updates that an optimizer holds, and whose layers are used."""
    given = _held(seen)
    known = [(name, p) for name, p in parameters_of(seen.root) if p.requires_grad and id(p) in given]
    found = [(name, seen.terms.silenced[id(p)]) for name, p in known if id(p) in seen.terms.silenced]
    found = [(name, place) for name, place in found if name in untrained]
    if found and found[0][1] is not None:
        seen.places["silenced"] = found[0][1]
    return tuple(name for name, _ in found)


def rounded_of(seen: Seen) -> tuple[str, float, float] | None:
    """Return which precision rounds updates away, and how many; None where none does, or rates are 0."""
    if not any(seen.rates) or seen.hand:
        return None
    return seen.rounding.found(seen.start, dict(parameters_of(seen.root)), _held(seen), seen.step)


def _held(seen: Seen) -> set[int]:
    """Return the identities of the parameters that the optimizers hold."""
    return {id(p) for optimizer in seen.optimizers for p in hands_over(optimizer)}


def _has_moved(seen: Seen, name: str, p: torch.Tensor) -> bool:
    start = seen.start.get(name) if seen.start is not None else None
    return start is not None and not torch.equal(start, p.detach())
