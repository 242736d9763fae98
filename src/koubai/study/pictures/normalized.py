"""What batch normalization does to the values of a unit: before, and after."""

from __future__ import annotations

import numpy as np

from koubai.core.layer import wire
from koubai.core.params import Array
from koubai.core.random import generator
from koubai.layers.batch_norm import BatchNorm
from koubai.report.numbers import number
from koubai.report.picture import Picture
from koubai.study.pictures.lines import lines
from koubai.words import say

_SAMPLES = 2000
_EDGES = np.linspace(-6, 10, 65)


def batch_norm(_: str) -> Picture:
    """Return histograms of one unit's values in a batch, before and after the layer."""
    x = 3 + 2 * generator(0, "picture", "batch norm").standard_normal((_SAMPLES, 1))
    cell = wire(BatchNorm(), "", (1,))
    cell.training = True
    cell.params = {"gamma": np.ones(1), "beta": np.zeros(1)}
    cell.buffers = {name: np.full(1, spec.fill) for name, spec in cell.layer.buffers((1,)).items()}
    y = cell.forward(x)
    middles = (_EDGES[1:] + _EDGES[:-1]) / 2
    return lines(
        "batch_norm",
        middles,
        {
            say("study.picture.batch_norm.before"): _shares(x),
            say("study.picture.batch_norm.after"): _shares(y),
        },
        axes=(say("study.picture.batch_norm.value"), say("study.picture.batch_norm.share")),
        values={
            "mean": number(float(x.mean())),
            "deviation": number(float(x.std())),
            "after": number(abs(round(float(y.mean()), 6))),
            "deviation_after": number(float(y.std())),
        },
    )


def _shares(values: Array) -> Array:
    return np.histogram(values, _EDGES)[0] / len(values)
