"""A job run by PyTorch: autograd instead of our backward formulas, on a CPU or a GPU.

Data, parameters and all that a step makes stay on the device. The host sends a table for a stretch of steps,
tells the device of one step after another, and reads losses and taps when the stretch is done.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

import numpy as np
import torch

from koubai.core.errors import EngineError
from koubai.core.forks import renew_openmp_at_fork
from koubai.core.params import Array
from koubai.core.tap_record import TapRecord
from koubai.data.levels import Inputs, as_inputs
from koubai.engines.engine import Job, Observation, OnTap, TrainingState
from koubai.engines.torch.device import device_named, settled, title
from koubai.engines.torch.flat import Flat
from koubai.engines.torch.formula import to_array
from koubai.engines.torch.graph import CudaRecorder, Eager, GraphRecorder, Replayed
from koubai.engines.torch.losses import has_function
from koubai.engines.torch.module import CellModule, StepContext, Sums, build_module, check_ranks
from koubai.engines.torch.scale import scaling_of
from koubai.engines.torch.source import BatchSource, placed, source_of
from koubai.engines.torch.step import TrainingStep
from koubai.engines.torch.sums import add_over_ranks, read_pending
from koubai.engines.torch.wide import wide
from koubai.engines.turns import Turn, in_turn

_PREDICT_ROWS = 1000
_KEPT = 31 << 20  # bytes: once as many were freed, glibc keeps twice that for the next step
_MOST_STEPS = 256  # between two looks at the losses
_SOON, _LATE = 0.05, 0.2  # seconds of a stretch that may be longer, and of one that has to be shorter
_MOST_SAVED = 1 << 30  # bytes that are copied before a stretch, to go back to where a loss was not finite

_FORWARD = ("activation", "weight")  # what is taken before anything flows back

TakenSums = tuple[int, Sums]


class TorchProgram:
    """All of a step by PyTorch, on the device that the job names (`koubai.engines.torch.device`).

    Matrix products and convolutions run in bfloat16 or float16 if the job's precision says so.
    """

    engine = "torch"

    def __init__(
        self, job: Job, device: torch.device | None = None, recorder: GraphRecorder | None = None
    ) -> None:
        job.check()
        self.turn = Turn()
        renew_openmp_at_fork()
        torch.empty(_KEPT, dtype=torch.uint8)
        self.torch_device = device or device_named(job.device, job.dtype)
        if self.torch_device.type == "mps" and job.ranks.size > 1:  # gloo and NCCL cannot add there
            raise EngineError("device_trains_in_one_process", where="device", got="mps")
        self._recorder = recorder
        self._source: tuple[Job, BatchSource] | None = None
        self._stretch_steps, self._fits = 1, False
        self.job = job
        self._adopt(TrainingState(0, job.network.initialize(job.seed, job.dtype)))

    @property
    def device(self) -> str:
        """The device, with its own name."""
        return title(self.torch_device)

    @property
    def module(self) -> CellModule:
        """The network; its tensors are windows of flat ones."""
        return self._step.module

    def _adopt(self, state: TrainingState) -> None:
        job, device = self.job, self.torch_device
        self.moment = StepContext(job.seed, state.step, ranks=job.ranks, batch=job.batch_size)
        module = build_module(job.network, state.weights, device, self.moment)
        if job.ranks.size > 1:
            check_ranks(module)
        self._flat = Flat(job, module, state, device)
        self._step = TrainingStep(job, module, self._flat, self._data())
        recorder = self._recorder
        if recorder is None and device.type == "cuda" and job.ranks.size == 1:
            recorder = CudaRecorder(device)
        self._runner = Eager(self._step) if recorder is None else Replayed(self._step, recorder)

    def _data(self) -> BatchSource:
        """Return where batches come from; data that lie on the device already stay there."""
        job = self.job
        if self._source is not None:
            known, source = self._source
            alike = ("batch_size", "augment", "seed", "ranks")
            if (
                known.x is job.x
                and known.t is job.t
                and all(getattr(known, n) == getattr(job, n) for n in alike)
            ):
                return source
        self._source = job, source_of(job, self.torch_device)
        return self._source[1]

    @in_turn
    def state(self) -> TrainingState:
        """Return a copy of the training state."""
        return self._flat.state(self.moment.step)

    @in_turn
    def restore(self, state: TrainingState) -> None:
        """Continue from a copy of `state`."""
        self._adopt(self.job.state_of(state))

    @in_turn
    def replace(self, job: Job) -> bool:
        """Take over another job; only another network, type of number or device needs another module."""
        own = self.job
        if (job.network, job.dtype, job.device) != (own.network, own.dtype, own.device):
            return False
        job.check()
        state = self.state()
        self.job, self._fits = job, False
        self._adopt(state)
        return True

    @in_turn
    def advance(
        self, indices: Array, observation: Observation | None = None, on_tap: OnTap | None = None
    ) -> Array:
        """Train one step for each row of `indices`."""
        indices = self.job.check_indices(indices)
        self._check_targets()
        losses: list[Array] = []
        done = 0
        while done < len(indices):
            started, steps = perf_counter(), min(self._stretch_steps, self._most_steps)
            with self._on_device():
                losses.append(
                    self._stretch(indices[done : done + steps], observation if on_tap else None, on_tap)
                )
            done += len(losses[-1])
            if not np.isfinite(losses[-1][-1]):
                break
            seconds = perf_counter() - started
            if seconds > _LATE:
                self._stretch_steps = max(1, steps // 2)
            elif seconds < _SOON and len(losses[-1]) == steps:  # a shorter one says nothing of longer ones
                self._stretch_steps = 2 * steps
        return np.concatenate([np.zeros(0), *losses])

    @property
    def _most_steps(self) -> int:
        """The longest stretch that this job may have: what is not finite is noticed at the end of one."""
        alone = self.job.ranks.size == 1  # others would have to agree on another length
        if not alone or self._flat.bytes > _MOST_SAVED:
            return 1
        return min(_MOST_STEPS, self._step.source.most_steps)

    def _stretch(self, rows: Array, observation: Observation | None, on_tap: OnTap | None) -> Array:
        """Train some steps without a look at them; then read their losses, and tell of the taps."""
        first = self.moment.step
        saved = self._flat.saved() if len(rows) > 1 else []
        losses, taken = self._run(rows, observation)
        read_losses = to_array(losses).astype(np.float64)
        finite = np.isfinite(read_losses)
        if not finite.all():
            good = int(finite.argmin()) + 1
            read_losses = read_losses[:good]
            if good < len(rows):  # steps were made that should not be: back, and once more up to there
                self._flat.back_to(saved)
                self.moment.step = first
                self._run(rows[:good], None)
        if on_tap is not None:
            self._tell([each for each in taken if each[0] <= self.moment.step], on_tap)
        return read_losses

    def _run(self, rows: Array, observation: Observation | None) -> tuple[torch.Tensor, list[TakenSums]]:
        """Tell the device of one step after another; return losses and taps that lie there still."""
        start, moment = self.moment.step + 1, self.moment
        tables = self._step.source.tables(rows, start)
        losses = torch.zeros(len(rows), dtype=wide(self._flat.params), device=self.torch_device)
        taken: list[TakenSums] = []
        at = 0
        while at < len(rows):
            if observation is not None and observation.taps(start + at):
                moment.step = start + at
                loss, sums = self._step.tapped([table[at] for table in tables], observation)
                losses[at].copy_(loss)
                taken.append((moment.step, sums))
                at += 1
                continue
            end = at + 1
            while end < len(rows) and not (observation is not None and observation.taps(start + end)):
                end += 1
            self._runner.run(
                [table[at:end] for table in tables], range(start + at, start + end), losses[at:end]
            )
            at = end
        return losses, taken

    def _tell(self, taken: list[TakenSums], on_tap: OnTap) -> None:
        """Read the sums of all tapped steps at once, and tell of one step after another."""
        made = iter(read_pending([each for _, sums in taken for each in sums.values()]))
        told = scaling_of([sums for _, sums in taken])
        for (step, sums), numbers in zip(taken, told, strict=True):
            moments = {name: next(made) for name in sums}
            of_rows = {name: moments[name] for name in moments if name in sums.of_rows}
            if of_rows:
                add_over_ranks(of_rows, self.job.ranks)
            moments |= of_rows
            if numbers.pop("changed", True):
                on_tap(TapRecord(step, moments, numbers))
            else:  # what flowed back was not finite for want of range, which says nothing of the network
                on_tap(TapRecord(step, {n: m for n, m in moments.items() if n[1] in _FORWARD}, numbers))

    def _check_targets(self) -> None:
        """Raise, once, unless outputs and targets fit the loss: on a device nobody looks at them."""
        job = self.job
        if self._fits or job.augment or not len(job.t) or not has_function(job.loss):
            return
        some = np.unique(job.t) if job.t.dtype.kind == "i" else job.t[:1]
        job.loss.fitted(np.zeros((len(some), *job.network.out_shape), job.dtype), some)
        self._fits = True

    @in_turn
    def predict(self, x: Inputs) -> Array:
        """Return outputs as at test time, a thousand rows at a time; each rank computes its share of them."""
        module, ranks = self.module.eval(), self.job.ranks
        x = as_inputs(x, self.job.network.in_shape, self.job.dtype, "predict")
        x = x[ranks.rows(len(x))]
        starts = range(0, max(len(x), 1), _PREDICT_ROWS)
        try:
            with self._on_device(), torch.no_grad():
                parts = [
                    self._step.forward(placed(x[i : i + _PREDICT_ROWS], self.torch_device)) for i in starts
                ]
                outputs = to_array(torch.cat(parts))
        finally:
            module.train()
        return np.concatenate(ranks.gather(outputs))

    @contextmanager
    def _on_device(self) -> Iterator[None]:
        with settled(self.torch_device, self.job.threads), self._runner.beside():
            yield

    @in_turn
    def listing(self) -> str:
        """Return the layers in order, each with the way it runs."""
        lines = [f"torch {torch.__version__} on {self.device}, {self.job.precision}, {self._runner}"]
        for module in self.module.modules():
            cell = module.cell
            if not cell.children or not module.lowered:
                way = "torch functions" if module.lowered else "reference formula (NumPy)"
                name = type(cell.layer).__name__
                lines.append(f"{cell.path:12s} {name:20s} {cell.in_shape} -> {cell.out_shape}  {way}")
        return "\n".join([*lines, *self._step.listing(), *self.job.outside()])
