"""Twin: a watched chain of layers as a koubai session, on which the doctor can try things out.

A twin is used only if it is one: with the weights of the PyTorch model it must put out the same numbers and
have the same loss on the samples that were kept.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from koubai.core.errors import KoubaiError
from koubai.core.params import Array
from koubai.data.sources.arrays import Arrays
from koubai.data.tabular import TableTask
from koubai.doctor.patient.clinic import Clinic
from koubai.doctor.patient.run_facts import DataFacts
from koubai.doctor.visit.session_clinic import SessionClinic, open_fork
from koubai.doctor.watch.checkups.examine import Examination
from koubai.doctor.watch.checkups.rerun import examine_again, few_of, loaded
from koubai.doctor.watch.passes.loss_rule import LossRule
from koubai.doctor.watch.program.kinds import LOG_SOFTMAX
from koubai.doctor.watch.program.walk import copy_of
from koubai.doctor.watch.seen.data import as_targets
from koubai.doctor.watch.seen.kept_samples import Samples
from koubai.doctor.watch.seen.seen import Seen
from koubai.doctor.watch.twin.translate import chain_of, loss_like, optimizer_like, weights_of
from koubai.engines.engine import Observation, TrainingState
from koubai.engines.torch.formula import to_array
from koubai.layers.sequential import Sequential
from koubai.penalties.p_norm import L2
from koubai.train.recipe import Recipe
from koubai.train.session import Session

_ROWS = 64  # samples on which both are compared
_CLOSE = 1e-3  # relative: both sides compute in float32
_MOST_RUNS = 20.0  # trials in multiples of the run, if the seconds allow more


@dataclass(frozen=True)
class Subject:
    """A model to be translated: its tensors at the start and now, its run, its samples.

    `examination` is that of some samples x, t with the tensors of the start, and with its flow. `x_all`,
    `t_all` are all samples that were kept, `x_held` those of `t_held`; `decay` is the weight decay of the
    optimizer that enters the gradient.
    """

    examination: Examination
    rule: LossRule
    x: torch.Tensor
    t: Array
    now: Mapping[str, torch.Tensor]
    start: Mapping[str, torch.Tensor]
    optimizer: Any
    decay: float
    x_all: Array
    t_all: Array
    x_held: Array | None
    t_held: Array | None
    batch_size: int
    step: int
    planned: int


def twin_clinic(seen: Seen, samples: Samples, data: DataFacts, seconds: float) -> Clinic | None:
    """Return a clinic that trains a twin for about `seconds` at most; None if the model has none."""
    if seconds <= 0 or not seen.optimizers or seen.loss.rule is None or seen.blind:
        return None
    few = few_of(seen, _ROWS)
    t, t_all = (as_targets(part, seen.loss.by_index) for part in (few[1], samples[1]))
    if t is None or t_all is None:
        return None
    now = copy_of(seen.root)
    held = seen.held.samples() if data.x_held is not None else None
    start = seen.start or now  # the present weights may be NaN, those of the start tell what it computes
    with loaded(seen.root, start):
        examination = examine_again(seen, seen.loss.rule, few, 0, flow=True)
    subject = Subject(
        examination=examination,
        rule=seen.loss.rule,
        x=few[0].to(examination.y.device),
        t=t,
        now=now,
        start=start,
        optimizer=seen.optimizers[0],
        decay=max(seen.decays.values(), default=0.0),
        x_all=to_array(samples[0].float()),
        t_all=t_all,
        x_held=to_array(held[0].float()) if held else None,
        t_held=data.t_held,
        batch_size=seen.batch_size or 100,
        step=seen.step,
        planned=seen.planned or max(seen.step, 1),
    )
    try:
        session = twin(subject)
        return None if session is None else SessionClinic(session, _affordable_steps(session, seconds))
    except KoubaiError:  # data or settings that koubai refuses: then nothing can be tried out
        return None


def twin(subject: Subject) -> Session | None:
    """Return the model as a session that stands where the model stands; None if it cannot be translated."""
    recorder = subject.examination.recorder
    layers = chain_of(recorder, subject.x, subject.examination.y, subject.start)
    loss, optimizer = loss_like(subject.rule, recorder), optimizer_like(subject.optimizer)
    if layers is None or loss is None or optimizer is None:
        return None  # something that koubai has not
    recipe = Recipe(
        network=Sequential(*(layer for _, layer in layers)),
        data=_source(subject),
        loss=loss,
        optimizer=optimizer,
        penalties=(L2(subject.decay),) if subject.decay else (),
        batch_size=min(subject.batch_size, len(subject.x_all)),
        steps=subject.planned,
    )
    session = Session(recipe, engine="auto", observation=Observation())
    slots = session.state().slots
    session.restore(TrainingState(0, weights_of(layers, subject.start), slots))
    if not _is_twin(session, subject):
        return None
    session.restore(TrainingState(subject.step, weights_of(layers, subject.now), slots))
    return session


def _is_twin(session: Session, subject: Subject) -> bool:
    """Whether outputs and loss in test mode are those of the model."""
    outputs = session.program.predict(to_array(subject.x.cpu()))
    loss = session.recipe.loss.value(outputs, subject.t)
    if subject.examination.recorder.last_kind == LOG_SOFTMAX:  # the twin's loss has it
        outputs = outputs - np.log(np.exp(outputs).sum(axis=1, keepdims=True))
    expected = to_array(subject.examination.y_test.cpu().float()).reshape(outputs.shape)
    near = _CLOSE * (float(np.abs(expected).max()) + 1e-6)
    test_loss = subject.examination.test_loss
    same_loss = abs(loss - test_loss) <= _CLOSE * (abs(test_loss) + 1e-3)
    return same_loss and np.allclose(outputs, expected, rtol=_CLOSE, atol=near)


def _source(subject: Subject) -> Arrays:
    held = subject.x_held is not None and subject.t_held is not None
    x_held, t_held = (subject.x_held, subject.t_held) if held else (None, None)
    task: TableTask = "classes" if subject.t_all.dtype.kind in "biu" else "values"
    return Arrays.of(subject.x_all, subject.t_all, x_held, t_held, task=task, test_share=0.0)


def _affordable_steps(session: Session, seconds: float) -> int:
    """Return how many steps of training fit into `seconds`, by a short fork."""
    fork = open_fork(session, session.recipe, None, None)
    fork.advance(2)
    started = time.perf_counter()
    fork.advance(10)
    per_step = (time.perf_counter() - started) / 10
    return int(min(seconds / max(per_step, 1e-6), _MOST_RUNS * max(session.recipe.steps, 1)))
