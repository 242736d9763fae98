"""Wires: where a watch is connected to a training program, and how it is taken off again.

| place                             | by                         | seen                             |
|-----------------------------------|----------------------------|----------------------------------|
| every module's forward            | global hooks               | inputs, outputs, training or not |
| `forward` that is called directly | `direct.py`                | likewise                         |
| every optimizer's step            | global hooks               | updates, learning rate           |
| torch.autograd.backward and grad  | replaced while one watches | the loss that is differentiated  |
| a tensor's backward               | likewise                   | that a forward pass is over      |
| GradScaler.scale and step         | likewise                   | the loss before; skipped updates |
| Module.train (and eval), no_grad  | likewise                   | that an evaluation begins        |
| DataLoader's iteration            | likewise                   | that an epoch begins, and ends   |
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
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.nn.utils import clip_grad
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook
from torch.utils.data import DataLoader

from koubai.doctor.watch.hooks import stand_ins
from koubai.doctor.watch.hooks.direct import DirectCalls
from koubai.doctor.watch.hooks.guard import Guard
from koubai.doctor.watch.hooks.listener import Listener, is_elsewhere
from koubai.doctor.watch.hooks.told import CALLS, Hear, Hearing, retell, tell, told, told_calls
from koubai.doctor.watch.program.keras_optimizer import as_torch, keras_optimizer


class Wires:
    """The connections of one listener.

    Even an empty hook costs some microseconds a call, so forward passes and the begin of a step are heard
    only while someone listens closely.
    """

    def __init__(self, listener: Listener, guard: Guard) -> None:
        self._listener, self.hearing = listener, Hearing(listener, guard)

    def connect(self) -> None:
        """Begin to listen, closely."""
        _connected.append(self)
        if len(_connected) == 1:
            _put_in_place()
        _close.append(self)
        _retell()

    def disconnect(self) -> None:
        """Take everything off."""
        self.listen_lightly()
        if self in _connected:
            _connected.remove(self)
            _retell()
            if not _connected:
                _put_back()

    def listen_closely(self) -> None:
        """Hear forward passes and the begin of steps too, unless the program compiles."""
        if self not in _close and self in _connected:
            _close.append(self)
            _retell()

    def hear_only(self, modules: set[int] | None) -> None:
        """Hear the calls of these modules, by identity; None: of all."""
        if self.hearing.only != modules:
            self.hearing.only = modules
            retell(_hearing(_connected), _hearing(_close), CALLS)

    def hear_directly(self, root: nn.Module) -> None:
        """Hear `forward` of a module and its parts, unless the program compiles."""
        if not _state["compiles"]:
            _direct.hear(root)

    def listen_lightly(self) -> None:
        """Hear backward passes and the end of steps only."""
        if self in _close:
            _close.remove(self)
            _retell()

    def hear_instead(self, others: Mapping[str, Hear | None]) -> None:
        """Have other functions, which guard themselves, called in the place of the listener's methods.

        None: nothing is called. What is not named is heard as ever.
        """
        changed = {*others, *self.hearing.instead}
        self.hearing.instead = others
        if changed and self in _connected:
            retell(_hearing(_connected), _hearing(_close), changed)


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
        _direct.last = key = id(module)
        for only, hear in told_calls["before_forward"]:
            if (only is None or key in only) and not is_elsewhere():
                hear(module, args)


def _after_forward(module: nn.Module, args: tuple[Any, ...], options: dict[str, Any], output: Any) -> None:
    if not torch.compiler.is_compiling():
        for only, hear in told_calls["after_forward"]:
            if (only is None or id(module) in only) and not is_elsewhere():
                hear(module, args, options, output)


_direct = DirectCalls(_before_forward, _after_forward)


def _before_step(optimizer: Any, args: Any, options: Any) -> None:
    if not torch.compiler.is_compiling():
        for hear in told["before_step"]:
            hear(optimizer)


def _after_step(optimizer: Any, args: Any, options: Any) -> None:
    if not torch.compiler.is_compiling():
        _state["updates"] += 1
        for hear in told["after_step"]:
            hear(optimizer)


def _retell() -> None:
    retell(_hearing(_connected), _hearing(_close))
    _hang_up()


def _hearing(of: list[Wires]) -> list[Hearing]:
    return [wires.hearing for wires in of]


def _hang_up() -> None:
    """Have global hooks exactly while someone listens closely and none of the program is compiled."""
    seeing = any(not getattr(wires._listener, "blind", False) for wires in _close)
    wanted = seeing and not _state["compiles"] and not _state["aside"]
    if wanted and not _forward_hooks:
        _forward_hooks.append(register_module_forward_pre_hook(_before_forward))
        _forward_hooks.append(register_module_forward_hook(_after_forward, with_kwargs=True))
        _forward_hooks.append(register_optimizer_step_pre_hook(_before_step))
    elif not wanted:
        while _forward_hooks:
            _forward_hooks.pop().remove()


def _put_in_place() -> None:
    _step_hooks.append(register_optimizer_step_post_hook(_after_step))
    _replace(torch.autograd, "backward", stand_ins.backward)
    _replace(torch.Tensor, "backward", stand_ins.tensors_backward)
    _replace(torch.autograd, "grad", stand_ins.grad)
    _replace(torch.amp.GradScaler, "scale", stand_ins.scale)
    _replace(torch.amp.GradScaler, "step", _scaled_step)
    _replace(nn.Module, "train", stand_ins.train)
    _replace(DataLoader, "__iter__", stand_ins.iterating)
    for off in (torch.no_grad, torch.inference_mode):
        _replace(off, "__enter__", stand_ins.gradients_off)
    if hasattr(clip_grad, "_clip_grads_with_norm_"):
        _replace(clip_grad, "_clip_grads_with_norm_", stand_ins.clip)
    _replace(torch, "compile", _compile)
    for place, name in stand_ins.READERS:
        _replace(place, name, _aside)
    for cls, role in ((nn.Module, "layer"), (torch.optim.Optimizer, "optimizer")):
        _replace(cls, "__init__", functools.partial(stand_ins.making, role, _hear_keras))
    _hear_compiled()
    _hear_keras()


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
        _replace(cls, "__init__", functools.partial(stand_ins.making, "optimizer", _hear_keras))
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


def _scaled_step(original: Any) -> Any:
    def step(scaler: Any, optimizer: Any, *args: Any, **options: Any) -> Any:
        before = _state["updates"]
        result = original(scaler, optimizer, *args, **options)
        tell("scaled_step", optimizer, _state["updates"] > before)
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
        tell("compiled", model, result)
        return result

    return compile


def _aside(original: Any) -> Any:
    def aside(*args: Any, **options: Any) -> Any:
        _state["aside"] += 1
        _direct.put_back()
        _hang_up()
        tell("stand_aside")
        try:
            return original(*args, **options)
        finally:
            _state["aside"] = max(0, _state["aside"] - 1)
            _hang_up()

    return aside
