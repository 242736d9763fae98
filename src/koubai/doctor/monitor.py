"""Monitor: the doctor beside a run in progress. Findings as they appear, an end to hopeless runs, a way back.

    monitor = Monitor(stop=True)
    run = train(recipe, on_progress=monitor)
    monitor.findings

It only reads: the weights are the same bit for bit with and without it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from koubai.doctor.diagnose import consult
from koubai.doctor.patient.checkup import Checkup
from koubai.doctor.visit.consultation import Consultation
from koubai.doctor.visit.finding import Finding
from koubai.doctor.visit.session_patient import session_patient
from koubai.engines.engine import TrainingState
from koubai.train.recipe import Recipe
from koubai.train.session import Session
from koubai.train.train import Run, finish, train

EVERY = 0.1  # of the run between two looks
HOPELESS = ("symmetric_init", "not_finite", "output_loss_mismatch", "dead_units", "wrong_gradient")
"""Names that, proven by their sign alone in a run that gets nowhere, no further step will cure."""
MOST_ROLLBACKS = 6
"""Six tenths of tenths: a rate a million times smaller that still diverges is not the cause."""


@dataclass
class Monitor:
    """A callback for `train`: looks every tenth of the run, without trials.

    A run that is on its way costs a glance at its losses; only one that is not gets a checkup.

    | field      | meaning                                                                |
    |------------|------------------------------------------------------------------------|
    | stop       | end the run on a hopeless finding (`session.stopped_by` says which)    |
    | on_finding | called once for each new name                                          |
    | findings   | what was found at the latest look                                      |
    | seen       | name -> step of the look at which it appeared                          |
    """

    stop: bool = False
    every: float = EVERY
    on_finding: Callable[[Finding], None] | None = None
    findings: list[Finding] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict)
    _looked: int = 0  # step of the latest look
    _first: Checkup | None = None

    def __call__(self, session: Session) -> None:
        """Look, if it is time."""
        steps = session.recipe.steps
        early = session.step - self._looked < round(self.every * steps)
        if early and session.step < steps and session.stopped_by is None:
            return
        self._looked = session.step
        if session.step < steps and on_its_way(session):
            return
        with np.errstate(all="ignore"):
            patient = session_patient(session, budget=0, first=self._first)
            self.findings = consult(Consultation(patient))
        self._first = patient.first
        for finding in self.findings:
            if finding.name not in self.seen:
                self.seen[finding.name] = session.step
                if self.on_finding is not None:
                    self.on_finding(finding)
        if self.stop and session.stopped_by is None and (worst := hopeless(self.findings)) is not None:
            session.stopped_by = f"doctor: {worst.code} {worst.name}"


def on_its_way(session: Session) -> bool:
    """Whether the batch losses are finite and lie below where they began: such a run needs no closer look."""
    losses = session.history.series("loss")[1]
    window = max(1, len(losses) // 20)
    if len(losses) < 2 or not np.isfinite(losses[-window:]).all():
        return False
    return bool(losses[-window:].mean() < 0.98 * losses[:window].mean())


def hopeless(findings: list[Finding]) -> Finding | None:
    """Return the first finding that no further step will cure, or None; its sign is proof enough."""
    return next((f for f in findings if f.name in HOPELESS and f.certain and f.severity != "info"), None)


@dataclass
class Rollback:
    """A callback that keeps the last good state, so that a run which breaks off can go on more slowly.

    Good is a state with finite weights whose latest losses lie, on average, no higher than where the run
    began: what lies above that is on its way to infinity. States are kept every `every` updates, counted in
    steps, so that the same recipe goes back to the same step on every machine:

        keeper = Rollback(every=100)
        run = train(recipe, on_progress=keeper, progress_every=keeper.every)

    `resume` returns a session that continues from that state with the learning rate divided by `by`.
    """

    every: int
    by: float = 10.0
    good: TrainingState | None = None

    def __call__(self, session: Session) -> None:
        """Keep the state if it is time and the run is well."""
        if session.step % self.every or session.stopped_by is not None:
            return
        losses = session.history.series("loss")[1]
        if losses[-self.every :].mean() > losses[0]:
            return
        state = session.state()
        if all(np.isfinite(w).all() for w in state.weights.params.values()):
            self.good = state

    def resume(self, session: Session) -> Session:
        """Fork from the last good state (else from the start) at a lower rate, with the history so far."""
        recipe = session.recipe.edit(
            optimizer__learning_rate=session.recipe.optimizer.learning_rate / self.by
        )
        state = self.good
        if state is None:
            state = TrainingState(0, session.network.initialize(recipe.seed, recipe.dtype))
        lower = session.fork(recipe, state=state)
        lower.history = session.history.until(state.step)
        return lower


def train_with_rollback(
    recipe: Recipe,
    *,
    data_dir: Path | None = None,
    engine: str = "auto",
    threads: int | str = 1,
    on_rollback: Callable[[Session], None] | None = None,
) -> Run:
    """Train; whenever the run breaks off, go back to the last good state and on at a tenth of the rate.

    `on_rollback` is given each session that goes on, before it does.
    """
    keeper = Rollback(every=max(1, recipe.steps // 100))
    run = train(
        recipe,
        data_dir=data_dir,
        engine=engine,
        threads=threads,
        on_progress=keeper,
        progress_every=keeper.every,
    )
    for _ in range(MOST_ROLLBACKS):
        if run.stopped_by != "not finite":
            break
        session = keeper.resume(run.session)
        if on_rollback is not None:
            on_rollback(session)
        run = finish(session, keeper, progress_every=keeper.every)
    return run
