"""Learning rates over time: the schedules that koubai has."""

from __future__ import annotations

import numpy as np

from koubai.report.picture import Picture
from koubai.schedules.cosine_decay import CosineDecay
from koubai.schedules.exponential_decay import ExponentialDecay
from koubai.schedules.inverse_time import InverseTime
from koubai.schedules.schedule import Schedule
from koubai.schedules.step_decay import StepDecay
from koubai.schedules.warm_up import WarmUp
from koubai.study.pictures.lines import lines
from koubai.words import say

_STEPS = 100
_SHOWN: tuple[Schedule, ...] = (
    StepDecay(every=40, ratio=0.3),
    ExponentialDecay(ratio=0.1, every=_STEPS),
    InverseTime(decay=0.05),
    CosineDecay(steps=_STEPS),
    WarmUp(steps=20, then=CosineDecay(steps=80)),
)


def schedules(_: str) -> Picture:
    """Return the factor on the learning rate at every update."""
    t = np.arange(1, _STEPS + 1)
    curves = {
        type(schedule).__name__: np.array([schedule.factor(int(step)) for step in t]) for schedule in _SHOWN
    }
    axes = (say("report.axis.step"), say("study.picture.schedules.axis"))
    return lines("schedules", t.astype(float), curves, axes=axes)
