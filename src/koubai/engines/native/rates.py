"""The numbers of each step that the update kernels read, from the job's hyper-parameters."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np

from koubai.core.params import Array
from koubai.engines.engine import Job
from koubai.engines.native.kernels.block import record
from koubai.engines.native.kernels.update import MOST_PENALTIES, StepNumbers

# Which of a step's rates an optimizer's kernel reads, and the field of the optimizer that each is.
_ADAM = {"delta": "delta", "beta1": "beta1", "beta2": "beta2"}
_CONSTANTS = {
    "momentum": {"beta1": "momentum"},
    "nesterov": {"beta1": "momentum"},
    "adagrad": {"delta": "delta"},
    "rmsprop": {"delta": "delta", "beta1": "decay"},
    "adam": _ADAM,
    "adamw": _ADAM,
    "amsgrad": _ADAM,
    "radam": _ADAM,
    "adadelta": {"delta": "delta", "beta1": "decay"},
    "lion": {"beta1": "beta1", "beta2": "beta2"},
}


def step_numbers(job: Job, first: int, count: int) -> Array:
    """Return the StepNumbers of each of the updates first .. first + count (from 1)."""
    table = np.zeros(count, record(StepNumbers))
    name = job.optimizer.registry_name
    optimizer: Any = job.optimizer  # its fields are known by its name
    steps = range(first, first + count)
    alpha = np.array([optimizer.learning_rate * job.schedule.factor(t) for t in steps])
    table["alpha"] = alpha
    table["keep"] = 1 - alpha * optimizer.decoupled_decay()
    if job.clipping is not None:
        table["value_bound"] = job.clipping.value or 0.0
        table["norm_bound"] = job.clipping.norm or 0.0
    for rate, field in _CONSTANTS.get(name, {}).items():
        table[rate] = getattr(optimizer, field)
    if _CONSTANTS.get(name) is _ADAM:
        table["alpha"] = [a / (1 - optimizer.beta1**t) for a, t in zip(alpha.tolist(), steps, strict=True)]
        table["correction"] = [
            optimizer.rectification(t) if name == "radam" else 1 / sqrt(1 - optimizer.beta2**t) for t in steps
        ]
    for number, penalty in enumerate(job.pulls[:MOST_PENALTIES]):
        table["strengths"][:, number] = penalty.strength
        table["powers"][:, number] = getattr(penalty, "p", 0.0)
    table["shrink"] = alpha * sum(p.strength for p in job.penalties if p.registry_name == "proximal_l1")
    return table
