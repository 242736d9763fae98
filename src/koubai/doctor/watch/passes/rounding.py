"""Rounding: updates too small for the precision of the weights that they are added to."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from statistics import median

import torch

LOW = (torch.bfloat16, torch.float16)
_STEPS = 100  # updates after which entries that can move have moved
_MOST = 0.5  # of the entries with a gradient, in an ordinary step


class Rounding:
    """Which entries of weights of low precision a step left as they were although they had a gradient."""

    def __init__(self) -> None:
        self._looks: list[dict[str, tuple[int, int]]] = []

    def see(self, before: Mapping[str, torch.Tensor], now: Mapping[str, torch.Tensor]) -> None:
        """Take in a step: the weights before it, and the parameters after it, with their gradients."""
        found = {}
        for name, w in before.items():
            p = now.get(name)
            if w.dtype not in LOW or p is None or p.grad is None or p.shape != w.shape:
                continue
            pushed = p.grad.detach() != 0
            found[name] = int((pushed & (p.detach() == w)).sum()), int(pushed.sum())
        if found:
            self._looks.append(found)

    def found(
        self,
        start: Mapping[str, torch.Tensor] | None,
        now: Mapping[str, torch.Tensor],
        held: Collection[int],
        step: int,
    ) -> tuple[str, float, float] | None:
        """Return (precision, share of entries that a step leaves, share never moved); None where most move.

        `held` are the identities of what the optimizers hold: weights that are copied from others of full
        precision after a step are not among them. Rounding at random and sums that are carried along leave
        entries in a step, and move them in the run.
        """
        names = [
            name for name, p in now.items() if p.dtype in LOW and id(p) in held and name in (start or {})
        ]
        looks = [[look[name] for name in names if name in look] for look in self._looks]
        shares = [sum(a for a, _ in look) / n for look in looks if (n := sum(b for _, b in look))]
        entries = sum(now[name].numel() for name in names)
        if start is None or step < _STEPS or not shares or not entries:
            return None
        still = sum(int((now[name].detach() == start[name]).sum()) for name in names) / entries
        if median(shares) <= _MOST:
            return None
        return str(now[names[0]].dtype).removeprefix("torch."), median(shares), still
