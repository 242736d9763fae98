"""Pass recorder: what can be seen of one forward and one backward pass, from outside the model.

While it is open, hooks on modules see the layers, and a function mode sees what is called without a module
(`F.relu`, `torch.sigmoid`) and the loss. Nothing it keeps holds a graph alive: sums are taken as tensors
come by, gradients through hooks on those tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn.modules import module as module_hooks

from koubai.core.taps import Magnitudes, Moments
from koubai.doctor.patient.layer_facts import OTHER
from koubai.doctor.patient.place import Place
from koubai.doctor.watch.hooks.guard import unguarded
from koubai.doctor.watch.hooks.listener import is_elsewhere
from koubai.doctor.watch.passes.function_mode import FunctionMode, undropped
from koubai.doctor.watch.passes.loss_call import LossCall
from koubai.doctor.watch.passes.sums import UnitSums, magnitudes_of, moments_of, pooled, unit_sums
from koubai.doctor.watch.passes.times import Times
from koubai.doctor.watch.passes.trail import Trail, over_first_axis
from koubai.doctor.watch.passes.watched_layer import Names, WatchedLayer
from koubai.doctor.watch.program.kinds import (
    FEATURES_LAST,
    LOG_SOFTMAX,
    LOSSES,
    OTHER_LOSSES,
    function_kind,
    function_settings,
    layer_of,
    may_bend,
    module_kind,
)
from koubai.doctor.watch.program.nested import first_tensor
from koubai.doctor.watch.program.places import users_place
from koubai.doctor.watch.program.walk import buffers_of, children_of, own_parameters, parameters_of


class PassRecorder:
    """Records layers in forward order, their outputs, the gradients of those, and calls of loss functions."""

    def __init__(
        self,
        names: Names,
        *,
        by_unit: bool,
        on_loss: Callable[[LossCall], None],
        guard: Callable[..., None] = unguarded,
        without_dropout: bool = False,
    ) -> None:
        self.layers: dict[str, WatchedLayer] = {}
        self.outputs: dict[str, Moments] = {}
        self.gradients: dict[str, Magnitudes] = {}
        self.sums: dict[str, UnitSums] = {}
        self.criterion: nn.Module | None = None
        self.flow: list[tuple[str, torch.Tensor, torch.Tensor]] | None = None
        self._names, self._by_unit, self._on_loss = names, by_unit, on_loss
        self._guard, self._without_dropout = guard, without_dropout
        self._inside: list[nn.Module] = []
        self._counts: dict[str, int] = {}
        self._calls = 0
        self._hooks: list[Any] = []
        self._mode = FunctionMode(self.call)
        self._loss: torch.Tensor | None = None
        self._with_layers = False
        self.trail, self.times = Trail(), Times()
        self.other_losses: list[str] = []

    def open(self, *, layers: bool = True) -> None:
        """Begin to look; without layers only at the loss."""
        leave, enter = partial(self._guard, self._leave), partial(self._guard, self._enter)
        self._hooks = [module_hooks.register_module_forward_hook(leave)]
        self._with_layers = layers
        if layers:
            self._hooks.append(module_hooks.register_module_forward_pre_hook(enter))
        self._mode.open()

    def close(self) -> bool:
        """Look no more; gradients of what was seen may still come. Return whether all traces are gone.

        Inside a function that the mode is handling, such as `loss.backward()`, it cannot leave: call again.
        """
        for hook in self._hooks:
            hook.remove()
        self._hooks = []
        self._loss = None
        self.trail = Trail()
        return self._mode.close()

    @property
    def last_kind(self) -> str:
        """Kind of the last layer that koubai knows; empty without layers."""
        return next((watched.kind for watched in reversed(self.layers.values()) if not watched.silent), "")

    # ------------------------------------------------------------------------------------ modules

    def begin(self, root: nn.Module) -> None:
        """Say that the root's forward pass has begun already."""
        self._inside = [root]

    def _enter(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        if is_elsewhere():
            return
        if id(module) in self._names.modules:
            if not self._names.modules[id(module)]:  # the root: a new pass
                self._inside, self._counts = [], {}
            self._inside.append(module)

    def _leave(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        if is_elsewhere():
            return
        if id(module) not in self._names.modules:
            if self._loss is not None and output is self._loss:
                self.criterion = module
            elif not torch.is_grad_enabled():
                self.trail.foreign(output)
            return
        if not torch.is_grad_enabled():
            self.trail.foreign(output)
        if not self._with_layers:
            return
        if not torch.is_grad_enabled():
            self.trail.cuts.silence(id(p) for _, p in own_parameters(module))
        while self._inside and self._inside.pop() is not module:
            pass  # calls that ended in an exception the model caught
        u, y = first_tensor(args), first_tensor(output)
        with torch._C.DisableTorchFunction():  # what is asked and computed here is not the model's
            if y is None or not y.is_floating_point() or children_of(module):
                return
            path = self._names.modules[id(module)]
            if not _keeps_anything(module):
                path = self._numbered(path)
            self.times.hear(path, module, u, self._guard)
            self.take(path, module_kind(module), vars(module), self._params_of(module), u, y)

    def _numbered(self, path: str) -> str:
        """Return the path of one call of what computes the same wherever it stands: each is a layer there."""
        number = self._counts[path] = self._counts.get(path, 0) + 1
        return path if number == 1 else f"{path}_{number}"

    def _params_of(self, module: nn.Module) -> tuple[str, ...]:
        return tuple(
            self._names.params[id(p)] for _, p in own_parameters(module) if id(p) in self._names.params
        )

    # ------------------------------------------------------------------------------------ functions

    def call(self, function: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """Run a function of PyTorch and look at what it did."""
        name = getattr(function, "__name__", "")
        y = undropped(function, args, options) if self._without_dropout else function(*args, **options)
        if name in LOSSES:
            self._guard(self.trail.cuts.lost, y)
            self._guard(self.lose, name, function, args, options, y)
        elif name in OTHER_LOSSES:
            self.other_losses.append(name)
        else:
            if self._inside and (kind := function_kind(name)) is not None:
                self._guard(self._pass, name, kind, args, options, y)
            elif self._inside:
                self._guard(self._bend, name, args, y)
            self._guard(self.trail.call, name, args, options, y)
        return y

    def _bend(self, name: str, args: tuple[Any, ...], y: Any) -> None:
        """Note that a function between layers does something koubai does not know."""
        if not (isinstance(y, torch.Tensor) and y.requires_grad and may_bend(name)) or self._in_known_leaf():
            return
        u = first_tensor(args)
        if u is None or not u.requires_grad or isinstance(u, nn.Parameter):
            return
        scaling = name.strip("_") in ("mul", "rmul", "imul", "div", "truediv")
        if scaling and not all(isinstance(w, torch.Tensor) and w.ndim for w in args[:2]):
            return  # a number scales, and bends nothing
        where = self._names.modules[id(self._inside[-1])]
        path = self._numbered(f"{where}.{name.strip('_')}" if where else name.strip("_"))
        if path not in self.layers:
            spread = float(u.detach().float().std()) if u.numel() > 1 else 0.0
            self.layers[path] = WatchedLayer(
                path,
                OTHER,
                None,
                (),
                tuple(u.shape[1:]),
                tuple(y.shape[1:]),
                {"function": name, "spread": spread},
                place=users_place("layer"),
                silent=True,
            )

    def _pass(self, name: str, kind: str, args: tuple[Any, ...], options: dict[str, Any], y: Any) -> None:
        """Take in a function that is a layer, unless it is what a layer that is seen calls inside."""
        u = first_tensor(args)
        if not self._inside or self._in_known_leaf() or u is None:
            return
        if isinstance(y, torch.Tensor) and y.is_floating_point():
            where = self._names.modules[id(self._inside[-1])]
            params = tuple(self._names.params[id(p)] for p in args if id(p) in self._names.params)
            settings = function_settings(name, args, options)
            path = self._numbered(f"{where}.{name}" if where else name)
            self.take(path, kind, settings, params, u, y)

    def _in_known_leaf(self) -> bool:
        module = self._inside[-1]
        known = module_kind(module) != OTHER or type(module).__module__.startswith("torch.nn.")
        return known and not children_of(module)

    def lose(
        self,
        name: str,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        options: dict[str, Any],
        value: Any,
        place: Place | None = None,
    ) -> None:
        """Take in a call of a loss function, from the line that is being run, or from another."""
        call = LossCall.of(name, function, args, options, value, self.trail)
        if call is not None:
            call = call if place is None else replace(call, place=place)
            self._loss = call.value
            self.trail.weighed.lost(call.value, call.t)
            self._on_loss(call)

    # ------------------------------------------------------------------------------------ tensors

    def take(
        self,
        path: str,
        kind: str,
        settings: Mapping[str, Any],
        params: tuple[str, ...],
        u: torch.Tensor | None,
        y: torch.Tensor,
        place: Place | None = None,
    ) -> None:
        """Take in one call of a leaf layer, from the line that is being run, or from another."""
        u = y if u is None else u
        if path not in self.layers:
            detail: dict[str, Any] = (
                {"ratio": float(settings["p"])} if kind == "dropout" and "p" in settings else {}
            )
            if kind in ("softmax", LOG_SOFTMAX) and over_first_axis(y, (), settings):
                detail["over_samples"] = True
            layer = layer_of(kind, settings)
            settings = {name: value for name, value in settings.items() if not name.startswith("_")}
            self.layers[path] = WatchedLayer(
                path,
                kind,
                layer,
                params,
                tuple(u.shape[1:]),
                tuple(y.shape[1:]),
                detail,
                dict(settings),
                place or users_place("layer"),
            )
        watched = self.layers[path]
        self._calls += 1
        watched.called = self._calls
        if self.flow is not None:
            self.flow.append((path, u.detach(), y.detach()))
        axis = y.ndim - 1 if kind in FEATURES_LAST else min(1, y.ndim - 1)
        if y.ndim > 1:
            sums = moments_of(y)
            self.outputs[path] = pooled(self.outputs[path], sums) if path in self.outputs else sums
            if self._by_unit:
                of_units = unit_sums(y, u, watched.layer, axis)
                if path in self.sums and self.sums[path].units == of_units.units:
                    of_units = self.sums[path] + of_units
                self.sums[path] = of_units  # of another width, they are other units: the last call tells
        if y.requires_grad:
            y.register_hook(partial(self._guard, self._receive, path))

    def _receive(self, path: str, dy: torch.Tensor) -> None:
        sums = magnitudes_of(dy)
        self.gradients[path] = pooled(self.gradients[path], sums) if path in self.gradients else sums


def _keeps_anything(module: nn.Module) -> bool:
    """Whether a module has parameters or buffers; one without is as many layers as it is called."""
    return any(True for _ in parameters_of(module)) or any(True for _ in buffers_of(module))
