"""Looks at every operation of some updates on a fork: which is the first that puts out no finite number?

Forward, every call of a PyTorch function is noted that puts out NaN or infinity, with those that gave it such
numbers: from the loss one goes back to where they begin. Infinities that are meant (masks) begin nothing.
Backward, every node of the graph is asked whether it made such numbers of finite ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from math import inf, isinf
from typing import Any

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook
from torch.overrides import TorchFunctionMode

from koubai.doctor.patient.clinic import Change
from koubai.doctor.patient.origin import Origin
from koubai.doctor.patient.place import Place
from koubai.doctor.trials.changes import Site, change
from koubai.doctor.watch.hooks.listener import is_elsewhere
from koubai.doctor.watch.program.nested import tensors
from koubai.doctor.watch.program.places import users_place

TRACE = "trace"
_MASKS = frozenset(("masked_fill", "fill", "full", "full_like", "new_full", "where", "__setitem__", "tensor"))
_DIVIDES = {"div": 1, "true_divide": 1, "__truediv__": 1, "__rtruediv__": 0, "reciprocal": 0}
"""Functions that divide, with the place of the divisor among their arguments."""
_SAID = {
    **dict.fromkeys(("__truediv__", "__rtruediv__", "div", "true_divide"), "/"),
    **dict.fromkeys(("__mul__", "__rmul__", "mul"), "*"),
    **dict.fromkeys(("__pow__", "__rpow__", "pow"), "**"),
    **dict.fromkeys(("__add__", "__radd__", "add"), "+"),
    **dict.fromkeys(("__sub__", "__rsub__", "sub"), "-"),
    "__matmul__": "@",
}


@dataclass(eq=False)
class _Call:
    """One call of a function: what it took, and (where it put out numbers that are not finite) of whom."""

    name: str
    place: Place | None
    low: float
    high: float
    precision: str = ""
    puts: bool = False  # infinities, on purpose
    follows: bool = False  # it took something that is not finite
    nan: bool = False
    meant: bool = False  # its infinities are put there on purpose, or follow from such
    parents: list[_Call] = field(default_factory=list)
    stranger: str = ""  # "parameter" or "input": that came from outside the update


@change(TRACE)
def trace(site: Site, wanted: Change) -> Iterator[None]:
    """Look at every operation from the update after `value` on; nothing is changed."""
    tracer = _Tracer(site, int(wanted.value or 0))
    site.note()
    with tracer.looking():
        yield


class _Tracer(TorchFunctionMode):
    """The function mode that looks; what it finds first goes to `site.origin`."""

    def __init__(self, site: Site, start: int) -> None:
        super().__init__()
        self._site, self._start = site, start
        self._open = self._updating = False
        self._forget()

    def _forget(self) -> None:
        """Begin a new update."""
        self._calls: dict[int, tuple[torch.Tensor, _Call]] = {}
        self._nodes: dict[Any, None] = {}
        self._gradient: Origin | None = None
        self._last: _Call | None = None

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Hear losses and updates; look at operations as soon as it is time."""
        hooks = [
            register_optimizer_step_pre_hook(self._before_step),
            register_optimizer_step_post_hook(self._after_step),
        ]
        if self._site.meter is not None:
            self._site.meter.on_loss = self._see
        self._site.on_end = self._end
        self._begin()
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def _begin(self) -> None:
        """Look from now on, if it is time."""
        meter = self._site.meter
        if not self._open and meter is not None and meter.steps >= self._start:
            self._open = True
            self.__enter__()

    # ------------------------------------------------------------------------------------ forward

    def __torch_function__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), options: dict[str, Any] | None = None
    ) -> Any:
        options = options or {}
        name = getattr(function, "__name__", "")
        if self._updating or name == "backward" or is_elsewhere():
            return function(*args, **options)
        call = None
        with torch._C.DisableTorchFunction(), suppress(Exception):  # a look must not end the trial
            call = self._before(name, args, options)
        y = function(*args, **options)
        if call is not None:
            with torch._C.DisableTorchFunction(), suppress(Exception):
                self._after(call, args[0] if name == "__setitem__" else y)
        return y

    def _before(self, name: str, args: Any, options: Any) -> _Call:
        """Note what a function takes, before it may change that in place."""
        taken = [t for t in tensors((args, options)) if t.is_floating_point() and t.numel()]
        finite = [bool(torch.isfinite(t).all()) for t in taken]
        plain = name if name.startswith("__") else name.rstrip("_")
        of = _DIVIDES.get(plain)
        asked = taken if of is None else [t for t in tensors(args[of : of + 1]) if t.is_floating_point()]
        low, high = _range(asked or taken)
        call = _Call(plain, users_place("operation"), low, high)
        call.puts = plain in _MASKS or any(
            isinstance(a, float) and isinf(a) for a in (*args, *options.values())
        )
        for t in (t for t, fine in zip(taken, finite, strict=True) if not fine):
            call.follows = True
            known = self._calls.get(id(t))
            if known is not None and known[0] is t:
                call.parents.append(known[1])
            elif not _masks(t):
                call.stranger = "parameter" if isinstance(t, torch.nn.Parameter) else call.stranger or "input"
        return call

    def _after(self, call: _Call, output: Any) -> None:
        """Note what it puts out."""
        for y in tensors(output):
            if not y.is_floating_point():
                continue
            call.precision = str(y.dtype).removeprefix("torch.")
            if y.numel() and not torch.isfinite(y).all():
                call.nan = call.nan or bool(torch.isnan(y).any())
                masked = call.puts or call.follows
                call.meant = masked and not (call.nan or call.stranger) and all(p.meant for p in call.parents)
                self._calls[id(y)] = y, call
                self._last = self._last if call.meant else call
            if y.grad_fn is not None:
                self._hang(y.grad_fn, call)

    def _see(self, root: torch.Tensor) -> None:
        """Take what is differentiated: where it is not finite, go back to where that began."""
        known = self._calls.get(id(root))
        if known is not None and known[0] is root:
            self._found(_first(known[1]))
        elif not _all_finite([root]):
            self._end()

    def _end(self) -> None:
        """Take the last chance: a program may end when it sees NaN, before it differentiates."""
        if self._last is not None:
            self._found(_first(self._last))

    def _found(self, call: _Call) -> None:
        if self._site.origin is None and call.stranger != "parameter":
            self._site.origin = self._origin("input" if call.stranger else "value", call)

    def _origin(self, part: str, call: _Call) -> Origin:
        file, line = ("", 0) if call.place is None else (call.place.file, call.place.line)
        step = 1 if self._site.meter is None else self._site.meter.steps + 1
        return Origin(
            part,
            _SAID.get(call.name, call.name.strip("_")),
            call.low,
            call.high,
            call.precision,
            step,
            file,
            line,
        )

    # ------------------------------------------------------------------------------------ backward

    def _hang(self, node: Any, call: _Call) -> None:
        """Ask every node that a call has added to the graph."""
        waiting = [node]
        while waiting:
            node = waiting.pop()
            if node is None or node in self._nodes or "AccumulateGrad" in node.name():
                continue
            self._nodes[node] = None
            node.register_hook(partial(self._back, call))
            waiting += [before for before, _ in node.next_functions]

    def _back(self, call: _Call, out: Any, into: Any) -> None:
        """Note the first node that makes numbers that are not finite of such that are."""
        if self._gradient is None and not _all_finite(out) and _all_finite(into):
            self._gradient = self._origin("gradient", call)

    def _before_step(self, optimizer: Any, args: Any, options: Any) -> None:
        """Blame the node if the gradients are not finite."""
        self._updating = len(args) < 2 and not options  # else its closure computes the loss
        held = [p.grad for group in optimizer.param_groups for p in group["params"]]
        if self._gradient is not None and not _all_finite(held):
            self._site.origin = self._site.origin or self._gradient

    def _after_step(self, optimizer: Any, args: Any, options: Any) -> None:
        """Begin again."""
        self._updating = False
        self._forget()
        self._begin()


def _first(call: _Call) -> _Call:
    """Return the call with which it began: NaN is followed to NaN, then what is infinite to its start."""
    while True:
        before = [p for p in call.parents if not p.meant]
        nan = [p for p in before if p.nan]
        if not before or (call.nan and call.stranger):
            return call
        call = (nan or before)[0]


def _masks(t: torch.Tensor) -> bool:
    """Whether all that is not finite in a tensor is minus infinity: a mask."""
    return not isinstance(t, torch.nn.Parameter) and bool((torch.isfinite(t) | (t == -inf)).all())


def _range(taken: list[torch.Tensor]) -> tuple[float, float]:
    """Return the least and the greatest finite number in tensors; 0 and 0 where there are none."""
    ends = []
    for t in taken:
        finite = t.detach()[torch.isfinite(t)]
        if finite.numel():
            ends += [float(finite.min()), float(finite.max())]
    return (min(ends), max(ends)) if ends else (0.0, 0.0)


def _all_finite(values: Any) -> bool:
    with torch._C.DisableTorchFunction():
        return all(bool(torch.isfinite(v).all()) for v in values if isinstance(v, torch.Tensor))
