"""All parameters of a network in one flat tensor, all gradients in another: one kernel does for all of them.

The tensors of the module are windows of these, in an order in which every rule acts on one range:

    | penalized, frozen | penalized, trained | not penalized, trained | not penalized, frozen |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

import numpy as np
import torch

from koubai.core.params import Array, Shape
from koubai.engines.engine import Job, TrainingState
from koubai.engines.torch.formula import to_array
from koubai.engines.torch.module import CellModule
from koubai.network.network import Weights

_SCALE, _FIRST_SCALE = "loss_scale", (65536.0, 0.0, 0.0)  # see `koubai.engines.torch.scale`
_ALIGNED = 16  # elements: vector instructions and cuDNN want addresses that are multiples of 64 bytes


@dataclass(frozen=True)
class FlatRange:
    """Where an array lies in a flat tensor."""

    start: int
    shape: Shape

    def of(self, flat: torch.Tensor) -> torch.Tensor:
        """Return the part of a flat tensor, in the array's shape."""
        return flat[self.start : self.start + prod(self.shape)].view(self.shape)


class Flat:
    """What a program trains, flat; the module's parameters, gradients and buffers are windows of it.

    | tensor            | shape                                                                             |
    |-------------------|-----------------------------------------------------------------------------------|
    | params            | (P,), every array filled up with zeros to whole lines                             |
    | grads             | (P + 1,); the last one is free for the loss, which goes over the ranks with them  |
    | slots             | name -> (P,)                                                                      |
    | buffers           | (B,)                                                                              |
    | scale             | (3,) what `LossScale` keeps, with float16; else None                              |
    | penalized, trained| ranges of P                                                                       |
    """

    def __init__(self, job: Job, module: CellModule, state: TrainingState, device: torch.device) -> None:
        params, buffers = dict(module.named_parameters()), dict(module.named_buffers())
        kinds = {
            path: (spec.penalized, job.is_frozen(path)) for path, spec in job.network.param_specs.items()
        }
        order = ((True, True), (True, False), (False, False), (False, True))
        paths = [path for kind in order for path in params if kinds[path] == kind]
        self.windows, ends = _laid_out({path: params[path] for path in paths})
        starts = [0]
        for kind in order:
            starts.append(max([starts[-1], *(ends[path] for path in paths if kinds[path] == kind)]))
        self.penalized, self.trained = slice(0, starts[2]), slice(starts[1], starts[3])
        self.pulled = slice(starts[1], starts[2])  # penalized and trained
        self.buffer_windows, buffer_ends = _laid_out(buffers)
        self.paths, size = tuple(params), starts[-1]

        def zeros(count: int) -> torch.Tensor:
            return torch.zeros(count, dtype=getattr(torch, job.dtype), device=device)

        self.params, self.grads = zeros(size), zeros(size + 1)
        self.buffers = zeros(max(buffer_ends.values(), default=0))
        self.slots = {slot: zeros(size) for slot in job.optimizer.slots}
        self.scale: torch.Tensor | None = None
        if job.precision == "float16":
            kept = state.slots.get(_SCALE, np.array(_FIRST_SCALE))
            self.scale = torch.from_numpy(kept.astype(np.float32)).to(device)
        self._move_in(params, _by_owner(module))
        for slot, flat in self.slots.items():
            for path, window in self.windows.items():
                if (array := state.slots.get(f"{path}/{slot}")) is not None:
                    window.of(flat).copy_(torch.from_numpy(array.copy()))

    def _move_in(
        self, params: Mapping[str, torch.Tensor], buffers: Mapping[str, tuple[torch.nn.Module, str]]
    ) -> None:
        """Make windows of the module's own tensors."""
        for path, window in self.windows.items():
            w = params[path]
            window.of(self.params).copy_(w.detach())
            w.data = window.of(self.params)
            w.grad = window.of(self.grads)
        for path, window in self.buffer_windows.items():
            owner, name = buffers[path]
            window.of(self.buffers).copy_(owner.get_buffer(name))
            setattr(owner, name, window.of(self.buffers))

    def of(self, flat: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the arrays in a flat tensor like `params`, by path."""
        return {path: window.of(flat) for path, window in self.windows.items()}

    def state(self, step: int) -> TrainingState:
        """Return copies as arrays, read in one piece each."""
        params = _read(self.params, {path: self.windows[path] for path in self.paths})
        slots = {slot: _read(flat, self.windows) for slot, flat in self.slots.items()}
        by_path = {f"{path}/{slot}": slots[slot][path] for path in params for slot in self.slots}
        if self.scale is not None:
            by_path[_SCALE] = to_array(self.scale).copy()
        return TrainingState(step, Weights(params, _read(self.buffers, self.buffer_windows)), by_path)

    def saved(self) -> list[torch.Tensor]:
        """Return copies, on the device, of all that a step changes."""
        return [tensor.clone() for tensor in self._changing]

    def back_to(self, saved: list[torch.Tensor]) -> None:
        """Put back what `saved` gave."""
        for tensor, old in zip(self._changing, saved, strict=True):
            tensor.copy_(old)

    @property
    def bytes(self) -> int:
        """What a copy of all that a step changes takes."""
        return sum(tensor.nbytes for tensor in self._changing)

    @property
    def _changing(self) -> list[torch.Tensor]:
        scale = [] if self.scale is None else [self.scale]
        return [self.params, self.buffers, *self.slots.values(), *scale]


def _laid_out(tensors: Mapping[str, torch.Tensor]) -> tuple[dict[str, FlatRange], dict[str, int]]:
    """Return where each tensor lies, one after another, and where the next one may begin."""
    windows, ends, at = {}, {}, 0
    for path, tensor in tensors.items():
        windows[path] = FlatRange(at, tuple(tensor.shape))
        at += -(-tensor.numel() // _ALIGNED) * _ALIGNED
        ends[path] = at
    return windows, ends


def _by_owner(module: CellModule) -> dict[str, tuple[torch.nn.Module, str]]:
    owners = dict(module.named_modules())
    paths = {path: path.rpartition(".") for path, _ in module.named_buffers()}
    return {path: (owners[owner], name) for path, (owner, _, name) in paths.items()}


def _read(flat: torch.Tensor, windows: Mapping[str, FlatRange]) -> dict[str, Array]:
    whole = to_array(flat)
    return {
        path: np.array(whole[w.start : w.start + prod(w.shape)].reshape(w.shape))
        for path, w in windows.items()
    }
