"""Spreads: what a model puts out at looks, and how much of it differs from sample to sample."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from itertools import pairwise
from math import isfinite, nan
from typing import Any

import torch

from koubai.doctor.patient.spread import Spread
from koubai.doctor.watch.program.nested import tensors

_ROWS = 256  # of a batch that are looked at
_FEWEST = 8
_CALLS = 64  # of a step


class Spreads:
    """Takes the calls of steps that are looked at closely."""

    def __init__(self) -> None:
        self.seen: list[Spread] = []
        self.codes: dict[int, float] = {}
        self._calls: list[Spread] = []

    def see(self, step: int, args: tuple[Any, ...], options: dict[str, Any], output: Any) -> None:
        """Take one call of the model in a step: there may be several."""
        if len(self._calls) >= _CALLS and self.seen and self.seen[-1].step == step:
            return
        with suppress(Exception), torch.no_grad(), torch._C.DisableTorchFunction():
            put_out = all_rows(output)
            spread = spread_of(step, all_rows((args, options)), put_out)
            if spread is None:
                return
            if self.seen and self.seen[-1].step == step:
                self.seen.pop()
            else:
                self._calls = []
            self._calls.append(spread)
            if isfinite(code := code_of(put_out)):
                self.codes[step] = min(self.codes.get(step, code), code)
            self.seen.append(together(self._calls))

    def draw(self, step: int, codes: list[float]) -> None:
        """Take the distances of codes that were drawn in a step: those tell more than what was put out."""
        if codes:
            self.codes[step] = min(codes)


def spread_of(step: int, inputs: list[torch.Tensor], put_out: list[torch.Tensor]) -> Spread | None:
    """Return the spread of one call; None where its outputs are no rows of numbers, one for each sample."""
    if not put_out or not inputs or any(len(y) != len(put_out[0]) for y in put_out):
        return None
    shapes = Counter(tuple(y.shape) for y in put_out)
    return Spread(
        step,
        max(map(deviation, inputs)),
        max(map(deviation, put_out)),
        max(map(apart, put_out)),
        max(map(directions, put_out)),
        max(shapes.values()),
        1,
        min(y.shape[1] for y in put_out),
    )


def together(calls: list[Spread]) -> Spread:
    """Return the calls of one step as one: nothing is alike where one of them differs."""
    return Spread(
        calls[0].step,
        min(call.inputs for call in calls),
        max(call.outputs for call in calls),
        max(call.apart for call in calls),
        max(call.directions for call in calls),
        max(call.views for call in calls),
        len(calls),
        min(call.width for call in calls),
    )


def all_rows(value: Any) -> list[torch.Tensor]:
    """Return the rows of all tensors in a value that have some."""
    return [found for found in map(rows, tensors(value)) if found is not None]


def rows(t: torch.Tensor) -> torch.Tensor | None:
    """Return some rows of numbers, one for each sample; None where a tensor has none, or too few."""
    if not t.is_floating_point() or t.ndim < 2 or len(t) < _FEWEST:
        return None
    return t.detach()[:_ROWS].reshape(min(len(t), _ROWS), -1).double()


def apart(t: torch.Tensor) -> float:
    """Return the deviation of rows over the samples (root mean square)."""
    return float(t.var(0, unbiased=False).mean().sqrt())


def deviation(t: torch.Tensor) -> float:
    """Return the deviation of rows over the samples / their size (root mean squares); 0 where all are 0."""
    size = float(t.square().mean().sqrt())
    return apart(t) / size if size else 0.0


def directions(t: torch.Tensor) -> float:
    """Return the deviation of rows over the samples, each brought to length 1 before.

    >>> one_way, both_ways = torch.tensor([[1.0, 0.0], [5.0, 0.0]]), torch.tensor([[1.0, 0.0], [-5.0, 0.0]])
    >>> directions(one_way), directions(both_ways)
    (0.0, 1.0)
    """
    unit = torch.nn.functional.normalize(t, dim=1)
    return float(unit.var(0, unbiased=False).sum().sqrt())


def code_of(put_out: list[torch.Tensor]) -> float:
    """Return how far a code is from the standard normal prior, in nats a sample.

        sum over j of (exp(v_j) + m_j^2 - 1 - v_j) / 2

    with means m and log-variances v (Kingma and Welling 2014, appendix B): two outputs of one shape, one
    behind the other, beside a wider one that is decoded from the code. NaN where there are none.
    """
    found = [
        float((v.exp() + m.square() - 1 - v).sum(1).mean()) / 2
        for m, v in pairwise(put_out)
        if m.shape == v.shape and any(y.shape[1] > m.shape[1] for y in put_out)
    ]
    return min(found, default=nan)
