"""Learned: what stays of a run in an estimator; it can be pickled, and computes as the run did."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from koubai.api import Run
from koubai.core.params import Array
from koubai.data.preparation import Preparation
from koubai.engines.choose import compile_job
from koubai.engines.devices import is_gpu
from koubai.engines.engine import Job, Program, TrainingState
from koubai.network.network import Network
from koubai.train.recipe import Recipe
from koubai.train.session import Session

_ROWS = 128  # samples computed at once, always as many: an answer does not depend on what else is asked


@dataclass
class Learned:
    """A trained network with its training state; its program is made again when it is needed."""

    recipe: Recipe
    preparation: Preparation
    state: TrainingState
    job: Job  # without the data
    engine: str
    program: Program | None = field(default=None, repr=False)

    @classmethod
    def of(cls, run: Run) -> Learned:
        """Return what a run learned."""
        learned = cls.of_session(run.session)
        learned.program = run.session.program
        return learned

    @classmethod
    def of_session(cls, session: Session) -> Learned:
        """Return what a session has learned so far; it does not change as the session goes on."""
        job = session.program.job
        empty = replace(job, x=np.zeros((1, *job.network.in_shape), job.dtype), t=np.zeros_like(job.t[:1]))
        state, engine = session.program.state(), session.program.engine
        return cls(session.recipe, session.dataset.preparation, state, empty, engine)

    def __getstate__(self) -> dict[str, Any]:
        """Without the program, and without a GPU by name: a pickle may be read where there is none."""
        job = replace(self.job, device="auto") if is_gpu(self.job.device) else self.job
        return {**self.__dict__, "job": job, "program": None}

    @property
    def network(self) -> Network:
        """The network with its input shape."""
        return self.job.network

    def outputs(self, x: Array) -> Array:
        """Return the outputs (n, K) for inputs (n, ...) as they are stored."""
        x = self.preparation.scale.apply(x)
        program = self._compiled()
        padded = np.zeros((-(-len(x) // _ROWS) * _ROWS, *x.shape[1:]), x.dtype)
        padded[: len(x)] = x
        with np.errstate(all="ignore"):
            parts = [program.predict(padded[i : i + _ROWS]) for i in range(0, len(padded), _ROWS)]
        return np.concatenate(parts)[: len(x)]

    def activations(self, x: Array, path: str) -> Array:
        """Return what the layer at `path` puts out for inputs (n, ...) as they are stored: (n, features)."""
        root = self.network.bind(self.state.weights, training=False)
        taps: dict[tuple[str, str], Array] = {}
        for cell in root.walk():
            cell.taps = taps
        with np.errstate(all="ignore"):
            root.forward(self.preparation.scale.apply(x))
        return taps[path, "activation"].reshape(len(x), -1)

    def _compiled(self) -> Program:
        if self.program is None:
            program = compile_job(self.job, self.engine)
            program.restore(self.state)
            self.program = program
        return self.program
