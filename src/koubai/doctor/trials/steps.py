"""Changes around an optimizer's step: rate, schedule, optimizer, clipping, gradients, decay."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch.nn.utils import clip_grad

from koubai.doctor.patient.clinic import Change
from koubai.doctor.trials.by_hand import around_gradients
from koubai.doctor.trials.changes import Site, change
from koubai.doctor.trials.grips import OURS, around_steps, put


@change("nothing")
def nothing(site: Site, wanted: Change) -> Iterator[None]:
    """Change nothing."""
    site.note()
    yield


def _for_the_step(site: Site, key: str, value: Callable[[Any, dict[str, Any]], Any]) -> Iterator[None]:
    """Give every group of an optimizer another value of a setting, for the step only.

    A schedule reads and writes it between steps: it must find its own.
    """
    kept: WeakKeyDictionary[Any, list[Any]] = WeakKeyDictionary()

    def before(optimizer: Any) -> None:
        groups = [group for group in optimizer.param_groups if key in group]
        kept[optimizer] = [group[key] for group in groups]
        for group in groups:
            new = value(optimizer, group)
            if float(new) != float(group[key]):
                group[key] = new
                site.note()

    def after(optimizer: Any) -> None:
        groups = [group for group in optimizer.param_groups if key in group]
        for group, own in zip(groups, kept.pop(optimizer, []), strict=False):
            group[key] = own

    with around_steps(before, after):
        yield


@change("learning_rate")
def learning_rate(site: Site, wanted: Change) -> Iterator[None]:
    """The rate times `value`; the gradients, where the program makes the updates itself."""
    factor = 1.0 if wanted.value is None else wanted.value

    def multiply(w: torch.Tensor, before: torch.Tensor | None) -> None:
        assert w.grad is not None
        if before is None:
            w.grad *= factor
        else:
            w.grad.sub_(before).mul_(factor).add_(before)
        site.note()

    with _on_gradients(site, multiply):
        yield from _for_the_step(site, "lr", lambda optimizer, group: group["lr"] * factor)


def _on_gradients(site: Site, change: Callable[[torch.Tensor, torch.Tensor | None], None]) -> Any:
    """Change gradients of a program that makes its updates itself."""
    return nullcontext() if site.meter is None else around_gradients(site.meter.hand, change)


@change("no_schedule")
def no_schedule(site: Site, wanted: Change) -> Iterator[None]:
    """The rate that the schedule keeps as `initial_lr`; where there is no schedule, nothing is changed."""
    yield from _for_the_step(site, "lr", lambda optimizer, group: group.get("initial_lr", group["lr"]))


@change("warm_up")
def warm_up(site: Site, wanted: Change) -> Iterator[None]:
    """The rate times t / value, up to 1, in the t-th step of each optimizer."""
    length = wanted.value or 100.0
    counts: WeakKeyDictionary[Any, int] = WeakKeyDictionary()

    def share(optimizer: Any, group: dict[str, Any]) -> Any:
        if group is optimizer.param_groups[0]:
            counts[optimizer] = counts.get(optimizer, 0) + 1
        return group["lr"] * min(1.0, counts[optimizer] / length)

    yield from _for_the_step(site, "lr", share)


@change("no_decay")
def no_decay(site: Site, wanted: Change) -> Iterator[None]:
    """No weight decay; where there is none, nothing is changed."""
    yield from _for_the_step(site, "weight_decay", lambda optimizer, group: 0.0)


@change("adam")
def adam(site: Site, wanted: Change) -> Iterator[None]:
    """Adam with rate `value` makes the updates; the program's own optimizer finds no gradient."""
    yield from _instead(site, lambda params: torch.optim.Adam(params, wanted.value or 1e-3))


@change("sgd")
def sgd(site: Site, wanted: Change) -> Iterator[None]:
    """Plain gradient descent with rate `value` makes the updates."""
    yield from _instead(site, lambda params: torch.optim.SGD(params, wanted.value or 0.1))


def _instead(site: Site, make: Callable[[list[torch.Tensor]], Any]) -> Iterator[None]:
    helpers: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()
    gradients: WeakKeyDictionary[Any, list[tuple[torch.Tensor, Any]]] = WeakKeyDictionary()

    def before(optimizer: Any) -> None:
        params = [p for group in optimizer.param_groups for p in group["params"]]
        if optimizer not in helpers:
            helpers[optimizer] = make(params)
            setattr(helpers[optimizer], OURS, True)
        helpers[optimizer].step()
        site.note()
        gradients[optimizer] = [(p, p.grad) for p in params]
        for p in params:
            p.grad = None

    def after(optimizer: Any) -> None:
        for p, gradient in gradients.pop(optimizer, []):
            p.grad = gradient

    with around_steps(before, after):
        yield


@change("clip")
def clip(site: Site, wanted: Change) -> Iterator[None]:
    """Gradients of an optimizer's parameters together at most `value` long."""

    def before(optimizer: Any) -> None:
        params = [p for group in optimizer.param_groups for p in group["params"]]
        if float(torch.nn.utils.get_total_norm([p.grad for p in params if p.grad is not None])) > norm:
            site.note()
        shorten(params, norm)

    norm, shorten = wanted.value or 1.0, clip_grad.clip_grad_norm_
    with around_steps(before):
        yield


@change("no_clip")
def no_clip(site: Site, wanted: Change) -> Iterator[None]:
    """The norm is still measured and returned; nothing is shortened.

    What a program imports by name (`from torch.nn.utils import clip_grad_norm_`) calls these inside.
    """

    def nothing(*args: Any, **options: Any) -> None:
        site.note()

    with put(clip_grad, "_clip_grads_with_norm_", nothing):
        yield


@change("reset_gradients")
def reset_gradients(site: Site, wanted: Change) -> Iterator[None]:
    """Gradients are let go after each step."""

    def after(optimizer: Any) -> None:
        for group in optimizer.param_groups:
            for p in group["params"]:
                p.grad = None
        site.note()

    def alone(w: torch.Tensor, before: torch.Tensor | None) -> None:
        assert w.grad is not None
        if before is not None:
            w.grad -= before
        site.note()

    with around_steps(after=after), _on_gradients(site, alone):
        yield
