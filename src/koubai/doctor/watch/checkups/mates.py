"""Mates: whether a model mixes the samples of a batch, and by which operation.

A call of training was kept; it is made again in test mode with half of its samples replaced by copies of the
others: the answers to the others may not change. Which axis the samples lie along is not known. A model
that is right has one of the first two along which nothing is mixed: its samples (along the other lies time).
One that mixes along each of them has none. What is mixed first is found by comparing, operation by
operation, the numbers of both calls.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from functools import partial
from math import isnan, nan
from typing import Any

import torch
from torch import nn

from koubai.doctor.patient.place import Place
from koubai.doctor.watch.checkups.replay import call_again
from koubai.doctor.watch.passes.function_mode import FunctionMode
from koubai.doctor.watch.program.nested import tensors
from koubai.doctor.watch.program.places import users_place
from koubai.doctor.watch.program.walk import buffers_of, modules_of
from koubai.doctor.watch.seen.kept_calls import KeptCall
from koubai.doctor.watch.seen.shifted_call import copied

CHANGED = 1e-4  # of how much answers differ: a softmax over a large batch hardly tells samples apart at all
_FEWEST = 4  # samples: half of them is replaced
_CHANNELS = 4  # axis 1 of a picture that is no longer is that of its colors
_SAME = 1e-5  # of the size of numbers: a sum over other neighbors may differ in its last bits
_TIME_FIRST = (nn.RNNBase, nn.MultiheadAttention)
_MOST_NUMBERS = 300_000_000  # that two calls may put out for the search of the operation


@dataclass(frozen=True)
class Mixing:
    """Samples that change each other's answers.

    | field     | meaning                                                                   |
    |-----------|---------------------------------------------------------------------------|
    | change    | of the answers, in units of how much they differ from sample to sample    |
    | operation | the first function whose result for a sample depends on others; "": none found |
    | place     | its line in the program                                                   |
    """

    change: float
    operation: str = ""
    place: Place | None = None


def mixing(
    root: nn.Module, calls: list[KeptCall], stacked: Container[int] = (), *, known: bool = False
) -> Mixing | None:
    """Return how a model mixes its samples; None where it does not, or it cannot be asked.

    `stacked` are the numbers of samples that loaders put along the first axis of a batch. `known` says that
    it is known to, and that they lie along the first axis: then rows of numbers, which may be places of one
    graph or moments of one sequence, are asked too.
    """
    for call in calls:
        found = None
        try:
            sizes = _sizes(root, call, stacked, known=known)
            if sizes:
                found = _mixing(root, call, sizes)
        except Exception:  # a model may do anything when it is called with other numbers
            found = None
        if found is not None:
            return found
    return None


def _mixing(root: nn.Module, call: KeptCall, sizes: list[int]) -> Mixing | None:
    """Return the mixing along the first size that was asked, if there is one along every other, too."""
    changes = {n: _change(root, call, n) for n in sizes}
    asked = {n: change for n, change in changes.items() if not isnan(change)}
    if not asked or min(asked.values()) <= CHANGED:
        return None
    n = next(iter(asked))
    operation, place = _first_mixed(root, call, n)
    return Mixing(asked[n], operation, place)


def _sizes(root: nn.Module, call: KeptCall, stacked: Container[int], *, known: bool) -> list[int]:
    """Return the lengths of the axes along which samples may lie; none where it cannot be asked."""
    given = [x for x in tensors((call.args, call.options)) if x.ndim and x.numel() > 1]
    if not given or any(_relates(x) for x in given):
        return []
    main = max(given, key=lambda x: x.ndim + (not x.is_floating_point()))
    by_loader = main.ndim > 1 and main.shape[0] in stacked and main.shape[1] not in stacked
    known = known or by_loader
    if main.ndim + (not main.is_floating_point()) < 3 and not known:
        return []  # rows of numbers: places of a graph, moments of one sequence
    lengths = [main.shape[0]]
    if not known and main.ndim + (not main.is_floating_point()) in (3, 4, 5) and main.ndim > 1:
        time_first = any(
            isinstance(module, _TIME_FIRST) and not module.batch_first for _, module in modules_of(root)
        )
        if main.shape[1] > _CHANNELS or time_first:
            lengths.append(main.shape[1])
    if min(lengths) < _FEWEST or any(b.ndim > 1 and b.shape[0] == b.shape[1] in lengths for b in _held(root)):
        return []
    return list(dict.fromkeys(lengths))


def _relates(x: torch.Tensor) -> bool:
    """Whether a tensor may say which rows belong together: a square one, or the edges of a graph."""
    edges = x.ndim == 2 and x.shape[0] == 2 and not x.is_floating_point()
    return edges or x.is_sparse or (x.ndim > 1 and x.shape[0] == x.shape[1])


def _held(root: nn.Module) -> Iterator[torch.Tensor]:
    """Yield tensors that a model holds without training them."""
    for _, module in modules_of(root):
        yield from (value for value in vars(module).values() if isinstance(value, torch.Tensor))
    yield from (buffer for _, buffer in buffers_of(root))


def _change(root: nn.Module, call: KeptCall, n: int) -> float:
    """Return how much answers change with the samples beside them; NaN where that is not to be seen."""
    other = _with_other_mates(call, n)
    if other is None:
        return nan
    first, again, changed = (_answers(root, each) for each in (call, call, other))
    found = []
    for y, repeated, now in zip(first, again, changed, strict=True):
        if not torch.equal(y, repeated) or y.shape != now.shape or not bool(torch.isfinite(y).all()):
            return nan
        views = list(_views(y, n))
        if not views or (y.ndim > 1 and y.shape[0] == y.shape[1]):
            continue
        of_views = []
        for view in views:
            kept, beside = _kept(view(y)), _kept(view(now))
            spread = float((kept - kept.mean(0)).abs().max())
            change = float((beside - kept).abs().max())
            change = change if change > _SAME * float(kept.abs().max()) else 0.0
            of_views.append(change / spread if spread > 0 else nan)
        found.append(min(of_views, key=lambda change: (isnan(change), change)))
    return max((change for change in found if not isnan(change)), default=nan)


def _with_other_mates(call: KeptCall, n: int) -> KeptCall | None:
    """Return the call with the first half of its samples replaced by others; None where these are equal."""
    args, options = copied((call.args, call.options))
    moved = False
    for x in tensors((args, options)):
        axis = next((a for a in range(min(x.ndim, 2)) if x.shape[a] == n), None)
        if axis is None:
            continue
        mates, kept = x.narrow(axis, 0, n // 2), x.narrow(axis, n - n // 2, n // 2)
        others = kept.roll(1, axis)
        moved = moved or not torch.equal(mates, others)
        mates.copy_(others)
    return KeptCall(call.module, args, options) if moved else None


def _views(y: torch.Tensor, n: int) -> Iterator[Callable[[torch.Tensor], torch.Tensor]]:
    """Yield ways to see a tensor as rows of samples; of an axis in which they are one with another: both."""
    exact = [a for a in range(y.ndim) if y.shape[a] == n]
    if exact:
        yield from (partial(torch.movedim, source=a, destination=0) for a in exact)
        return
    for a in range(min(y.ndim, 2)):
        if y.shape[a] and y.shape[a] % n == 0:
            k = y.shape[a] // n
            yield partial(_unfolded, axis=a, sizes=(n, k), samples=a)
            yield partial(_unfolded, axis=a, sizes=(k, n), samples=a + 1)


def _unfolded(y: torch.Tensor, axis: int, sizes: tuple[int, int], samples: int) -> torch.Tensor:
    return y.unflatten(axis, sizes).movedim(samples, 0)


def _kept(rows: torch.Tensor) -> torch.Tensor:
    half = len(rows) // 2
    return rows[len(rows) - half :]


def _answers(root: nn.Module, call: KeptCall) -> list[torch.Tensor]:
    found = tensors(call_again(root, call))
    return [y.detach().cpu().double() for y in found if y.is_floating_point() and y.ndim]


class _Found(Exception):
    """The operation was found."""


def _first_mixed(root: nn.Module, call: KeptCall, n: int) -> tuple[str, Place | None]:
    """Return the first function whose result for a sample depends on others, and its line."""
    other = _with_other_mates(call, n)
    assert other is not None
    results: list[tuple[str, list[torch.Tensor]]] = []
    found: list[tuple[str, Place | None]] = []
    numbers = 0

    def note(function: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        nonlocal numbers
        y = function(*args, **options)
        put_out = [w.detach().clone() for w in tensors(y) if w.is_floating_point()]
        numbers += sum(w.numel() for w in put_out)
        if numbers > _MOST_NUMBERS:
            raise _Found
        results.append((getattr(function, "__name__", ""), put_out))
        return y

    def compare(function: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        y = function(*args, **options)
        name, before = results[compared[0]]
        compared[0] += 1
        now = [w.detach() for w in tensors(y) if w.is_floating_point()]
        if name != getattr(function, "__name__", "") or [w.shape for w in now] != [w.shape for w in before]:
            raise _Found
        if any(_is_mixed(one, two, n) for one, two in zip(before, now, strict=True)):
            found.append((name.strip("_"), users_place("operation")))
            raise _Found
        return y

    compared = [0]
    try:
        call_again(root, call, mode=FunctionMode(note))
        call_again(root, other, mode=FunctionMode(compare))
    except (_Found, IndexError):
        pass
    return found[0] if found else ("", None)


def _is_mixed(one: torch.Tensor, two: torch.Tensor, n: int) -> bool:
    """Whether numbers of samples that were kept differ, however samples lie in a tensor."""
    views = list(_views(one, n))
    limit = _SAME * float(one.abs().max()) if one.numel() else 0.0
    return bool(views) and all(
        float((_kept(view(one)) - _kept(view(two))).abs().max()) > limit for view in views
    )
