"""Wires: where a watch is connected to a training program, and how it is taken off again.

| place                             | by                         | seen                             |
|-----------------------------------|----------------------------|----------------------------------|
| every module's forward            | global hooks               | inputs, outputs, training or not |
| `forward` that is called directly | `direct.py`                | likewise                         |
| every optimizer's step            | global hooks               | updates, learning rate           |
| torch.autograd.backward and grad  | replaced while one watches | the loss that is differentiated  |
| GradScaler.scale and step         | likewise                   | the loss before; skipped updates |
| Module.train (and eval)           | likewise                   | that an evaluation begins        |
| torch.compile                     | likewise                   | that no hook may stay            |
| clipping by norm                  | likewise                   | how long gradients are           |
| torch.jit, torch.export, torch.fx | likewise                   | that hooks must stand aside      |
| constructors of modules, optimizers | likewise                 | the line where each is made      |
| Keras' optimizers, on PyTorch     | likewise, once it is there | updates, learning rate         |

Nothing is ever stored on a module or an optimizer of the user's: saving, copying, scripting and compiling
them meets what they would meet alone.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.nn.utils import clip_grad
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

from koubai.doctor.watch.hooks import stand_ins
from koubai.doctor.watch.hooks.direct import DirectCalls
from koubai.doctor.watch.hooks.guard import Guard
from koubai.doctor.watch.hooks.listener import Listener, is_elsewhere
from koubai.doctor.watch.program.keras_optimizer import as_torch, keras_optimizer
from koubai.doctor.watch.program.places import births


class Wires:
    """The connections of one listener.

    Even an empty hook costs some microseconds a call, so forward passes and the begin of a step are heard
    only while someone listens closely.
    """

    def __init__(self, listener: Listener, guard: Guard) -> None:
        self._listener, self._guard = listener, guard
        self.only: set[int] | None = None  # modules whose calls are told, by identity; None: all

    def connect(self) -> None:
        """Begin to listen, closely."""
        _connected.append(self)
        if len(_connected) == 1:
            _put_in_place()
        self.listen_closely()

    def tell(self, event: str, *values: Any) -> None:
        """Call the listener's method of that name."""
        self._guard(getattr(self._listener, event), *values)

    def disconnect(self) -> None:
        """Take everything off."""
        self.listen_lightly()
        if self in _connected:
            _connected.remove(self)
            if not _connected:
                _put_back()

    def listen_closely(self) -> None:
        """Hear forward passes and the begin of steps too, unless the program compiles."""
        if self not in _close and self in _connected:
            _close.append(self)
            _hang_up()

    def hear_directly(self, root: nn.Module) -> None:
        """Hear `forward` of a module and its parts, unless the program compiles."""
        if not _state["compiles"]:
            _direct.hear(root)

    def listen_lightly(self) -> None:
        """Hear backward passes and the end of steps only."""
        if self in _close:
            _close.remove(self)
            _hang_up()


_connected: list[Wires] = []
_close: list[Wires] = []
_forward_hooks: list[Any] = []
_step_hooks: list[Any] = []
_originals: list[tuple[Any, str, Any]] = []
_state = {"compiles": False, "aside": 0, "updates": 0}


def is_listening() -> bool:
    """Whether anybody listens."""
    return bool(_connected)


def _before_forward(module: nn.Module, args: tuple[Any, ...]) -> None:
    if not torch.compiler.is_compiling():  # must stand first: the compiler reads this function
        _direct.hooked(module)
        for wires in _who_hears(module):
            wires.tell("before_forward", module, args)


def _after_forward(module: nn.Module, args: tuple[Any, ...], options: dict[str, Any], output: Any) -> None:
    if not torch.compiler.is_compiling():
        for wires in _who_hears(module):
            wires.tell("after_forward", module, args, options, output)


_direct = DirectCalls(_before_forward, _after_forward)


def _who_hears(module: nn.Module) -> list[Wires]:
    """Return the wires that are told of a module's calls."""
    key = id(module)
    hearing = [wires for wires in _close if wires.only is None or key in wires.only]
    return [] if hearing and is_elsewhere() else hearing


def _before_step(optimizer: Any, args: Any, options: Any) -> None:
    if not torch.compiler.is_compiling():
        for wires in tuple(_close):
            wires.tell("before_step", optimizer)


def _after_step(optimizer: Any, args: Any, options: Any) -> None:
    if not torch.compiler.is_compiling():
        _state["updates"] += 1
        for wires in tuple(_connected):
            wires.tell("after_step", optimizer)


def _hang_up() -> None:
    """Have global hooks exactly while someone listens closely and none of the program is compiled."""
    seeing = any(not getattr(wires._listener, "blind", False) for wires in _close)
    wanted = seeing and not _state["compiles"] and not _state["aside"]
    if wanted and not _forward_hooks:
        _forward_hooks.extend(
            (
                register_module_forward_pre_hook(_before_forward),
                register_module_forward_hook(_after_forward, with_kwargs=True),
                register_optimizer_step_pre_hook(_before_step),
            )
        )
    elif not wanted:
        while _forward_hooks:
            _forward_hooks.pop().remove()


