"""By place: what a model marks in pictures, and windows of them from which simple learners learn to mark.

Where nearly all places are background, answering background everywhere is nearly always right. Whether the
rest can be told from the picture at all is asked of learners that see one small window for each place.
"""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from koubai.core import random
from koubai.core.params import Array
from koubai.doctor.patient.by_place import ByPlace
from koubai.doctor.patient.run_facts import DataFacts
from koubai.doctor.watch.checkups.rerun import checkup_rows, outputs_of
from koubai.doctor.watch.seen.seen import Seen

RARE = 10.0  # times as many places: what has fewer is rare
_MISSED = 0.5  # of the places of rare classes: who finds more is not asked further
_PICTURES = 8  # with places of rare classes
_PLACES = 200  # of rare classes
_ROWS = 200  # pictures
_WINDOW, _WIDE = 7, 64  # places of a window; pictures are made so small for it
_LEARNT, _ASKED = 1500, 1000  # windows, at most a third of them of rare classes


def by_place(seen: Seen) -> ByPlace | None:
    """Return what becomes of rare classes; None where there are none, they are found, or it is not known."""
    rule, rows = seen.loss.rule, checkup_rows(seen, _ROWS)
    trained, held = seen.trained.samples(rows), seen.held.samples(rows)
    if rule is None or rule.kind is None or not seen.replayable or seen.blind or trained is None:
        return None
    if held is None and len(trained[0]) > 2 * _PICTURES:
        half = len(trained[0]) // 2
        trained, held = (trained[0][:half], trained[1][:half]), (trained[0][half:], trained[1][half:])
    if held is None or (t := classes_of(*trained)) is None or (t_held := classes_of(*held)) is None:
        return None
    counts = np.bincount(t.ravel())
    rare = np.flatnonzero((counts > 0) & (counts < counts.max() / RARE))
    asked = np.isin(t_held, rare)
    if asked.sum() < _PLACES or asked.any(axis=(1, 2)).sum() < _PICTURES or not len(rare):
        return None
    said = _said(seen, held[0], rule.kind.facts.takes)
    if said is None or said.shape != t_held.shape:
        return None
    right = said == t_held
    recalls = float(right[asked].mean()), float(right[~asked].mean())
    if recalls[0] > _MISSED:
        return None
    x, labels = _windows(trained[0], t, rare, _LEARNT)
    x_held, labels_held = _windows(held[0], t_held, rare, _ASKED)
    windows = DataFacts(x=x, t=labels, x_held=x_held, t_held=labels_held, classes=len(counts))
    return ByPlace(counts, *recalls, windows)


def classes_of(x: torch.Tensor, t: torch.Tensor) -> Array | None:
    """Return the class of each place (N, H, W) of pictures (N, C, H, W); None for other targets."""
    if x.ndim != 4 or not x.is_floating_point() or t.ndim not in (3, 4) or min(x.shape[2:]) < _WINDOW:
        return None
    if t.ndim == 4:
        if t.shape[1] != 1:
            return None
        t = t[:, 0]
    if t.shape != (len(x), *x.shape[2:]):
        return None
    if t.is_floating_point() and not bool(((t == 0) | (t == 1)).all()):
        return None
    classes: Array = t.long().numpy()
    return classes if classes.min() >= 0 else None


def _said(seen: Seen, x: torch.Tensor, takes: str) -> Array | None:
    """Return the class that the model answers for each place, in test mode."""
    y = outputs_of(seen, x).cpu()
    if y.ndim == 4 and y.shape[1] > 1:
        found: Array = y.argmax(1).numpy()
    else:
        found = (y.reshape(len(x), *y.shape[-2:]) > (0.0 if takes == "logits" else 0.5)).long().numpy()
    return found


def _windows(x: torch.Tensor, t: Array, rare: Array, most: int) -> tuple[Array, Array]:
    """Return windows (M, C * 49) around places, and their classes: a third rare ones where there are."""
    smaller = max(1, max(x.shape[2:]) // _WIDE)
    wide = functional.pad(
        functional.avg_pool2d(x.float(), smaller, ceil_mode=True), (_WINDOW // 2,) * 4, "replicate"
    )
    windows = wide.unfold(2, _WINDOW, 1).unfold(3, _WINDOW, 1)
    of_rare = np.isin(t, rare)
    chosen = []
    for which, count in ((of_rare, most // 3), (~of_rare, most - most // 3)):
        places = np.flatnonzero(which)
        chosen.append(places[random.permutation(random.key(0, "places"), len(places))[:count]])
    n, i, j = np.unravel_index(np.concatenate(chosen), t.shape)
    found = windows[n, :, i // smaller, j // smaller]
    return found.reshape(len(n), -1).numpy(), t[n, i, j]
