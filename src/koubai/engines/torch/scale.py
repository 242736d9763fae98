"""Loss scaling: what flows back in float16 is made larger by S, so as not to vanish, and smaller after.

    dy S  ->  backward in float16  ->  g = (its float32 gradients) / S

The smallest number of float16 is 6e-8, the largest 65504. Where a gradient is not finite, the step is left
out and S halved; after 2000 steps in a row that were not, S is doubled. The device decides that alone.

| of a state's "loss_scale" | meaning                              |
|---------------------------|--------------------------------------|
| [0]                       | S, a power of two                    |
| [1]                       | steps in a row that were not left out |
| [2]                       | steps that were left out, in all     |

Source: Micikevicius et al. 2018, "Mixed precision training"; the numbers are those of PyTorch's GradScaler.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from koubai.engines.torch.flat import Flat
from koubai.engines.torch.module import Sums

_PATIENCE = 2000
_LEAST = 2.0**-24  # a smaller one would bring nothing back, and at last be 0


class LossScale:
    """The scale of a program, which lies with what else changes in its flat tensors."""

    def __init__(self, flat: Flat, numbers: torch.Tensor) -> None:
        self._flat, self.numbers = flat, numbers
        self.finite = torch.ones((), dtype=torch.bool, device=numbers.device)

    def of(self, dy: torch.Tensor) -> torch.Tensor:
        """S dy."""
        return dy * self.numbers[0]

    def undo(self) -> None:
        """Divide the gradients by S, and see whether all are finite."""
        g = self._flat.grads[:-1]
        g /= self.numbers[0]
        self.finite = g.isfinite().all()

    def change(self, rule: Callable[[], None]) -> None:
        """Have the rule change parameters and slots, or leave them as they are; then change S."""
        tensors = [self._flat.params, *self._flat.slots.values()]
        before = [tensor.clone() for tensor in tensors]
        rule()
        for tensor, old in zip(tensors, before, strict=True):
            tensor.copy_(torch.where(self.finite, tensor, old))
        scale, in_a_row, left_out = self.numbers.unbind()
        in_a_row.add_(1).mul_(self.finite)
        patient = in_a_row == _PATIENCE
        scale.mul_(torch.where(self.finite, 1.0 + patient, 0.5)).clamp_(min=_LEAST)
        in_a_row.mul_(~patient)
        left_out.add_(~self.finite)


def scaling_of(steps: Sequence[Sums]) -> list[dict[str, float]]:
    """Return what tapped steps tell of the scale, in one transfer: numbers by name; nothing without one."""
    told = [sums.scaling for sums in steps if sums.scaling is not None]
    if not told:
        return [{} for _ in steps]
    rows = torch.stack(told).cpu().tolist()
    return [dict(zip(("loss_scale", "steps_left_out", "changed"), row, strict=True)) for row in rows]