def _put_in_place() -> None:
    _step_hooks.append(register_optimizer_step_post_hook(_after_step))
    _replace(torch.autograd, "backward", _telling(stand_ins.backward))
    _replace(torch.autograd, "grad", _telling(stand_ins.grad))
    _replace(torch.amp.GradScaler, "scale", _telling(stand_ins.scale))
    _replace(torch.amp.GradScaler, "step", _scaled_step)
    _replace(nn.Module, "train", _telling(stand_ins.train))
    if hasattr(clip_grad, "_clip_grads_with_norm_"):
        _replace(clip_grad, "_clip_grads_with_norm_", _telling(stand_ins.clip))
    _replace(torch, "compile", _compile)
    for place, name in (
        (torch.jit, "script"),
        (torch.jit, "trace"),
        (torch.export, "export"),
        (torch.fx, "symbolic_trace"),
        (torch.fx.Tracer, "trace"),
    ):
        _replace(place, name, _aside)
    for cls, role in ((nn.Module, "layer"), (torch.optim.Optimizer, "optimizer")):
        _replace(cls, "__init__", functools.partial(_making, role))
    _hear_compiled()
    _hear_keras()


def _making(role: str, original: Any) -> Any:
    """Note the line where a module or an optimizer is made."""

    def making(self: Any, *args: Any, **options: Any) -> None:
        if not torch.compiler.is_compiling():
            with suppress(Exception):  # a place is worth no error
                births.note(self, role)
                _hear_keras()  # its layers are modules: it is there before its first update
        original(self, *args, **options)

    return making


def _hear_compiled() -> None:
    """Hear calls of compiled models at their own class: it warns of hooks that are global."""
    cls = getattr(sys.modules.get("torch._dynamo.eval_frame"), "OptimizedModule", None)
    if cls is None or any(place is cls for place, _, _ in _originals):
        return

    def make(original: Any) -> Any:
        def call(module: nn.Module, *args: Any, **options: Any) -> Any:
            if torch.compiler.is_compiling():
                return original(module, *args, **options)
            _before_forward(module, args)
            output = original(module, *args, **options)
            _after_forward(module, args, options, output)
            return output

        return call

    _replace(cls, "__call__", make)


def _hear_keras() -> None:
    """Hear the updates of Keras' own optimizers, where it computes with PyTorch."""
    cls = keras_optimizer()
    if cls is not None and not any(place is cls for place, _, _ in _originals):
        _replace(cls, "__init__", functools.partial(_making, "optimizer"))
        _replace(cls, "apply", _applying)


def _applying(original: Any) -> Any:
    """Tell of an update that an optimizer of Keras makes."""

    def apply(self: Any, *args: Any, **options: Any) -> Any:
        optimizer = as_torch(self)
        _before_step(optimizer, args, options)
        result = original(self, *args, **options)
        _after_step(optimizer, args, options)
        return result

    return apply


def _put_back() -> None:
    for place, name, original in reversed(_originals):
        setattr(place, name, original)
    _originals.clear()
    _direct.put_back()
    while _step_hooks:
        _step_hooks.pop().remove()
    _state.update(compiles=False, aside=0)


def _replace(place: Any, name: str, make: Callable[[Any], Any]) -> None:
    original = getattr(place, name)
    _originals.append((place, name, original))
    setattr(place, name, functools.wraps(original)(make(original)))


def _tell_all(event: str, *values: Any) -> None:
    for wires in tuple(_connected):
        wires.tell(event, *values)


def _telling(make: Callable[[stand_ins.Tell, Any], Any]) -> Callable[[Any], Any]:
    return functools.partial(make, _tell_all)


def _scaled_step(original: Any) -> Any:
    def step(scaler: Any, optimizer: Any, *args: Any, **options: Any) -> Any:
        before = _state["updates"]
        result = original(scaler, optimizer, *args, **options)
        _tell_all("scaled_step", optimizer, _state["updates"] > before)
        return result

    return step


def _compile(original: Any) -> Any:
    def compile(model: Any = None, *args: Any, **options: Any) -> Any:  # noqa: A001
        _state["compiles"] = True
        _direct.put_back()
        _hang_up()
        result = original(model, *args, **options)
        if _connected:
            _hear_compiled()
        _tell_all("compiled", model, result)
        return result

    return compile


def _aside(original: Any) -> Any:
    def aside(*args: Any, **options: Any) -> Any:
        _state["aside"] += 1
        _direct.put_back()
        _hang_up()
        _tell_all("stand_aside")
        try:
            return original(*args, **options)
        finally:
            _state["aside"] = max(0, _state["aside"] - 1)
            _hang_up()

    return aside
