"""Own scale: inputs of the evaluation scaled by their own statistics, or otherwise than those of training.

A scaler that was made for the training set leaves the test set another mean than 0, and other bounds than
0 and 1. Where each feature has exactly these, the test set had a scaler of its own.
"""

from __future__ import annotations

import torch

from koubai.doctor.patient.held_scale import OwnScale
from koubai.doctor.watch.seen.seen import Seen

_OTHERWISE = 8.0  # times the deviation of training (the median feature), or the same part of it
_FEWEST = 24  # rows
_EXACT = 2e-4  # a mean or a deviation that is nearer is exact, in numbers of 32 bits
_NEAR = 0.25  # a mean or a deviation that is nearer is that of inputs that were standardized
_AT_BOUND = 1e-6
_BOUNDS = ((0.0, 1.0), (-1.0, 1.0))
_DISTINCT = 0.8  # of the numbers of a feature: it is measured, not counted or chosen
_EVEN = 1e-3  # of the distances of neighbors, by which they differ on a grid
_MOST = 0.8  # of the features that can be asked
_SERIES = 4  # places of windows that may slide along one series


def own_scale(seen: Seen) -> OwnScale | None:
    """Return how the inputs of an evaluation were scaled; None where as those of training, or not known."""
    trained = seen.trained.samples()
    if trained is None or not trained[0].is_floating_point() or not 2 <= trained[0].ndim <= 4:
        return None
    kept = {_bytes(row) for row in trained[0]}
    for asked in seen.asked.sets:
        x = asked[[i for i, row in enumerate(asked) if _bytes(row) not in kept]]
        alike = x.shape[1:] == trained[0].shape[1:] and min(len(x), len(trained[0])) >= _FEWEST
        if not alike or not bool(torch.isfinite(x).all() and torch.isfinite(trained[0]).all()):
            continue
        found = _how(trained[0].double(), x.double(), compared=bool(seen.held.rows))
        if found is not None:
            return found
    return None


def _how(trained: torch.Tensor, x: torch.Tensor, *, compared: bool) -> OwnScale | None:
    """Return how x was scaled; where its answers were `compared` with targets, the loss tells more."""
    ratio = _ratio(trained, x)
    columns, before = _columns(x), _columns(trained)
    several = trained[0].numel() > 1 and any(_is_measured(c) for c, _ in columns)
    if several and not compared and not 1 / _OTHERWISE < ratio < _OTHERWISE:
        return OwnScale("otherwise", ratio)
    if _is_standard(x.flatten(), before=trained.flatten()) and not _is_standard_by_row(x):
        return OwnScale("deviation", ratio)
    measured = [
        (values, one, then)
        for (values, one), (then, _) in zip(columns, before, strict=True)
        if _is_measured(one)
    ]
    for how, asked in (("deviation", _is_standard), ("bounds", _is_bounded)):
        exact = sum(asked(values, before=then) for values, _, then in measured)
        if measured and exact >= _MOST * len(measured) and not (how == "bounds" and _is_bounded_by_row(x)):
            return OwnScale(how, ratio)
    return None


def _bytes(row: torch.Tensor) -> bytes:
    return row.contiguous().numpy().tobytes()


def _ratio(trained: torch.Tensor, x: torch.Tensor) -> float:
    """Return the deviation of x / that of training, of the median feature that varies."""
    s, s_held = trained.std(0), x.std(0)
    varies = (s > 0) & (s_held > 0)
    return float((s_held / s)[varies].median()) if bool(varies.any()) else 1.0


def _columns(x: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Return the numbers of each feature, and one number of it a sample.

    Windows that slide along a series are that series.
    """
    if x.ndim == 2 and x.shape[1] >= _SERIES and torch.equal(x[1:, :-1], x[:-1, 1:]):
        x = x[:, :, None]
    if x.ndim == 2:
        return [(c, c) for c in x.T]
    if x.ndim != 3:
        return []
    if x.shape[1] > 1 and torch.equal(x[1:, :-1], x[:-1, 1:]):
        series = torch.cat([x[0], x[1:, -1]])
        return [(c, c) for c in series.T]
    return [(x[:, :, f].flatten(), x[:, 0, f]) for f in range(x.shape[2])]


def _is_measured(one: torch.Tensor) -> bool:
    """Whether numbers of one feature are hardly ever equal, and do not lie on a grid."""
    different = one.unique()
    steps = different.diff()
    if len(different) < max(_FEWEST / 2, _DISTINCT * len(one)):
        return False
    return bool(steps.std() > _EVEN * steps.mean())


def _is_standard(c: torch.Tensor, *, before: torch.Tensor) -> bool:
    """Whether numbers have exactly the mean 0 and the deviation 1, and those of training nearly have."""
    if abs(float(before.mean())) > _NEAR or abs(float(before.std()) - 1) > _NEAR:
        return False
    deviations = (float(c.std(correction=correction)) for correction in (0, 1))
    if abs(float(c.mean())) < _EXACT:
        return any(abs(deviation - 1) < _EXACT for deviation in deviations)
    rest = -float(c.sum())  # the last value of a series is a target, and in no window
    square = float(c.square().sum()) + rest**2
    return any(abs(square / n - 1) < _EXACT for n in (len(c), len(c) + 1))


def _is_standard_by_row(x: torch.Tensor) -> bool:
    """Whether each sample was standardized by itself."""
    means = x.flatten(1).mean(1)
    return bool(means.abs().median() < _EXACT)


def _is_bounded(c: torch.Tensor, *, before: torch.Tensor) -> bool:
    """Whether numbers reach exactly the bounds of a scaler, rarely, as those of training do."""
    rare = 2 * max(1, len(c) // _FEWEST)
    for low, high in _BOUNDS:
        ends = [float(each) for values in (c, before) for each in (values.min() - low, values.max() - high)]
        if max(map(abs, ends)) < _AT_BOUND:
            return all(int(((c - end).abs() < _AT_BOUND).sum()) <= rare for end in (low, high))
    return False


def _is_bounded_by_row(x: torch.Tensor) -> bool:
    """Whether each sample was brought to the bounds by itself."""
    rows = x.flatten(1)
    spans = rows.max(1).values - rows.min(1).values
    return bool((spans - spans.median()).abs().median() < _AT_BOUND)
