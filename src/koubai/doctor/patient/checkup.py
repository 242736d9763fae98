"""Checkup: what one step looks like from inside, layer by layer, over one batch of samples.

A checkup is plain numbers. It says nothing about which library computed them, so a diagnosis cannot know.
Our own sessions make one with `koubai.doctor.patient.examine`; the PyTorch watcher makes one from its hooks.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from koubai.core.params import Array


@dataclass(frozen=True)
class LayerCheck:
    """The output y of one leaf layer, unit by unit, over N samples (and all positions S of a feature map).

    A unit is an index of axis 1: a feature of (N, K) or a channel of (N, C, S).

    | field         | shape   | meaning                                                                  |
    |---------------|---------|--------------------------------------------------------------------------|
    | active        | (units,) | share of elements with y != 0                                           |
    | alive         | (units,) | share of samples with y != 0 at some position (= active for dense layers) |
    | mean, std     | (units,) | of y over samples and positions                                         |
    | slope         | (units,) | mean of abs f'(u) / max abs f', in [0, 1]; None unless an activation    |
    | max_abs       |         | largest abs y                                                            |
    | nonfinite     |         | number of NaN or infinite elements of y                                  |
    | gradient_norm |         | norm of dE/dy of the whole batch; NaN where not known                    |
    """

    active: Array
    alive: Array
    mean: Array
    std: Array
    slope: Array | None = None
    max_abs: float = 0.0
    nonfinite: int = 0
    gradient_norm: float = float("nan")

    @property
    def units(self) -> int:
        """Number of units."""
        return len(self.std)

    @property
    def signal(self) -> float:
        """Root mean square over the units of the deviation between samples: 0 = the same for every sample."""
        return float(np.sqrt(np.mean(np.square(self.std)))) if len(self.std) else 0.0


@dataclass(frozen=True)
class ParamCheck:
    """One parameter and the gradient of the data loss (no penalties, no clipping) with respect to it.

    `units` counts rows along the output axis, `distinct` and `distinct_gradients` how many of them
    differ (weights with their bias; see `distinct_rows`). None: not compared.
    """

    norm: float
    gradient_norm: float
    size: int
    nonfinite: int = 0
    gradient_nonfinite: int = 0
    penalty_gradient_norm: float = 0.0
    gradient_zero_share: float = float("nan")
    units: int | None = None
    distinct: int | None = None
    distinct_gradients: int | None = None

    @property
    def std(self) -> float:
        """Root mean square of the values."""
        return self.norm / self.size**0.5 if self.size else 0.0


@dataclass(frozen=True)
class Checkup:
    """Everything measured at one step, on `samples` training samples.

    | field   | meaning                                                                                     |
    |---------|---------------------------------------------------------------------------------------------|
    | step    | number of updates made so far: 0 = the initial weights                                      |
    | loss    | data loss on these samples (no penalties)                                                   |
    | layers  | leaf layers by path, in forward order                                                       |
    | params  | parameters by path, in forward order                                                        |
    | fading  | of recurrent layers by path, the gradient at early times / the largest one of any time      |
    | outputs | (N, K) what the network put out (flattened to two axes), or None                            |
    | targets | (N,) int64 classes or (N, K) values, or None                                                |
    | mode_gap | loss in test mode minus loss in training mode, on the same samples; NaN where not known    |
    """

    step: int
    samples: int
    loss: float
    layers: dict[str, LayerCheck] = field(default_factory=dict)
    params: dict[str, ParamCheck] = field(default_factory=dict)
    fading: dict[str, float] = field(default_factory=dict)
    outputs: Array | None = None
    targets: Array | None = None
    mode_gap: float = float("nan")


def distinct_rows(rows: Array) -> int:
    """Count how many rows (units, n) differ: two count as one if closer than a millionth of the largest.

    Looks at the first 256 rows at most.

    >>> distinct_rows(np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 0.0], [0.0, 0.0]]))
    3
    """
    rows = np.asarray(rows[:256], dtype=np.float64)
    if not np.isfinite(rows).all():
        return len(rows)
    near = 1e-6 * float(np.sqrt((rows**2).sum(axis=1).max(initial=0.0)))
    left = np.ones(len(rows), dtype=bool)
    count = 0
    for i in range(len(rows)):
        if left[i]:
            count += 1
            left &= np.sqrt(((rows - rows[i]) ** 2).sum(axis=1)) > near
    return count
