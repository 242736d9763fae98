"""Masks: whether a mask leaves out what is meant, and keeps the padding.

A call of training that was kept is made again, and its masks are held against its inputs: where all places
that are kept hold one and the same thing, in stretches, and those left out hold others, it is inverted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from koubai.doctor.patient.place import Place
from koubai.doctor.watch.checkups.replay import call_again
from koubai.doctor.watch.passes.function_mode import FunctionMode
from koubai.doctor.watch.program.kinds import FACTORS
from koubai.doctor.watch.program.nested import tensors
from koubai.doctor.watch.program.places import users_place
from koubai.doctor.watch.seen.kept_calls import KeptCall

_FEWEST = 8  # places that are kept, and left out
_FILLS = ("masked_fill", "masked_fill_")


def inverted_mask(root: nn.Module, calls: list[KeptCall]) -> Place | None:
    """Return the line where the first inverted mask is applied; None where there is none that can be told."""
    given = [x for call in calls for x in tensors((call.args, call.options))]  # an encoder's, for a decoder
    inputs = [_things(x) for x in given if x.ndim >= 2 and not _is_mask(x)]
    for call in calls if inputs else ():
        found: list[Place] = []

        def look(
            function: Any,
            args: tuple[Any, ...],
            options: dict[str, Any],
            found: list[Place] = found,
        ) -> Any:
            for left_out in _left_out(getattr(function, "__name__", ""), args, options):
                if any(_is_inverted(left_out, things) for things in inputs):
                    place = users_place("operation")
                    found += [] if place is None else [place]
            return function(*args, **options)

        # In test mode PyTorch takes a way of its own, unseen.
        call_again(root, call, training=True, mode=FunctionMode(look))
        if found:
            return found[0]
    return None


def _is_mask(x: torch.Tensor) -> bool:
    """Whether a tensor may be a mask itself: (N, T) of zeros and ones."""
    return x.dtype == torch.bool or (x.ndim == 2 and bool(((x == 0) | (x == 1)).all()))


def _things(x: torch.Tensor) -> torch.Tensor:
    """Return what stands at each place (N, T) as a number: a word, or whether there is anything but zeros."""
    return x.flatten(2).any(2).long() if x.ndim > 2 else x


def _left_out(name: str, args: tuple[Any, ...], options: dict[str, Any]) -> Iterator[torch.Tensor]:
    """Yield which places (N, T) a function leaves out, where a mask tells it."""
    mask: Any = None
    if name == "multi_head_attention_forward":
        mask = options.get("key_padding_mask")
        if isinstance(mask, torch.Tensor) and mask.is_floating_point():
            mask = mask < 0
    elif name == "scaled_dot_product_attention":
        mask = options.get("attn_mask", args[3] if len(args) > 3 else None)
        mask = ~mask if isinstance(mask, torch.Tensor) and mask.dtype == torch.bool else None
    elif name in _FILLS and len(args) > 1:
        mask = args[1]
    elif name in FACTORS and len(args) == 2:
        masks = [w for w in args if isinstance(w, torch.Tensor) and w.ndim > 1 and not w.requires_grad]
        of_two = (w for w in masks if w.dtype == torch.bool or bool(((w == 0) | (w == 1)).all()))
        mask = next((w == 0 for w in of_two), None)
    if isinstance(mask, torch.Tensor) and mask.dtype == torch.bool and mask.ndim > 1:
        yield _by_place(mask)


def _by_place(mask: torch.Tensor) -> torch.Tensor:
    """Return a mask without axes along which it stays the same."""
    for axis in reversed(range(1, mask.ndim)):
        if mask.ndim > 2 and bool((mask == mask.narrow(axis, 0, 1)).all()):
            mask = mask.select(axis, 0)
    return mask


def _is_inverted(left_out: torch.Tensor, things: torch.Tensor) -> bool:
    """Whether what is kept is all one thing, in stretches, and nothing that is left out is that."""
    if left_out.shape != things.shape:
        return False
    kept, others = things[~left_out], things[left_out]
    if min(len(kept), len(others)) < _FEWEST or not bool((kept == kept[0]).all()):
        return False
    stretches = bool(((~left_out)[:, 1:] & (~left_out)[:, :-1]).any())
    told = len(others.unique()) > 1 or (int(kept[0]) == 0 and not things.is_floating_point())
    return stretches and told and not bool((others == kept[0]).any())
