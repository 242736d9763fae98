"""Weighed: which of the losses of single places count, where a mask tells it, and what is asked for there."""

from __future__ import annotations

from typing import Any

import torch

from koubai.doctor.patient.place import Place
from koubai.doctor.watch.program.kinds import FACTORS, plain_name
from koubai.doctor.watch.program.places import users_place

_SAME_ORDER = ("view", "reshape", "flatten", "view_as", "squeeze", "unsqueeze", "__get__", "float")
_PICKING = (*FACTORS, "__getitem__", "masked_select")
_FEWEST = 8  # places that count, and that do not
_SEVERAL = 3  # targets where it does not count


class Weighed:
    """Follows losses that were not averaged to the masks they meet.

    `inverted` is where the first of the masks is applied, if all of them keep places with one and the same
    target, and leave out all others: those of the padding.
    """

    def __init__(self) -> None:
        self._losses: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        self._kept: list[float | None] = []
        self._place: Place | None = None

    def lost(self, value: torch.Tensor, t: torch.Tensor) -> None:
        """Take losses, one for each target."""
        if value.ndim and value.numel() == t.numel() > 1:
            self._losses[id(value)] = value, t.detach().reshape(-1)

    def call(self, name: str, args: tuple[Any, ...], result: Any) -> None:
        """Take in a call of a function of PyTorch."""
        if not self._losses:
            return
        known = next((each for w in args if (each := self._losses.get(id(w))) is not None), None)
        if known is None:
            return
        value, t = known
        plain = plain_name(name)
        if plain in _SAME_ORDER and isinstance(result, torch.Tensor) and result.numel() == t.numel():
            self._losses[id(result)] = result, t
        elif plain in ("mean", "sum"):
            self._kept.append(None)  # all of them count
        elif plain in _PICKING:
            for mask in (w for w in args if w is not value and isinstance(w, torch.Tensor)):
                self._meet(mask, t)

    def _meet(self, mask: torch.Tensor, t: torch.Tensor) -> None:
        """Note the one target that a mask of zeros and ones keeps; None where it keeps several."""
        if mask.requires_grad or mask.numel() != t.numel():
            return
        counts = mask.detach().reshape(-1) != 0
        if mask.dtype != torch.bool and not bool((mask.reshape(-1)[counts] == 1).all()):
            return
        kept, others = t[counts], t[~counts]
        enough = min(len(kept), len(others)) >= _FEWEST
        one = (
            enough
            and bool((kept == kept[0]).all() and (others != kept[0]).all())
            and len(others.unique()) >= _SEVERAL
        )
        self._kept.append(float(kept[0]) if one else None)
        self._place = self._place or users_place("operation")

    @property
    def plain(self) -> bool:
        """Whether all losses were averaged where they were computed."""
        return not self._losses

    @property
    def inverted(self) -> Place | None:
        """The line of a mask that keeps the padding; None where there is none that does."""
        same = self._kept and self._kept[0] is not None and len(set(self._kept)) == 1
        return self._place if same else None
