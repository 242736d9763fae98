"""A job run by the formulas themselves, in NumPy, float32 or float64."""

from __future__ import annotations

import numpy as np

from koubai.core.blas_threads import blas_threads
from koubai.core.params import Array
from koubai.core.tap_record import TapRecord
from koubai.core.taps import Squares, taken
from koubai.data.levels import Inputs, as_numbers
from koubai.engines.engine import Job, Observation, OnTap, TrainingState
from koubai.engines.turns import Turn, in_turn
from koubai.engines.update import add_penalties, update
from koubai.network.network import join

_PREDICT_ROWS = 1000


class ReferenceProgram:
    """Runs forward, backward, penalties, clipping and the update of each tensor, one step after another."""

    engine = "reference"

    def __init__(self, job: Job) -> None:
        job.check()
        self.turn = Turn()
        self.job = job
        self._adopt(TrainingState(0, job.network.initialize(job.seed, job.dtype)))

    def _adopt(self, state: TrainingState) -> None:
        self._state = state
        for path, w in state.weights.params.items():
            for slot in self.job.optimizer.slots:
                state.slots.setdefault(f"{path}/{slot}", np.zeros_like(w))
        self._root = self.job.network.bind(state.weights, training=True, seed=self.job.seed)
        self._cells = tuple(self._root.walk())

    @in_turn
    def state(self) -> TrainingState:
        """Return a copy of the training state."""
        return self._state.copy()

    @in_turn
    def restore(self, state: TrainingState) -> None:
        """Continue from a copy of `state`."""
        self._adopt(self.job.state_of(state))

    @in_turn
    def replace(self, job: Job) -> bool:
        """Take over another job; the reference has nothing to compile."""
        if job.network != self.job.network:
            return False
        job.check()
        self.job = job
        self._adopt(self._state)
        return True

    @in_turn
    def advance(
        self, indices: Array, observation: Observation | None = None, on_tap: OnTap | None = None
    ) -> Array:
        """Train one step for each row of `indices`."""
        indices = self.job.check_indices(indices)
        losses = np.zeros(len(indices))
        with blas_threads(self.job.threads):
            for row, batch in enumerate(indices):
                losses[row] = self._step(batch, observation, on_tap)
                if not np.isfinite(losses[row]):
                    return losses[: row + 1]
        return losses

    def _step(self, batch: Array, observation: Observation | None, on_tap: OnTap | None) -> float:
        job, state = self.job, self._state
        state.step += 1
        asked = observation if on_tap is not None else None
        tapped = asked if asked is not None and asked.taps(state.step) else None
        tensors: dict[tuple[str, str], Array] | None = {} if tapped else None
        for cell in self._cells:
            cell.step, cell.taps = state.step, tensors
        x, t = job.batch(batch, state.step)
        y = self._root.forward(x)
        loss = job.loss.value(y, t)
        self._root.backward(job.loss.gradient(y, t).astype(y.dtype, copy=False))
        gradients = self._gradients()
        sums: dict[tuple[str, str], Squares] = {}
        if tapped and tensors is not None:
            for (path, role), tensor in tensors.items():
                if (path, role) not in job.network.untapped:
                    sums[path, role] = taken(tensor, role, units=tapped.units)
            for path, g in gradients.items():
                sums[path, "weight"] = taken(state.weights.params[path], "weight")
                sums[path, "weight_gradient"] = taken(g, "weight_gradient")
        before = {path: w.copy() for path, w in state.weights.params.items()} if tapped else {}
        update(job, state.step, state.weights.params, gradients, state.slots)
        if tapped and on_tap is not None:
            for path, old in before.items():
                sums[path, "update"] = taken(state.weights.params[path] - old, "update")
            on_tap(TapRecord(state.step, sums))
        return loss

    def _gradients(self) -> dict[str, Array]:
        """Collect gradients by path and add those of the penalties."""
        gradients = {join(cell.path, name): cell.grads[name] for cell in self._cells for name in cell.params}
        add_penalties(self.job, self._state.weights.params, gradients)
        return gradients

    @in_turn
    def predict(self, x: Inputs) -> Array:
        """Return outputs as at test time, a thousand rows at a time."""
        root = self.job.network.bind(self._state.weights, training=False)
        x = as_numbers(x, self.job.network.in_shape, self.job.dtype, "predict")
        starts = range(0, max(len(x), 1), _PREDICT_ROWS)
        with blas_threads(self.job.threads):
            return np.concatenate([root.forward(x[i : i + _PREDICT_ROWS]) for i in starts])

    @in_turn
    def listing(self) -> str:
        """Return the layers in order: the reference has no other program."""
        lines = [
            f"{cell.path:12s} {type(cell.layer).__name__:20s} {cell.in_shape} -> {cell.out_shape}"
            for cell in self.job.network.leaves
        ]
        return "\n".join(lines + self.job.outside())
