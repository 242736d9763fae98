"""Held scale: are inputs of the evaluation scaled as those of training are? And if not, does that matter?

Asked of the model itself: where they lie elsewhere, it answers them once more, brought back.
"""

from __future__ import annotations

import torch

from koubai.doctor.patient.held_scale import RATIO, SHIFT, HeldScale
from koubai.doctor.watch.checkups.examine import device_of, set_modes, undisturbed
from koubai.doctor.watch.checkups.rerun import checkup_rows
from koubai.doctor.watch.seen.seen import Seen

_FEWEST = 32
_ROWS = 1000  # of a large model fewer


def held_scale(seen: Seen) -> HeldScale | None:
    """Return what differs, and the loss with and without it; None where nothing does or it is not known."""
    most = max(_FEWEST, checkup_rows(seen, _ROWS))
    of_training, held = seen.trained.samples(most), seen.held.samples(most)
    if seen.loss.rule is None or not seen.replayable or seen.blind or of_training is None or held is None:
        return None
    (x, t), (x_held, t_held) = of_training, held
    alike = x.is_floating_point() and x_held.is_floating_point() and x.shape[1:] == x_held.shape[1:]
    if not alike or x.ndim < 2 or min(len(x), len(x_held)) < _FEWEST:
        return None
    x, x_held = x.double(), x_held.double()
    ratio, shift = _differ(x, x_held)
    if 1 / RATIO < ratio < RATIO and shift < SHIFT:
        return None
    back = min(_loss(seen, other, t_held) for other in (_by_feature(x, x_held), _as_whole(x, x_held)))
    return HeldScale(ratio, shift, _loss(seen, x, t), _loss(seen, x_held, t_held), back)


def _differ(x: torch.Tensor, x_held: torch.Tensor) -> tuple[float, float]:
    """Return the ratio of deviations and the distance of means, of the median feature that varies."""
    s, s_held = x.std(0), x_held.std(0)
    varies = (s > 0) & (s_held > 0)
    if not bool(varies.any()):
        return 1.0, 0.0
    ratios = (s_held / s)[varies]
    shifts = ((x_held.mean(0) - x.mean(0)).abs() / s)[varies]
    return float(ratios.median()), float(shifts.median())


def _as_whole(x: torch.Tensor, x_held: torch.Tensor) -> torch.Tensor:
    return (x_held - x_held.mean()) / x_held.std().clamp_min(1e-12) * x.std() + x.mean()


def _by_feature(x: torch.Tensor, x_held: torch.Tensor) -> torch.Tensor:
    """Each feature by itself; one that never varies takes the value it has in training."""
    s_held = x_held.std(0)
    scaled = (x_held - x_held.mean(0)) / torch.where(s_held > 0, s_held, 1.0) * x.std(0) + x.mean(0)
    return torch.where(s_held > 0, scaled, x.mean(0))


def _loss(seen: Seen, x: torch.Tensor, t: torch.Tensor) -> float:
    """Return the mean loss in test mode; no trace is left in the model."""
    assert seen.loss.rule is not None
    device, kind = device_of(seen.root), seen.trained.batches[0][0].dtype
    with undisturbed(seen.root), torch.no_grad():
        set_modes(seen.root, lambda module: False)
        return float(seen.loss.rule(seen.root(x.to(device, kind)), t.to(device)))
