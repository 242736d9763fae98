"""Answered: what a model answered while it ran, in place of what it cannot be asked again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from koubai.core.params import Array
from koubai.doctor.patient.checkup import Checkup
from koubai.doctor.patient.run_facts import DataFacts
from koubai.doctor.watch.seen.data import as_targets, flat
from koubai.doctor.watch.seen.seen import Seen

_LATE = 0.6  # of the run: what was answered before tells nothing of its end


def recent_answers(seen: Seen) -> tuple[int, Array, Array] | None:
    """Return the answers of the last fifth of the run, or the last ones, if these are late."""
    latest = seen.answers.latest
    if latest is None or latest < _LATE * seen.step:
        return None
    found = seen.answers.since(min(latest, int(0.8 * seen.step)))
    return None if found is None else (latest, *found)


def answered(checkup: Checkup | None, answers: tuple[int, Array, Array] | None, seen: Seen) -> Checkup | None:
    """Return a checkup of one of the program's own steps with what the model answered then."""
    if checkup is None or answers is None or checkup.outputs is not None:
        return checkup
    step, y, t = answers
    if abs(step - 1 - checkup.step) > max(1, 0.2 * seen.step) and checkup.step < seen.step / 2:
        return checkup
    return replace(checkup, outputs=y, targets=t, samples=len(y))


def held_answers(seen: Seen, data: DataFacts) -> tuple[DataFacts, Array | None]:
    """Return what the model answered in its last evaluation, where it cannot be run again."""
    latest = seen.held_answers.latest
    if latest is None or latest < 0.8 * seen.step:
        return data, None
    found = seen.held_answers.since(latest)
    if found is None:
        return data, None
    y, t = found
    samples = seen.held.samples() if data.x is not None else None
    fits = (
        samples is not None
        and len(samples[0]) == len(t)
        and np.array_equal(np.asarray(as_targets(samples[1], True)), t)
    )
    return replace(data, x_held=flat(samples[0]) if samples is not None and fits else None, t_held=t), y


def counted(data: DataFacts, checkup: Checkup) -> DataFacts:
    """Return the facts with what the targets of the answers tell, where inputs do not fit to them."""
    t = checkup.targets
    if t is None or checkup.outputs is None:
        return data
    if t.dtype.kind != "i":
        return replace(data, target_low=t.min(axis=0), target_high=t.max(axis=0))
    classes = max(checkup.outputs.shape[1], int(t.max(initial=0)) + 1, 2)
    return replace(data, classes=classes, class_counts=np.bincount(t, minlength=classes))
