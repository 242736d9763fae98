"""Own functions: whether the backward of a `torch.autograd.Function` takes the incoming gradient.

By the chain rule what a backward returns is linear in what comes in: from nothing comes nothing, whatever
derivative stands there (straight-through estimators and reversed gradients, too). A call of training that was
kept is made again, and the backward of each such function is given zeros. Of a function that puts out one
number nothing is asked: that is a loss, whose incoming gradient is 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch.autograd.function import BackwardCFunction

from koubai.doctor.patient.place import Place
from koubai.doctor.watch.checkups.examine import undisturbed
from koubai.doctor.watch.checkups.replay import same_luck
from koubai.doctor.watch.program.graph import leaves_among, reached
from koubai.doctor.watch.program.nested import tensors
from koubai.doctor.watch.seen.kept_calls import KeptCall
from koubai.doctor.watch.seen.shifted_call import copied

_MOST = 2000  # nodes of the graph that are followed


def ignores_incoming(root: torch.nn.Module, calls: list[KeptCall]) -> Place | None:
    """Return where the backward is written that returns something for an incoming gradient of zeros."""
    for call in calls:
        args, options = copied((call.args, call.options))
        with same_luck(), undisturbed(root), torch.enable_grad():
            outputs = [y for y in tensors(call.module(*args, **options)) if y.grad_fn is not None]
            for node, gradients in _incoming(outputs):
                if _returns_anything(node, gradients):
                    code = type(node)._forward_cls.backward.__code__
                    return Place(code.co_filename, code.co_firstlineno, "derivative")
    return None


def _incoming(outputs: list[torch.Tensor]) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """Yield nodes of functions of the program's own, one of each, with the gradients that come in."""
    reach, _ = reached([y.grad_fn for y in outputs], _MOST)
    nodes: dict[type, Any] = {}
    for node in reach:
        own = getattr(type(node), "_forward_cls", None)
        if isinstance(node, BackwardCFunction) and not own.__module__.startswith("torch."):
            nodes.setdefault(type(node), node)
    if not nodes:
        return
    came: dict[type, tuple[Any, ...]] = {}
    hooks = [
        node.register_prehook(lambda gradients, kind=kind: came.__setitem__(kind, gradients))
        for kind, node in nodes.items()
    ]
    try:
        total = torch.stack([y.sum() for y in outputs]).sum()
        leaves = [p for p in leaves_among(reach) if p.requires_grad]
        torch.autograd.grad(total, leaves, retain_graph=True, allow_unused=True)
    finally:
        for hook in hooks:
            hook.remove()
    yield from ((nodes[kind], gradients) for kind, gradients in came.items())


def _returns_anything(node: Any, gradients: tuple[Any, ...]) -> bool:
    """Whether a backward returns more than zeros for zeros."""
    given = [g for g in gradients if isinstance(g, torch.Tensor)]
    if not given or max(g.numel() for g in given) < 2:
        return False
    with torch.no_grad():
        returned = node.apply(*(torch.zeros_like(g) if isinstance(g, torch.Tensor) else g for g in gradients))
    return any(bool((g != 0).any()) for g in tensors(returned) if torch.isfinite(g).all())
