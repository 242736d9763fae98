"""Descents that one can draw: a parabola under several rates, and optimizers in the course's valley."""

from __future__ import annotations

import numpy as np

from koubai.lab.perform.plans.descent import Descent
from koubai.lab.perform.plans.surfaces import Parabola, Valley
from koubai.optim.optimizer import OPTIMIZERS
from koubai.optim.sgd import SGD
from koubai.report.figures.optimizer_paths import DescentPath, SurfaceGrid, optimizer_paths
from koubai.report.picture import Picture
from koubai.study.pictures.lines import lines
from koubai.words import say

_RATES = (0.05, 0.3, 0.5, 0.95, 1.0, 1.05)
_START, _STEPS = (-7.0, 2.0), 30
VALLEY_RATES = {"sgd": 0.95, "momentum": 0.1, "nesterov": 0.1, "adagrad": 1.5, "rmsprop": 0.3, "adam": 0.3}
"""The rates of the course's valley; those of Nesterov and RMSProp, which it has not, are their neighbors'."""


def parabola(_: str) -> Picture:
    """Return x - a after every step of gradient descent on (x - a)^2, for six rates."""
    curves = {
        f"alpha = {rate:g}": Descent(
            surface=Parabola(), optimizer=SGD(rate), start=(1.0,), steps=12
        ).points()[:, 0]
        for rate in _RATES
    }
    return lines(
        "parabola",
        np.arange(13.0),
        curves,
        axes=(say("report.axis.step"), "x - a"),
        markers=True,
        yaxis_range=[-2, 2],
    )


def path(name: str) -> Picture:
    """Return one optimizer's path through the valley."""
    return optimizer_paths([_descent(name)])


def paths(_: str) -> Picture:
    """Return all optimizers' paths through the valley."""
    return optimizer_paths([_descent(name) for name in VALLEY_RATES])


def _descent(name: str) -> DescentPath:
    optimizer, surface = OPTIMIZERS[name](VALLEY_RATES[name]), Valley()
    points = Descent(surface=surface, optimizer=optimizer, start=_START, steps=_STEPS).points()
    x, y = np.linspace(-8, 8, 90), np.linspace(-3, 3, 70)
    grid = np.stack(np.meshgrid(x, y), axis=-1)
    title = f"{type(optimizer).__name__} {VALLEY_RATES[name]:g}"
    return DescentPath(title, points, surface.value(points), SurfaceGrid(x, y, surface.value(grid)))
