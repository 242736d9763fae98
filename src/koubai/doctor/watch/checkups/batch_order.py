"""Batch order: whether classes come one after another, from the batches that were kept."""

from __future__ import annotations

import numpy as np

from koubai.core.params import Array
from koubai.doctor.patient.batch_order import BatchOrder
from koubai.doctor.watch.seen.data import as_targets
from koubai.doctor.watch.seen.seen import Seen

_ROWS = 8  # samples of a batch, below which it may well hold one class


def batch_order_of(seen: Seen) -> BatchOrder | None:
    """Return the order of the classes; None where targets are no classes, or batches are few or small."""
    labels = [as_targets(t, seen.loss.by_index) for _, t in seen.trained.batches if len(t) >= _ROWS]
    classes = [t for t in labels if t is not None and t.dtype.kind == "i" and t.min() >= 0]
    if len(classes) < 2 or len(classes) < len(labels) or seen.need_not_fall is not None:
        return None
    whole = _entropy(np.concatenate(classes))
    if not whole:
        return None
    main = np.array([np.bincount(t).argmax() for t in classes])
    n, counts = len(main), np.bincount(main)
    expected = (n - 1) * (1 - float((counts * (counts - 1)).sum()) / (n * (n - 1)))
    mixed = float(np.mean([_entropy(t) for t in classes])) / whole
    return BatchOrder(n, mixed, int((main[1:] != main[:-1]).sum()), expected)


def _entropy(t: Array) -> float:
    counts = np.bincount(t)
    shares = counts[counts > 0] / len(t)
    return float(-(shares * np.log(shares)).sum())
