"""By place: what a model marks in pictures, and windows of them from which simple learners learn to mark.

A series with a class for each time is a picture of one row.
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
_LONG, _TIMES = 49, 512  # the same of series
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
    if held is None:
        return None
    inputs, trained, held = held[0], _as_pictures(*trained), _as_pictures(*held)
    t, t_held = classes_of(*trained), classes_of(*held)
    said = None if t is None or t_held is None else _said(seen, inputs, rule.kind.facts.takes, t_held.shape)
    if t is None or t_held is None or said is None:
        return None
    counts = np.bincount(t.ravel())
    rare = np.flatnonzero((counts > 0) & (counts < counts.max() / RARE))
    asked = np.isin(t_held, rare)
    if asked.sum() < _PLACES or asked.any(axis=(1, 2)).sum() < _PICTURES or not len(rare):
        return None
    right = said == t_held
    recalls = float(right[asked].mean()), float(right[~asked].mean())
    if recalls[0] > _MISSED:
        return None
    x, labels = _windows(trained[0], t, rare, _LEARNT)
    x_held, labels_held = _windows(held[0], t_held, rare, _ASKED)
    windows = DataFacts(x=x, t=labels, x_held=x_held, t_held=labels_held, classes=len(counts))
    return ByPlace(counts, *recalls, windows, times=t.shape[1] == 1)


def _as_pictures(x: torch.Tensor, t: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return series (N, C, T) or (N, T, C) with classes (N, T) as pictures of one row; others as they are."""
    if x.ndim != 3 or (t := t[:, 0] if t.ndim == 3 and t.shape[1] == 1 else t).ndim != 2:
        return x, t
    if t.shape == (len(x), x.shape[2]):
        return x[:, :, None], t[:, None]
    return (x.transpose(1, 2)[:, :, None], t[:, None]) if t.shape == x.shape[:2] else (x, t)


def classes_of(x: torch.Tensor, t: torch.Tensor) -> Array | None:
    """Return the class of each place (N, H, W) of pictures (N, C, H, W); None for other targets."""
    if x.ndim != 4 or not x.is_floating_point() or t.ndim not in (3, 4):
        return None
    if x.shape[3] < _WINDOW or 1 < x.shape[2] < _WINDOW:
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


def _said(seen: Seen, x: torch.Tensor, takes: str, shape: tuple[int, ...]) -> Array | None:
    """Return the class (N, H, W) that the model answers for each place, in test mode."""
    y = outputs_of(seen, x).cpu()
    if y.numel() == np.prod(shape):
        found: Array = (y > (0.0 if takes == "logits" else 0.5)).long().numpy().reshape(shape)
        return found
    if y.ndim == 3 and y.shape[1] == shape[2] != y.shape[2]:
        y = y.transpose(1, 2)  # classes stand last
    found = y.argmax(1).numpy()
    return found.reshape(shape) if found.size == np.prod(shape) else None


def _windows(x: torch.Tensor, t: Array, rare: Array, most: int) -> tuple[Array, Array]:
    """Return windows (M, C * 49) around places, and their classes: a third rare ones where there are."""
    rows, columns = (1, _LONG) if x.shape[2] == 1 else (_WINDOW, _WINDOW)
    smaller = max(1, x.shape[3] // _TIMES if rows == 1 else max(x.shape[2:]) // _WIDE)
    pooled = functional.avg_pool2d(x.float(), (min(smaller, rows), smaller), ceil_mode=True)
    wide = functional.pad(pooled, (columns // 2, columns // 2, rows // 2, rows // 2), "replicate")
    windows = wide.unfold(2, rows, 1).unfold(3, columns, 1)
    of_rare = np.isin(t, rare)
    chosen = []
    for which, count in ((of_rare, most // 3), (~of_rare, most - most // 3)):
        places = np.flatnonzero(which)
        chosen.append(places[random.permutation(random.key(0, "places"), len(places))[:count]])
    n, i, j = np.unravel_index(np.concatenate(chosen), t.shape)
    found = windows[n, :, i // smaller, j // smaller]
    return found.reshape(len(n), -1).numpy(), t[n, i, j]
