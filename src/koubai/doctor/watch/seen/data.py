"""Data: what kept samples tell of the data, in the form that diagnoses read."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from koubai.core.params import Array
from koubai.doctor.patient.run_facts import DataFacts

_LEARNERS_ROWS = 2000


def as_targets(t: torch.Tensor, classes_by_index: bool) -> Array | None:
    """Return targets as diagnoses take them: (N,) int64 classes, or (N, K) values.

    Targets of a loss on class numbers are classes; so are zeros and ones in one column. Rows with a single
    one among zeros are the classes of the ones. None where a sample has many classes, one at each place.
    """
    array = t.detach().cpu()
    if classes_by_index and not array.is_floating_point():
        return array.reshape(-1).numpy().astype(np.int64) if array.numel() == len(array) else None
    values: Array = array.reshape(len(array), -1).float().numpy()
    binary = bool(np.isin(values, (0.0, 1.0)).all())
    if binary and values.shape[1] == 1:
        return values[:, 0].astype(np.int64)
    if binary and len(values) and (values.sum(axis=1) == 1).all():
        return values.argmax(axis=1).astype(np.int64)
    return values


def data_facts(
    seen: tuple[torch.Tensor, torch.Tensor],
    held: tuple[torch.Tensor, torch.Tensor] | None,
    *,
    samples: int | None,
    classes_by_index: bool,
    outputs: int,
) -> DataFacts:
    """Return the statistics of the samples seen; `outputs` is the number of the network's outputs."""
    if not seen[0].is_floating_point():  # numbers of words: their size means nothing
        return _values_alone(as_targets(seen[1], classes_by_index), samples)
    x, t = flat(seen[0]), as_targets(seen[1], classes_by_index)
    facts = DataFacts(
        samples=samples,
        mean=x.mean(axis=0, dtype=np.float64),
        std=x.std(axis=0, dtype=np.float64),
        low=float(x.min()),
        high=float(x.max()),
        x=x[:_LEARNERS_ROWS],
    )
    if t is None:
        return facts
    classes = max(outputs, int(t.max(initial=0)) + 1, 2) if t.dtype.kind == "i" else None
    x_held, t_held = (None, None) if held is None else (flat(held[0]), as_targets(held[1], classes_by_index))
    if t_held is None or t_held.dtype.kind != t.dtype.kind:
        x_held = t_held = None
    return replace(
        facts,
        classes=classes,
        class_counts=np.bincount(t, minlength=classes) if classes is not None else None,
        target_low=t.min(axis=0) if classes is None else None,
        target_high=t.max(axis=0) if classes is None else None,
        t=t[:_LEARNERS_ROWS],
        x_held=x_held,
        t_held=t_held,
    )


def _values_alone(t: Array | None, samples: int | None) -> DataFacts:
    """Return what targets that are values tell, whatever stands for their inputs."""
    if t is None or t.dtype.kind == "i":
        return DataFacts(samples=samples)
    low, high = t.min(axis=0), t.max(axis=0)
    return DataFacts(samples=samples, t=t[:_LEARNERS_ROWS], target_low=low, target_high=high)


def flat(x: torch.Tensor) -> Array:
    """Return samples as rows of numbers."""
    array: Array = x.reshape(len(x), -1).float().numpy()
    return array
