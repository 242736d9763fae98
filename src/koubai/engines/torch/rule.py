"""The update of a step on flat tensors: penalties, clipping, the rule.

A formula of koubai's own acts on each element by itself, so it runs once over all parameters, as it is
written, by PyTorch's functions (`TensorArray`). One that somebody added may look at a tensor as a whole, and
may use any of NumPy's functions: it runs on arrays, parameter by parameter, and the listing says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch

from koubai.engines.engine import Job
from koubai.engines.torch.arrays import ArrayTracer, NumberMaker, TensorArray, as_it_is
from koubai.engines.torch.flat import Flat
from koubai.engines.torch.formula import to_array
from koubai.engines.torch.wide import wide
from koubai.engines.update import add_penalties, change_array, update

_BLOCK = 1 << 16  # parameters: what a rule makes of so many stays in a core's cache


class Rule:
    """Penalties, clipping and update rule of a job, on its flat tensors."""

    def __init__(self, job: Job, flat: Flat) -> None:
        self.job, self.flat = job, flat
        self._unclipped = replace(job, clipping=None)
        self._parts = _in_parts(flat)
        self.on_host = [part for part in (job.optimizer, *job.penalties) if not is_own(part)]
        self._pulls_on_host = not all(map(is_own, job.pulls))
        self._changes_on_host = any(part not in job.pulls for part in self.on_host)

    def pull(self, numbers: NumberMaker = as_it_is) -> None:
        """Add the gradients of the penalties to those of the data loss."""
        flat, job = self.flat, self.job
        if self._pulls_on_host:
            _on_host(lambda w, g, _: add_penalties(job, w, g), flat)
            return
        parts: Any = (TensorArray(each[flat.penalized], numbers) for each in (flat.params, flat.grads))
        w, g = parts
        for penalty in job.pulls:
            g += penalty.gradient(w)

    def clip(self) -> None:
        """Bound the gradients, by value and then by norm, as `Clipping.apply` does."""
        clipping, g = self.job.clipping, self.flat.grads[:-1]
        if clipping is None:
            return
        if clipping.value is not None:
            g.clamp_(-clipping.value, clipping.value)
        if clipping.norm is not None:
            total = torch.linalg.vector_norm(g, dtype=wide(g))
            g *= torch.where(total > clipping.norm, clipping.norm / total, 1.0).to(g.dtype)

    def change(self, step: int, numbers: NumberMaker = as_it_is) -> None:
        """Change parameters and slots as update `step` does."""
        if self._changes_on_host:
            _on_host(lambda w, g, slots: update(self._unclipped, step, w, g, slots), self.flat)
            return
        self._formulas(step, lambda tensor, part: TensorArray(tensor[part], numbers))

    def numbers(self, step: int) -> tuple[tuple[str, ...], list[float]]:
        """Return which functions `pull` and `change` call at a step, and with what numbers, in order."""
        functions: list[str] = []
        heard: list[float] = []
        listener: Any = ArrayTracer(functions, heard)  # in the place of arrays
        for penalty in self.job.pulls:
            listener += penalty.gradient(listener)
        self._formulas(step, lambda tensor, part: listener)
        return tuple(functions), heard

    def _formulas(self, step: int, of: Callable[[torch.Tensor, slice], Any]) -> None:
        """Decay, the rule, and what penalties do after it, on the parts that `of` gives of flat tensors."""
        flat = self.flat
        for part, pulled in self._parts:
            w, g = of(flat.params, part), of(flat.grads, part)
            slots = {name: of(slot, part) for name, slot in flat.slots.items()}
            change_array(self.job, step, w, g, slots, of(flat.params, pulled))


def _in_parts(flat: Flat) -> list[tuple[slice, slice]]:
    """Return ranges of the trained parameters, each with its penalized part; on a GPU, one for all."""
    start, stop = flat.trained.start, flat.trained.stop
    size = _BLOCK if flat.params.device.type == "cpu" else max(stop - start, 1)
    parts = [(at, min(at + size, stop)) for at in range(start, stop, size)]
    return [(slice(at, end), slice(at, max(at, min(end, flat.pulled.stop)))) for at, end in parts]


def is_own(part: object) -> bool:
    """Return whether a formula is one of koubai's."""
    return type(part).__module__.startswith("koubai.")


def _on_host(
    formula: Callable[[Mapping[str, Any], dict[str, Any], Mapping[str, Any]], None], flat: Flat
) -> None:
    """Run a formula on arrays by path; what it changed goes back to where it lay."""
    lie = [flat.params, flat.grads[:-1], *flat.slots.values()]
    params, grads, *slots = (to_array(tensor) for tensor in lie)

    def by_path(array: Any) -> dict[str, Any]:
        return {path: to_array(t) for path, t in flat.of(torch.from_numpy(array)).items()}

    parts = {
        f"{path}/{name}": part
        for name, slot in zip(flat.slots, slots, strict=True)
        for path, part in by_path(slot).items()
    }
    formula(by_path(params), by_path(grads), parts)
    if flat.params.device.type != "cpu":
        for tensor, array in zip(lie, (params, grads, *slots), strict=True):
            tensor.copy_(torch.from_numpy(array))
