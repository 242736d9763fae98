"""A patient from one of our own sessions or runs."""

from __future__ import annotations

import numpy as np

from koubai.core.params import Array
from koubai.doctor.patient.checkup import Checkup
from koubai.doctor.patient.examine import examine
from koubai.doctor.patient.facts import (
    REFERENCE_ROWS,
    data_facts,
    held_part,
    layer_facts,
    loss_facts,
    optimizer_facts,
    sample_rows,
)
from koubai.doctor.patient.patient import Patient
from koubai.doctor.visit.session_clinic import SessionClinic, open_fork
from koubai.engines.engine import TrainingState
from koubai.schedules.schedule import ConstantRate
from koubai.train.session import Session

CHECKUP_ROWS = 1000
_CHECKUP_MULTIPLY_ADDS = 4_000_000_000  # some seconds of NumPy at most: fewer rows for a large network


def session_patient(session: Session, *, budget: float = 20.0, first: Checkup | None = None) -> Patient:
    """Return what the doctor may know of a session: facts, history, first and last checkup, a clinic.

    `budget` bounds the training the clinic may spend, in multiples of the planned run; 0 means no forks.
    `first` is the checkup of the initial weights, where it is known already.
    """
    recipe, dataset, network = session.recipe, session.dataset, session.network
    clinic = SessionClinic(session, int(budget * max(recipe.steps, 1))) if budget > 0 else None
    return Patient(
        layers=layer_facts(network),
        history=session.history,
        checkups=_checkups(session, first),
        loss=loss_facts(recipe.loss),
        optimizer=optimizer_facts(recipe.optimizer),
        data=data_facts(dataset),
        batch_size=recipe.batch_size,
        step=session.step,
        planned=recipe.steps,
        constant_rate=isinstance(recipe.schedule, ConstantRate),
        held_outputs=_held_outputs(session),
        untrained=tuple(path for path in network.param_specs if session.program.job.is_frozen(path)),
        declared_frozen=tuple(path for path in network.param_specs if session.program.job.is_frozen(path)),
        clips=recipe.clipping is not None,
        open_clinic=lambda: clinic,
    )


def checkup(session: Session, state: TrainingState, rows: Array | None = None) -> Checkup:
    """Examine a session's network with a state's weights, on always the same samples or on `rows`."""
    network, data, recipe = session.network, session.dataset, session.recipe
    fitting = int(_CHECKUP_MULTIPLY_ADDS / max(3 * network.multiply_adds, 1))
    if rows is None:
        rows = sample_rows(len(data.x_train), min(CHECKUP_ROWS, max(16, fitting)))
    t = data.t_train[rows]
    return examine(
        network,
        state.weights,
        recipe.loss,
        data.x_train[rows].astype(recipe.dtype, copy=False),
        t if t.dtype.kind == "i" else t.astype(recipe.dtype, copy=False),
        step=state.step,
        penalties=recipe.penalties,
    )


def _checkups(session: Session, first: Checkup | None) -> tuple[Checkup, ...]:
    """The initial weights, where the run began with them, and the present ones.

    Of a run that broke off, the weights before the step that broke it, on that step's own batch.
    """
    losses = session.history.series("loss")[1]
    if not session.step or len(losses) != session.step:
        return (checkup(session, session.state()),)
    if first is None:
        weights = session.network.initialize(session.recipe.seed, session.recipe.dtype)
        first = checkup(session, TrainingState(0, weights))
    if np.isfinite(losses[-1]):
        return (first, checkup(session, session.state()))
    before = session.step - 1
    replay = open_fork(session, session.recipe, None, None)
    replay.advance(before)
    return (first, checkup(session, replay.state(), session.sampler.batches(before, 1)[0]))


def _held_outputs(session: Session) -> Array | None:
    """Outputs for the samples that `data_facts` holds out."""
    part = held_part(session.dataset)
    x = getattr(session.dataset, f"x_{part}")
    rows = sample_rows(len(x), REFERENCE_ROWS)
    return session.program.predict(x[rows]) if len(rows) else None
