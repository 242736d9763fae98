"""A job run by PyTorch: autograd instead of our backward formulas, on a CPU or a GPU."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from koubai.core.blas_threads import blas_threads
from koubai.core.forks import renew_openmp_at_fork
from koubai.core.params import Array
from koubai.core.taps import Squares
from koubai.data.levels import Inputs, as_numbers
from koubai.engines.engine import Job, Observation, OnTap, TapRecord, TrainingState
from koubai.engines.torch.arrays import array_of
from koubai.engines.torch.formula import to_array
from koubai.engines.torch.module import Moment, build_module, check_ranks, read_weights
from koubai.engines.torch.sums import add_over_ranks, tensor_magnitudes, tensor_squares
from koubai.engines.turns import Turn, in_turn
from koubai.engines.update import add_penalties, update

_PREDICT_ROWS = 1000


class TorchProgram:
    """Forward and backward by PyTorch; loss, penalties, clipping and update rules by our formulas.

    The device is the argument, else the environment's KOUBAI_TORCH_DEVICE, else CUDA where there is one,
    else the CPU. Matrix products and convolutions run in bfloat16 if the job's precision says so.
    """

    engine = "torch"

    def __init__(self, job: Job, device: str | None = None) -> None:
        job.check()
        self.turn = Turn()
        renew_openmp_at_fork()
        automatic = "cuda" if torch.cuda.is_available() else "cpu"
        self.device = torch.device(device or os.environ.get("KOUBAI_TORCH_DEVICE") or automatic)
        if self.device.type == "cuda":
            torch.backends.cudnn.allow_tf32 = False  # else float32 convolutions keep ten bits
        self.job = job
        self._adopt(TrainingState(0, job.network.initialize(job.seed, job.dtype)))

    def _adopt(self, state: TrainingState) -> None:
        self.moment = Moment(self.job.seed, state.step, ranks=self.job.ranks, batch=self.job.batch_size)
        self.module = build_module(self.job.network, state.weights, self.device, self.moment)
        if self.job.ranks.size > 1:
            check_ranks(self.module)
        self._params: dict[str, torch.Tensor] = dict(self.module.named_parameters())
        self._slots = {}
        for path, w in self._params.items():
            for slot in self.job.optimizer.slots:
                name = f"{path}/{slot}"
                old = state.slots.get(name)
                fresh = torch.zeros_like(w, requires_grad=False)
                self._slots[name] = fresh if old is None else torch.from_numpy(old.copy()).to(self.device)

    @in_turn
    def state(self) -> TrainingState:
        """Return a copy of the training state."""
        slots = {name: to_array(slot).copy() for name, slot in self._slots.items()}
        return TrainingState(self.moment.step, read_weights(self.module), slots)

    @in_turn
    def restore(self, state: TrainingState) -> None:
        """Continue from a copy of `state`."""
        self._adopt(self.job.state_of(state))

    @in_turn
    def replace(self, job: Job) -> bool:
        """Take over another job; only another network or type of number needs another module."""
        if job.network != self.job.network or job.dtype != self.job.dtype:
            return False
        job.check()
        state = self.state()
        self.job = job
        self._adopt(state)
        return True

    @in_turn
    def advance(
        self, indices: Array, observation: Observation | None = None, on_tap: OnTap | None = None
    ) -> Array:
        """Train one step for each row of `indices`."""
        indices = self.job.check_indices(indices)
        losses = np.zeros(len(indices))
        with self._threads():
            for row, batch in enumerate(indices):
                losses[row] = self._step(batch, observation, on_tap)
                if not np.isfinite(losses[row]):
                    return losses[: row + 1]
        return losses

    def _step(self, batch: Array, observation: Observation | None, on_tap: OnTap | None) -> float:
        job, moment = self.job, self.moment
        moment.step += 1
        asked = observation if on_tap is not None else None
        tapped = asked if asked is not None and asked.taps(moment.step) else None
        sums: dict[tuple[str, str], Squares] = {}
        moment.sums, moment.units = (sums, tapped.units) if tapped else (None, False)
        inputs, t = job.share(batch, moment.step)
        x = torch.from_numpy(inputs).to(self.device)
        # A leaf on which no parameter acts has a gradient too, but PyTorch computes it only if asked to.
        loss = self._backward(x.requires_grad_(tapped is not None), t)
        for untapped in job.network.untapped:
            sums.pop(untapped, None)
        if sums:
            add_over_ranks(sums, job.ranks)
        loss, gradients = self._over_ranks(loss)
        add_penalties(job, _arrays(self._params), _arrays(gradients))
        before = {}
        if tapped:
            for path, g in gradients.items():
                sums[path, "weight"] = tensor_squares(self._params[path])
                sums[path, "weight_gradient"] = tensor_magnitudes(g)
            before = {path: w.detach().clone() for path, w in self._params.items()}
        own = _arrays(self._params), _arrays(gradients), _arrays(self._slots)
        update(self.job, moment.step, *own)
        if tapped and on_tap is not None:
            for path, old in before.items():
                sums[path, "update"] = tensor_squares(self._params[path].detach() - old)
            on_tap(TapRecord(moment.step, sums))
        return loss

    def _backward(self, x: torch.Tensor, t: Array) -> float:
        """Leave this rank's part of the data loss's gradient in every `grad`; return its part of the loss."""
        self.module.train()
        self.module.zero_grad()
        y = self._forward(x)
        outputs = to_array(y)
        share = len(t) / self.job.batch_size  # of the mean over the batch
        loss = self.job.loss.value(outputs, t) * share
        dy = (self.job.loss.gradient(outputs, t) * share).astype(outputs.dtype, copy=False)
        y.backward(torch.from_numpy(dy).to(self.device))
        return loss

    def _forward(self, x: torch.Tensor) -> torch.Tensor:
        mixed = self.job.precision == "bfloat16"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=mixed):
            y: torch.Tensor = self.module(x)
        return y.float() if mixed else y

    def _over_ranks(self, loss: float) -> tuple[float, dict[str, torch.Tensor]]:
        """Return loss and gradients by path, each the sum of all ranks' parts: one flat sum for all."""
        gradients = {
            path: torch.zeros_like(w, requires_grad=False) if w.grad is None else w.grad
            for path, w in self._params.items()
        }
        if self.job.ranks.size == 1:
            return loss, gradients
        parts = [g.reshape(-1) for g in gradients.values()]
        flat = torch.cat(
            [*parts, torch.tensor([loss], device=self.device, dtype=getattr(torch, self.job.dtype))]
        )
        self.job.ranks.add(flat)
        shares = flat[:-1].split([len(part) for part in parts])
        whole = {path: g.view_as(self._params[path]) for path, g in zip(gradients, shares, strict=True)}
        return float(flat[-1]), whole

    @in_turn
    def predict(self, x: Inputs) -> Array:
        """Return outputs as at test time, a thousand rows at a time; each rank computes its share of them."""
        self.module.eval()
        self.moment.sums = None
        x = as_numbers(x, self.job.network.in_shape, self.job.dtype, "predict")
        x = x[self.job.ranks.rows(len(x))]
        with self._threads(), torch.no_grad():
            parts = [
                to_array(self._forward(torch.tensor(x[i : i + _PREDICT_ROWS], device=self.device)))
                for i in range(0, max(len(x), 1), _PREDICT_ROWS)
            ]
        return np.concatenate(self.job.ranks.gather(np.concatenate(parts)))

    @contextmanager
    def _threads(self) -> Iterator[None]:
        """Use the job's threads, also in formulas; PyTorch's own number is put back after."""
        before = torch.get_num_threads()
        torch.set_num_threads(self.job.threads)
        try:
            with blas_threads(self.job.threads):
                yield
        finally:
            torch.set_num_threads(before)

    @in_turn
    def listing(self) -> str:
        """Return the layers in order, each with the way it runs."""
        lines = [f"torch {torch.__version__} on {self.device}, {self.job.precision}"]
        for module in self.module.modules():
            cell = module.cell
            if not cell.children or not module.lowered:
                way = "torch functions" if module.lowered else "reference formula (NumPy)"
                name = type(cell.layer).__name__
                lines.append(f"{cell.path:12s} {name:20s} {cell.in_shape} -> {cell.out_shape}  {way}")
        return "\n".join(lines + self.job.outside())


def _arrays(tensors: dict[str, torch.Tensor]) -> dict[str, Any]:
    """Tensors as formulas can change them in place."""
    return {name: array_of(tensor) for name, tensor in tensors.items()}
