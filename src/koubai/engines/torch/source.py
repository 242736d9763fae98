"""Where a program's batches come from: the data on the device, once; or batches sent a stretch at a time.

Both give tables, one row for each step of a stretch, and make a batch of one row of each table: that alone is
work of a step, and all of it is on the device.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch

from koubai.core.params import Array
from koubai.data.levels import Inputs, Levels
from koubai.engines.engine import Job

_SENT = 64 << 20  # bytes of batches that are sent at once
_SHARE = 0.5  # of a device's free memory that data may take


class BatchSource(Protocol):
    """Gives batches."""

    most_steps: int

    def tables(self, rows: Array, step: int) -> list[torch.Tensor]:
        """Return tables (S, ...) on the device for batches `rows` (S, N) of the updates from `step` on."""
        ...

    def batch(self, row: list[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return this rank's inputs and targets, of one row of each table."""
        ...


def source_of(job: Job, device: torch.device) -> BatchSource:
    """Return the data on the device, if it has room for them and they are used as they are."""
    codes = job.x.codes if isinstance(job.x, Levels) else job.x
    fits = codes.nbytes + job.t.nbytes <= _SHARE * _free(device)
    return Resident(job, device) if fits and not job.augment else Sent(job, device)


class Resident:
    """All data on the device: a step is told which rows it takes."""

    most_steps = 1 << 30

    def __init__(self, job: Job, device: torch.device) -> None:
        self._ranks, self._device = job.ranks, device
        self._x, self._numbers = _placed(job.x, device)
        self._t = shared(_targets(job.t)).to(device)

    def tables(self, rows: Array, step: int) -> list[torch.Tensor]:
        """Numbers of samples (S, share)."""
        return [shared(np.ascontiguousarray(rows[:, self._ranks.rows(rows.shape[1])])).to(self._device)]

    def batch(self, row: list[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Gather the samples."""
        return self._numbers(self._x.index_select(0, row[0])), self._t.index_select(0, row[0])


class Sent:
    """Data too large for the device, or altered on their way: batches are made by the host."""

    def __init__(self, job: Job, device: torch.device) -> None:
        self._job, self._device = job, device
        rows = job.ranks.rows(job.batch_size)
        one = (rows.stop - rows.start) * int(np.prod(job.network.in_shape)) * np.dtype(job.dtype).itemsize
        self.most_steps = max(1, _SENT // max(one, 1))

    def tables(self, rows: Array, step: int) -> list[torch.Tensor]:
        """Inputs (S, share, ...) and targets (S, share, ...)."""
        batches = [self._job.share(batch, step + i) for i, batch in enumerate(rows)]
        x, t = (np.stack(parts) for parts in zip(*batches, strict=True))
        return [torch.from_numpy(array).to(self._device) for array in (x, _targets(t))]

    def batch(self, row: list[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """They are there."""
        return row[0], row[1]


class _Numbers:
    """Makes numbers of what lies on the device, by the operations of Levels."""

    def __init__(self, x: Inputs, device: torch.device) -> None:
        ways = (x.shift, x.width) if isinstance(x, Levels) else ()
        self._ways = [torch.tensor(float(n), device=device) for n in ways]

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """(n, ...) bytes or numbers -> (n, ...) numbers."""
        if not self._ways:
            return x
        shift, width = self._ways  # tensors: by a number, some devices multiply with its inverse instead
        return x.to(torch.float32).sub_(shift).div_(width)


def _placed(x: Inputs, device: torch.device) -> tuple[torch.Tensor, _Numbers]:
    codes = x.codes if isinstance(x, Levels) else x
    return shared(np.ascontiguousarray(codes)).to(device), _Numbers(x, device)


def placed(x: Inputs, device: torch.device) -> torch.Tensor:
    """Return inputs as numbers on a device; Levels travel as bytes."""
    there, numbers = _placed(x, device)
    return numbers(there)


def _targets(t: Array) -> Array:
    """Return labels as PyTorch takes them; values as they are."""
    return np.ascontiguousarray(t, np.int64) if t.dtype.kind == "i" else t


class _Writable:
    """An array's memory under an interface that does not say that it is locked."""

    def __init__(self, array: Array) -> None:
        self.array = array  # held as long as somebody looks at its memory
        self.__array_interface__ = {**array.__array_interface__, "data": (array.ctypes.data, False)}


def shared(array: Array) -> torch.Tensor:
    """Return an array as a tensor in the same memory; it is only read, which PyTorch cannot promise."""
    return torch.from_numpy(array if array.flags.writeable else np.asarray(_Writable(array)))


def _free(device: torch.device) -> float:
    """Return the bytes that are free on a device; without bound where nobody tells, or the memory is ours."""
    return float(torch.cuda.mem_get_info(device)[0]) if device.type == "cuda" else float("inf")
