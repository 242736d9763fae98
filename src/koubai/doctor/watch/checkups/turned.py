"""Turned: whether pictures and their targets were mirrored or turned apart from one another.

A mask, or a picture to be made of another, goes along with its picture: somewhere in it the numbers differ
where the mask does. For each sample the target is mirrored and turned in all ways, and the way is taken in
which it goes along best. Where many fit another way, and not all the same way, each was altered by itself.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch.nn import functional

from koubai.core.params import Array
from koubai.doctor.patient.by_place import Turned
from koubai.doctor.watch.checkups.by_place import classes_of
from koubai.doctor.watch.seen.seen import Seen

_ROWS = 300  # samples
_FEWEST = 40  # that tell anything
_TELLING = 0.4  # of the samples: where fewer do, the pictures do not show what is marked
_CHANCE = 0.95  # quantile of what masks of other pictures reach
_BETTER = 0.15  # of correlation: less is a picture that looks alike both ways
_UPRIGHT = 0.1  # of those that fit another way, as many fit as they are: a task may be to turn pictures
_WIDE = 32  # pictures are made so small


def turned(seen: Seen) -> Turned | None:
    """Return how many fit better another way round; None where that cannot be told."""
    samples = seen.trained.samples(_ROWS)
    if samples is None or (m := _marked(*samples)) is None:
        return None
    x, varies = _small(samples[0]), m.flatten(1).std(1) > 0
    x, m = x[varies], m[varies]
    if len(x) < _FEWEST:
        return None
    fits, chance = _fits(x, m), _fits(x, m.roll(1, 0)).max(axis=1)
    best = fits.max(axis=1)
    tells = best > np.quantile(chance, _CHANCE)
    if tells.sum() < max(_FEWEST, _TELLING * len(x)):
        return None
    apart = tells & (best - fits[:, 0] > _BETTER)
    way = fits[:, int(np.bincount(fits.argmax(axis=1)[apart], minlength=2).argmax())]
    upright = tells & (fits[:, 0] - way > _BETTER)
    if apart.any() and upright.sum() < _UPRIGHT * apart.sum():
        return None
    return Turned(int(tells.sum()), float(apart.sum() / tells.sum()))


def _marked(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor | None:
    """Return what the targets mark (N, 1, h, w): all but the most frequent class, or values as they are."""
    classes = classes_of(x, t)
    if classes is not None:
        return _small(torch.from_numpy(classes != np.bincount(classes.ravel()).argmax())[:, None].float())
    if t.ndim != 4 or x.ndim != 4 or t.shape[0] != len(x) or not t.is_floating_point():
        return None
    return _small(t.mean(1, keepdim=True)) if t.shape[2:] == x.shape[2:] else None


def _small(x: torch.Tensor) -> torch.Tensor:
    """Return pictures (N, C, h, w) a little blurred, of 32 places or so in each direction."""
    x = functional.avg_pool2d(x.float(), max(1, max(x.shape[2:]) // _WIDE), ceil_mode=True)
    return functional.avg_pool2d(x, 3, 1, 1, count_include_pad=False)


def _fits(x: torch.Tensor, m: torch.Tensor) -> Array:
    """Return (N, ways): how well targets go along with the channel that shows them best."""
    flat = _standard(x.flatten(2))
    return np.stack([(flat * _standard(way.flatten(2))).mean(2).abs().amax(1).numpy() for way in _ways(m)], 1)


def _ways(m: torch.Tensor) -> Iterator[torch.Tensor]:
    """Yield pictures (N, 1, h, w) as they are, mirrored, and turned by quarters where they are square."""
    for quarters in range(0, 4, 1 if m.shape[2] == m.shape[3] else 2):
        yield m.rot90(quarters, (2, 3))
        yield m.rot90(quarters, (2, 3)).flip(3)


def _standard(x: torch.Tensor) -> torch.Tensor:
    return (x - x.mean(-1, keepdim=True)) / x.std(-1, keepdim=True).clamp_min(1e-9)
