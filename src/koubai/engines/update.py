"""The update of a step by the formulas, on any engine's arrays: penalties, clipping, the rule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from koubai.engines.engine import Job


def add_penalties(job: Job, params: Mapping[str, Any], gradients: Mapping[str, Any]) -> None:
    """Add to the gradients of the data loss, in place, those of the penalties."""
    for path, g in gradients.items():
        if job.network.param_specs[path].penalized:
            for penalty in job.pulls:
                np.add(g, penalty.gradient(params[path]), out=g)


def update(
    job: Job, step: int, params: Mapping[str, Any], gradients: dict[str, Any], slots: Mapping[str, Any]
) -> None:
    """Clip the gradients, then change parameters and slots (`path/slot`), in place; step counts from 1.

    Proximal penalties change a parameter after its update.
    """
    if job.clipping is not None:
        job.clipping.apply(gradients)
    for path, w in params.items():
        if not job.is_frozen(path):
            own = {slot: slots[f"{path}/{slot}"] for slot in job.optimizer.slots}
            pulled = w if job.network.param_specs[path].penalized else None
            change_array(job, step, w, gradients[path], own, pulled)


def change_array(job: Job, step: int, w: Any, g: Any, slots: dict[str, Any], pulled: Any | None) -> None:
    """Change one array of parameters and its slots, in place; `pulled` is what of it decays and shrinks."""
    alpha = job.optimizer.learning_rate * job.schedule.factor(step)
    decay = job.optimizer.decoupled_decay()
    if decay and pulled is not None:
        np.multiply(pulled, 1 - alpha * decay, out=pulled)
    job.optimizer.update(w, g, slots, alpha, step)
    for penalty in job.penalties:
        if penalty.proximal and pulled is not None:
            penalty.shrink(pulled, alpha)
