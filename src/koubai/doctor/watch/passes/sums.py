"""Unit by unit: what a checkup asks of a layer's output; calls of one layer are pooled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import isfinite
from typing import TypeVar

import numpy as np
import torch

from koubai.core.layer import Layer
from koubai.core.params import Array
from koubai.core.taps import Magnitudes, Moments, Squares
from koubai.doctor.patient.checkup import LayerCheck
from koubai.engines.torch.formula import to_array
from koubai.engines.torch.sums import tensor_magnitudes, tensor_moments
from koubai.layers.activations import Activation

_AT_HAND = 2**18  # numbers
_LARGE = 2**14


@dataclass
class UnitSums:
    """Sums over the elements of each unit; `samples` counts rows of the batch, `elements` numbers a unit.

    `square` is the sum of squared deviations from the mean of these very elements.
    """

    samples: int
    elements: int
    active: Array
    alive: Array
    total: Array
    square: Array
    slope: Array | None
    max_abs: float
    nonfinite: int

    @property
    def units(self) -> int:
        """Number of units."""
        return len(self.total)

    def __add__(self, other: UnitSums) -> UnitSums:
        elements = self.elements + other.elements
        between = self.total / max(self.elements, 1) - other.total / max(other.elements, 1)
        return UnitSums(
            self.samples + other.samples,
            elements,
            self.active + other.active,
            self.alive + other.alive,
            self.total + other.total,
            self.square + other.square + between**2 * (self.elements * other.elements / max(elements, 1)),
            None if self.slope is None or other.slope is None else self.slope + other.slope,
            max(self.max_abs, other.max_abs),
            self.nonfinite + other.nonfinite,
        )

    def check(self, gradient_norm: float) -> LayerCheck:
        """Return the shares and means of a checkup."""
        elements, samples = max(self.elements, 1), max(self.samples, 1)
        return LayerCheck(
            active=self.active / elements,
            alive=self.alive / samples,
            mean=self.total / elements,
            std=np.sqrt(self.square / elements),
            slope=None if self.slope is None else self.slope / elements,
            max_abs=self.max_abs,
            nonfinite=self.nonfinite,
            gradient_norm=gradient_norm,
        )


def unit_sums(y: torch.Tensor, u: torch.Tensor, layer: Layer | None, axis: int) -> UnitSums:
    """Return the sums of y (N, ...), whose units lie along `axis`; u is the input of an activation."""
    beside = pieces(u) if u.shape == y.shape else pieces(y)  # slopes ask for an input of this shape alone
    found = [_unit_sums(*each, layer, axis) for each in zip(pieces(y), beside, strict=True)]
    return sum(found[1:], start=found[0])


def moments_of(y: torch.Tensor) -> Moments:
    """Return the moments of a tensor (N, ...)."""
    if not y.is_cpu:
        return tensor_moments(y)
    plain = y.detach()
    square, total = 0.0, 0.0
    for wide in _wide_pieces(plain):
        square, total = square + float(wide.dot(wide)), total + float(wide.sum())
    zeros = int((plain == 0).sum())
    return Moments(
        count=y.numel(), total_square=square, nonfinite=_nonfinite(plain, square), total=total, zeros=zeros
    )


def magnitudes_of(g: torch.Tensor) -> Magnitudes:
    """Return the magnitudes of a tensor."""
    if not g.is_cpu:
        return tensor_magnitudes(g)
    square, total = 0.0, 0.0
    for wide in _wide_pieces(g.detach()):
        square, total = square + float(wide.dot(wide)), total + float(wide.abs().sum())
    nonfinite = _nonfinite(g.detach(), square)
    return Magnitudes(count=g.numel(), total_square=square, nonfinite=nonfinite, total_abs=total)


def _wide_pieces(x: torch.Tensor) -> Iterator[torch.Tensor]:
    """Yield a tensor on the CPU as vectors of float64, so short that each stays at hand."""
    for piece in x.reshape(-1).split(_AT_HAND // 4):
        yield piece.to(torch.float64)


def _nonfinite(x: torch.Tensor, square: float) -> int:
    """Return how many elements are not finite: none where the sum of their squares is."""
    return 0 if isfinite(square) else int((~torch.isfinite(x)).sum())


def pieces(x: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Return a tensor (N, ...) in parts along its first axis, so small that a processor keeps them at hand.

    Sums of large tensors wait for memory; taken in parts they take a third of the time.
    """
    if x.ndim == 0 or x.numel() <= _AT_HAND or not x.is_cpu:
        return (x,)
    return x.split(max(1, _AT_HAND * len(x) // x.numel()))


def _unit_sums(y: torch.Tensor, u: torch.Tensor, layer: Layer | None, axis: int) -> UnitSums:
    wide = y.detach().to(torch.float64).movedim(axis, 1)
    columns = wide.transpose(0, 1).flatten(1)  # (units, N x positions)
    fires = (wide != 0).flatten(2).any(2) if wide.ndim > 2 else wide != 0
    total = columns.sum(1)
    mean = (total / max(columns.shape[1], 1)).unsqueeze(1)
    slope = _slopes(y, u, layer, axis)
    return UnitSums(
        samples=len(y),
        elements=columns.shape[1],
        active=to_array((columns != 0).sum(1)).astype(np.float64),
        alive=to_array(fires.sum(0)).astype(np.float64),
        total=to_array(total),
        square=to_array((columns - mean).square().sum(1)),
        slope=slope,
        max_abs=float(wide.abs().max()) if y.numel() else 0.0,
        nonfinite=int((~torch.isfinite(wide)).sum()),
    )


def _slopes(y: torch.Tensor, u: torch.Tensor, layer: Layer | None, axis: int) -> Array | None:
    """Return sum |f'(u)| / max |f'| of each unit."""
    if not isinstance(layer, Activation) or layer.affine:
        return None
    # An activation in place has overwritten its input; the signs that derivatives ask for are still there.
    inputs = y if u.shape != y.shape or u.data_ptr() == y.data_ptr() else u
    with np.errstate(all="ignore"):
        derivative = layer.derivative(to_array(inputs.float()), to_array(y.float()))
    steep = np.abs(derivative.astype(np.float64)) / (layer.max_derivative or 1.0)
    units: Array = np.moveaxis(steep, axis, 0).reshape(y.shape[axis], -1).sum(axis=1)
    return units


Sums = TypeVar("Sums", bound=Squares)


def magnitudes_of_all(tensors: Mapping[str, torch.Tensor]) -> dict[str, Magnitudes]:
    """Return the sums of many tensors, of small ones by few calls: small models spend their time in calls."""
    dense = {name: w for name, w in tensors.items() if w.is_cpu and w.layout is torch.strided}
    large = {name: magnitudes_of(w) for name, w in dense.items() if w.numel() > _LARGE}
    if large:
        small = magnitudes_of_all({name: w for name, w in tensors.items() if name not in large})
        return {name: large.get(name) or small[name] for name in tensors}
    if not tensors:
        return {}
    plain = [_numbers(tensor.detach()) for tensor in tensors.values()]
    wide = [tensor if tensor.is_cpu else tensor.to(torch.float64) for tensor in plain]
    norms = [torch.stack(torch._foreach_norm(wide, order, dtype=torch.float64)) for order in (1, 2)]
    found = {}
    for name, w, (total_abs, norm) in zip(tensors, wide, torch.stack(norms, 1).tolist(), strict=True):
        nonfinite = 0 if isfinite(total_abs) else int((~torch.isfinite(w)).sum())
        found[name] = Magnitudes(
            count=tensors[name].numel(), total_abs=total_abs, total_square=norm**2, nonfinite=nonfinite
        )
    return found


def _numbers(tensor: torch.Tensor) -> torch.Tensor:
    """Return the numbers that a tensor holds: of a sparse one those that are not left out as 0."""
    return tensor.coalesce().values() if tensor.layout is torch.sparse_coo else tensor


def pooled(a: Sums, b: Sums) -> Sums:
    """Return the sums of two tensors together, of both what is known of each."""
    mine, other = vars(a), vars(b)
    return type(a)(**{name: mine[name] + other[name] for name in mine if mine[name] is not None})


def scaled(sums: Magnitudes, factor: float) -> Magnitudes:
    """Return the sums of a tensor times a positive factor."""
    return replace(sums, total_abs=sums.total_abs * factor, total_square=sums.total_square * factor**2)
