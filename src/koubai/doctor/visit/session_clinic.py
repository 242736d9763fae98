"""Interventions on one of our own sessions: its state is forked and trained on under one change."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from koubai.core import random
from koubai.core.errors import KoubaiError
from koubai.data.dataset import Dataset
from koubai.doctor.patient.clinic import Change, Trial
from koubai.doctor.patient.facts import held_part, loss_facts, sample_rows
from koubai.doctor.patient.gradient_check import gradient_errors
from koubai.doctor.patient.skill import skill
from koubai.engines.engine import Observation, TrainingState
from koubai.train.recipe import Recipe
from koubai.train.session import Session

SCORE_ROWS = 2000


class SessionClinic:
    """Forks a session. Trials of one question are kept, so that diagnoses may ask alike."""

    way, works = "twin", True

    def __init__(self, session: Session, budget: int) -> None:
        self._session = session
        self.left = budget
        self._known: dict[tuple[Change, int, int, int | None], Trial | None] = {}

    def trial(self, change: Change, *, start: int, steps: int, seed: int | None = None) -> Trial | None:
        """Fork at `start`, train `steps` under `change`; None where that cannot be."""
        question = (change, start, steps, seed)
        if question not in self._known:
            self._known[question] = self._try(change, start, steps, seed)
        return self._known[question]

    def _try(self, change: Change, start: int, steps: int, seed: int | None) -> Trial | None:
        if steps > self.left or steps <= 0 or (seed is not None and start):
            return None
        edited = edit(change, self._session.recipe, self._session.dataset)
        if edited is None:
            return None
        recipe, dataset = edited
        recipe = replace(recipe, steps=start + steps, seed=recipe.seed if seed is None else seed)
        state = self._state_at(start) if start else None
        try:
            fork = open_fork(self._session, recipe, dataset, state)
        except KoubaiError:  # a change that does not fit this network is not a trial
            return None
        self.left -= steps
        with np.errstate(all="ignore"):
            losses = fork.advance(steps)
            train, _ = fork_result(fork, "train", self._session.dataset)
            held, held_loss = fork_result(fork, held_part(fork.dataset), self._session.dataset)
        return Trial(change, start, losses, train, held, held_loss)

    def gradient_errors(self) -> dict[str, float] | None:
        """Slopes along random directions, in float64, at the initial weights, on 16 samples."""
        recipe, data = self._session.recipe, self._session.dataset
        return gradient_errors(
            self._session.network, recipe.loss, data.x_train[:16], data.t_train[:16], recipe.seed
        )

    def _state_at(self, step: int) -> TrainingState:
        """The state after `step` updates: the session's own, or replayed from the start."""
        if step == self._session.step:
            return self._session.state()
        replay = open_fork(self._session, self._session.recipe, None, None)
        replay.advance(step)
        self.left -= step
        return replay.state()


def edit(change: Change, recipe: Recipe, dataset: Dataset) -> tuple[Recipe, Dataset | None] | None:
    """Return the recipe and (where it differs) the data of a change; None if there is no such change."""
    if change.name == "learning_rate":
        rate = recipe.optimizer.learning_rate * (change.value or 1.0)
        return recipe.edit(optimizer__learning_rate=rate), None
    if change.name == "one_batch":
        rows = min(int(change.value or 16), len(dataset.x_train))
        recipe = replace(recipe, batch_size=rows)
    if change.name == "remedy":
        from koubai.doctor.remedies import REMEDIES

        treated = REMEDIES[change.path]().apply(recipe, dataset)
        return (treated, None) if treated is not None else None
    return recipe, _other_data(change, recipe, dataset)


def _other_data(change: Change, recipe: Recipe, dataset: Dataset) -> Dataset | None:
    """The data of a change; None where the data stay."""
    match change.name:
        case "one_batch":
            rows = recipe.batch_size
            return replace(dataset, x_train=dataset.x_train[:rows], t_train=dataset.t_train[:rows])
        case "zero_inputs":
            parts = {name: np.zeros_like(getattr(dataset, name)) for name in ("x_train", "x_val", "x_test")}
            return replace(dataset, **parts)
        case "shuffle_labels":
            order = random.permutation(random.key(recipe.seed, "shuffle labels"), len(dataset.t_train))
            return replace(dataset, t_train=dataset.t_train[order])
    return None


def fork_result(session: Session, part: str, judge: Dataset) -> tuple[float, float]:
    """Return skill and data loss of a session's weights on one part of its data; NaN if it is empty.

    Where only the session's targets are scaled, and not those of `judge`, both are in the units of `judge`:
    losses in other units cannot be compared, nor skills where outputs of different sizes count together.
    """
    x, t = getattr(session.dataset, f"x_{part}"), getattr(session.dataset, f"t_{part}")
    rows = sample_rows(len(x), SCORE_ROWS)
    if not len(rows):
        return float("nan"), float("nan")
    y, t, loss = session.program.predict(x[rows]), t[rows], session.recipe.loss
    if judge.target_units is None:
        y, t = session.dataset.as_stored(y), session.dataset.as_stored(t)
    return skill(y, t, loss_facts(loss).takes), float(loss.value(y, t))


def open_fork(
    session: Session, recipe: Recipe, dataset: Dataset | None, state: TrainingState | None
) -> Session:
    """Return a session of a changed recipe, on the same engine, from `state` or from its own start."""
    same_data = recipe.data == session.recipe.data
    fork = Session(
        recipe,
        dataset=dataset if dataset is not None else (session.dataset if same_data else None),
        engine=session.program.engine,
        threads=session.program.job.threads,
        device=session.device,
        observation=Observation(),
    )
    if state is not None:
        fork.restore(state)
    return fork
