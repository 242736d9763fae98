"""Examine: make a checkup of a PyTorch model, without leaving a trace in it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import nan, sqrt

import numpy as np
import torch
from torch import nn

from koubai.core.params import Array
from koubai.doctor.patient.checkup import Checkup, LayerCheck, ParamCheck, distinct_rows
from koubai.doctor.watch.passes.loss_rule import LossRule
from koubai.doctor.watch.passes.pass_recorder import PassRecorder
from koubai.doctor.watch.passes.watched_layer import Names
from koubai.doctor.watch.program.kinds import module_kind
from koubai.doctor.watch.program.loose import LooseTensors
from koubai.doctor.watch.program.walk import buffers_of, modules_of, own_parameters, parameters_of
from koubai.engines.torch.formula import to_array


@dataclass(frozen=True)
class Examination:
    """A checkup, what was seen for it, and the outputs in training mode (without dropout) and test mode."""

    checkup: Checkup
    recorder: PassRecorder
    y: torch.Tensor
    y_test: torch.Tensor

    @property
    def test_loss(self) -> float:
        """Loss in test mode."""
        return self.checkup.loss + self.checkup.mode_gap


def examine(
    model: nn.Module,
    rule: LossRule,
    x: torch.Tensor,
    t: torch.Tensor,
    *,
    step: int,
    targets: Array | None,
    modes: Mapping[int, bool],
    decays: Mapping[str, float],
    flow: bool = False,
) -> Examination:
    """Run forward and backward on x (N, ...), t once and measure every layer.

    Batch norm works with the statistics of this batch, dropout is off: what is measured is the function
    being trained, without its noise. `modes` says which modules train (some may be kept in test mode on
    purpose), `decays` the weight decay of each parameter. With `flow` the recorder keeps all outputs.
    """
    recorder = PassRecorder(Names.of(model), by_unit=True, on_loss=lambda call: None, without_dropout=True)
    recorder.flow = [] if flow else None
    device = device_of(model)
    x, t = x.to(device), t.to(device)
    with undisturbed(model):
        set_modes(model, lambda module: False)
        with torch.no_grad():  # before the pass in training mode, which moves running statistics
            tested = model(x)
            test_loss = float(rule(tested, t))
        set_modes(model, lambda module: modes.get(id(module), True))
        # Layers before the first parameter have a gradient too, if the inputs ask for one; a copy of
        # them may be changed in place.
        asked = [x.detach().requires_grad_(True)] if x.is_floating_point() else []
        inputs = asked[0].clone() if asked else x
        recorder.open()
        try:
            with torch.enable_grad():
                output = model(inputs)
        finally:
            recorder.close()
        value = rule(output, t)
        trained = {name: p for name, p in parameters_of(model) if p.requires_grad}
        found = torch.autograd.grad(value, [*trained.values(), *asked], allow_unused=True)
    gradients = {name: g for name, g in zip(trained, found, strict=False) if g is not None}
    outputs = rule.pick(tested)
    checkup = Checkup(
        step=step,
        samples=len(x),
        loss=float(value.detach()),
        layers=layer_checks(recorder, 1.0),
        fading=recorder.times.fading,
        params=param_checks(model, gradients, decays),
        outputs=to_array(outputs.float()).reshape(len(x), -1) if targets is not None else None,
        targets=targets,
        mode_gap=test_loss - float(value.detach()),
    )
    return Examination(checkup, recorder, rule.pick(output).detach(), outputs)


def device_of(model: nn.Module) -> torch.device:
    """Return the device of a model's first parameter."""
    return next((p.device for _, p in parameters_of(model)), torch.device("cpu"))


def set_modes(model: nn.Module, mode: Callable[[nn.Module], bool]) -> None:
    """Set every module to training or test mode, whatever the user's `train` does besides."""
    for _, module in modules_of(model):
        if getattr(module, "training", None) is not mode(module):
            module.training = mode(module)


