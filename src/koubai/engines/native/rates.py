"""Rates: the numbers of each step that the update kernels read, from the job's hyper-parameters."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import Any

import numpy as np

from koubai.core.params import Array
from koubai.engines.engine import Job
from koubai.engines.native.kernels.update import FIRST_PENALTY, RATE_WORDS, SHRINK

# What an optimizer's kernel wants behind the first four numbers; it may change eps (by t, for corrections).
_CONSTANTS: dict[str, Callable[[Any], tuple[float, ...]]] = {
    "sgd": lambda o: (),
    "momentum": lambda o: (o.momentum,),
    "nesterov": lambda o: (o.momentum,),
    "adagrad": lambda o: (o.delta,),
    "rmsprop": lambda o: (o.delta, o.decay),
    "adam": lambda o: (o.delta, o.beta1, o.beta2),
    "adamw": lambda o: (o.delta, o.beta1, o.beta2),
    "amsgrad": lambda o: (o.delta, o.beta1, o.beta2),
    "radam": lambda o: (o.delta, o.beta1, o.beta2),
    "adadelta": lambda o: (o.delta, o.decay),
    "lion": lambda o: (0.0, o.beta1, o.beta2),
}


def rates(job: Job, first: int, count: int) -> Array:
    """Return a row for each of the updates first .. first + count (from 1)."""
    table = np.zeros((count, RATE_WORDS))
    name = job.optimizer.registry_name
    optimizer: Any = job.optimizer  # its fields are known by its name
    steps = range(first, first + count)
    eps = np.array([optimizer.learning_rate * job.schedule.factor(t) for t in steps])
    table[:, 0] = eps
    table[:, 1] = 1 - eps * optimizer.decoupled_decay()
    if job.clipping is not None:
        table[:, 2] = job.clipping.value or 0.0
        table[:, 3] = job.clipping.norm or 0.0
    constants = _CONSTANTS[name](optimizer) if name in _CONSTANTS else ()
    table[:, 4 : 4 + len(constants)] = constants
    if name in ("adam", "adamw", "amsgrad", "radam"):
        table[:, 0] = [e / (1 - optimizer.beta1**t) for e, t in zip(eps.tolist(), steps, strict=True)]
        table[:, 7] = [
            optimizer.rectification(t) if name == "radam" else 1 / sqrt(1 - optimizer.beta2**t) for t in steps
        ]
    for number, penalty in enumerate(job.pulls):
        at = FIRST_PENALTY + 2 * number
        if at < SHRINK:
            table[:, at] = penalty.strength
            table[:, at + 1] = getattr(penalty, "p", 0.0)
    table[:, SHRINK] = eps * sum(p.strength for p in job.penalties if p.registry_name == "proximal_l1")
    return table