@contextmanager
def undisturbed(model: nn.Module) -> Iterator[None]:
    """Put back modes, buffers, random numbers and what modules hold in attributes at the end.

    That may be the state of a recurrent layer, a count or a list of what went by. What a model warns of
    it has warned of while it was trained.
    """
    modes = [(module, module.training) for _, module in modules_of(model)]
    held = [(vars(module), dict(vars(module))) for _, module in modules_of(model)]
    grown = [(it, it.copy()) for _, before in held for it in before.values() if type(it) is list]
    buffers = {name: buffer.clone() for name, buffer in buffers_of(model)}
    devices = {p.device.index for _, p in parameters_of(model) if p.device.type == "cuda"}
    with (
        torch.random.fork_rng(sorted(index for index in devices if index is not None)),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            for now, before in held:
                now.clear()
                now.update(before)
            for things, as_they_were in grown:
                things[:] = as_they_were
            for module, training in modes:  # of compiled modules it is no attribute of Python's
                if module.training is not training:
                    module.training = training
            with torch.no_grad():
                for name, buffer in buffers_of(model):
                    buffer.copy_(buffers[name])


def layer_checks(recorder: PassRecorder, factor: float) -> dict[str, LayerCheck]:
    """Return the checks of all layers seen; gradients are divided by `factor` (a scaled loss)."""
    checks = {}
    for path, sums in recorder.sums.items():
        gradient = recorder.gradients.get(path)
        norm = sqrt(gradient.total_square) / factor if gradient is not None else nan
        checks[path] = sums.check(norm)
    return checks


def param_checks(
    model: nn.Module, gradients: Mapping[str, torch.Tensor], decays: Mapping[str, float]
) -> dict[str, ParamCheck]:
    """Return the checks of all parameters; one without a gradient has the norm 0."""
    return {
        f"{path}.{name}" if path else name: _param(module, name, path, gradients, decays)
        for path, module in modules_of(model)
        for name, _ in own_parameters(module)
    }


def _param(
    module: nn.Module,
    name: str,
    path: str,
    gradients: Mapping[str, torch.Tensor],
    decays: Mapping[str, float],
) -> ParamCheck:
    prefix = f"{path}." if path else ""
    own = {n: p.detach() for n, p in own_parameters(module)}
    theirs = {n: gradients[prefix + n].detach() for n in own if prefix + n in gradients}
    w, g = own[name], theirs.get(name)
    norm = _norm(w)
    units, rows, gradient_rows = _units_of(module, name, own, theirs)
    return ParamCheck(
        norm=norm,
        gradient_norm=_norm(g) if g is not None else 0.0,
        size=w.numel(),
        nonfinite=_nonfinite(w),
        gradient_nonfinite=_nonfinite(g) if g is not None else 0,
        penalty_gradient_norm=decays.get(prefix + name, 0.0) * norm,
        gradient_zero_share=float((g == 0).float().mean()) if g is not None and g.numel() else 1.0,
        units=units,
        distinct=distinct_rows(rows) if rows is not None else None,
        distinct_gradients=distinct_rows(gradient_rows) if gradient_rows is not None else None,
    )


def _units_of(
    module: nn.Module, name: str, own: Mapping[str, torch.Tensor], theirs: Mapping[str, torch.Tensor]
) -> tuple[int | None, Array | None, Array | None]:
    """Return how many units there are, and what belongs to each as one row, of weights and of their gradient.

    Rows may be those of some units only; the number is that of all: fan-in is size / units. None without any.
    Of a matrix without a module nobody says along which axis its units lie; where all have one gradient, it
    shows.
    """
    w, g = own[name], theirs.get(name)
    if isinstance(module, LooseTensors):
        both = [] if w.ndim != 2 or g is None else [(w, g), (w.T, g.T)]
        pairs = [(to_array(of.float()), to_array(d.float())) for of, d in both]
        equal = next((pair for pair in pairs if len(pair[1]) > 1 and distinct_rows(pair[1]) == 1), None)
        return (None, None, None) if equal is None else (len(equal[0]), *equal)
    rows = _rows_per_unit(module, own) if name == "weight" else None
    if rows is None:
        return None, None, None
    return len(w), rows, None if g is None else _rows_per_unit(module, theirs)


def _rows_per_unit(module: nn.Module, tensors: Mapping[str, torch.Tensor]) -> Array | None:
    """Return what belongs to each unit as one row: its weights and its bias; None for other layers."""
    if module_kind(module) not in ("linear", "conv1d", "conv2d", "conv3d"):
        return None
    rows = to_array(tensors["weight"][:256].flatten(1).float())
    if tensors.get("bias") is None:
        return rows
    return np.column_stack([rows, to_array(tensors["bias"][:256].float())])


def _norm(w: torch.Tensor) -> float:
    return sqrt(float(w.double().square().sum()))


def _nonfinite(w: torch.Tensor) -> int:
    return int((~torch.isfinite(w)).sum())
