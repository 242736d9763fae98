"""The ends of an ONNX graph: what is done to inputs before the first layer, to outputs behind the last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from koubai.core.params import Array, Shape
from koubai.data.scale import InputScale, TargetUnits
from koubai.exchange.onnx_file import OnnxNode
from koubai.exchange.onnx_graph import Knot, OnnxStep, Ways

_RANK = {"Sub": 0, "Add": 0, "Div": 1, "Mul": 2, "Clip": 3}  # the order within one InputScale
_FLOATS = {1: "float32", 11: "float64"}


@dataclass(frozen=True)
class Ends:
    """The steps between the ends, the type they compute in, and what the ends do (None: nothing)."""

    steps: tuple[OnnxStep, ...]
    dtype: str
    scale: InputScale | None
    units: TargetUnits | None


def ends_of(steps: tuple[OnnxStep, ...], ways: Ways, shape: Shape) -> Ends:
    """Return what is left between the scale of inputs (N, *shape) and the units of outputs.

    Raises:
        Knot: a scale that koubai has not.
    """
    scale, dtype, rank, at = InputScale(), ways.file.dtype, -1, 0
    for step in steps:
        node = step.node
        if step.kind == "Cast":
            dtype = _FLOATS.get(node.settings.get("to", 0), "")
            if not dtype:
                raise Knot(node, f"to={node.settings.get('to')}")
        elif step.kind in _RANK and not step.inner:
            if _RANK[step.kind] <= rank:
                scale, rank = InputScale(before=scale), -1
            rank = _RANK[step.kind]
            scale = _with(scale, node, ways, shape, dtype)
        elif step.kind != "Identity":
            break
        at += 1
    end, units = _units(steps, at, ways, dtype)
    return Ends(steps[at:end], dtype, None if scale.identity else scale, units)


def _with(scale: InputScale, node: OnnxNode, ways: Ways, shape: Shape, dtype: str) -> InputScale:
    """Return a scale with one operation more."""
    numbers = [None if not name else ways.constant(name) for name in node.inputs[1:]]
    first = numbers[0] if numbers and ways.moves(node.inputs[0]) else None
    stored = "float64" if dtype == "float64" else scale.stored
    if node.kind == "Clip":
        low, high = (
            float(n.reshape(())) if n is not None and n.size == 1 else 0.0 for n in (*numbers, None, None)[:2]
        )
        if low != -5.0 or high != 5.0:  # as "robust" limits
            raise Knot(node, f"{low:g} .. {high:g}")
        return replace(scale, stored=stored, limit=high)
    if first is None:
        raise Knot(node, "constant")
    if node.kind == "Mul":
        if first.size != 1 or float(first.reshape(())) != 255:
            raise Knot(node, f"{first.shape}")
        return replace(scale, stored=stored, times=255)
    wide = _beside(first, shape, node)
    if node.kind == "Div":
        if not wide.all():
            raise Knot(node, "0")
        return replace(scale, stored=stored, width=wide)
    return replace(scale, stored=stored, shift=-wide if node.kind == "Add" else wide)


def _beside(numbers: Array, shape: Shape, node: OnnxNode) -> Array:
    """Return numbers as they broadcast over samples (n, *shape)."""
    try:
        wide = numbers.astype(np.float64).reshape((1,) * (1 + len(shape) - numbers.ndim) + numbers.shape)
        np.broadcast_to(wide, (1, *shape))
    except ValueError:
        raise Knot(node, f"{numbers.shape}") from None
    return wide


def _units(steps: Sequence[OnnxStep], first: int, ways: Ways, dtype: str) -> tuple[int, TargetUnits | None]:
    """Return where the last layer ends, and y width + shift in float64 behind it, if that is there."""
    end = len(steps)
    while end > first and steps[end - 1].kind == "Identity":
        end -= 1
    if end - first < 2 or [step.kind for step in steps[end - 2 : end]] != ["Mul", "Add"]:
        return end, None
    width, shift = (_constant(step.node, ways) for step in steps[end - 2 : end])
    end -= 2
    cast = steps[end - 1] if end > first else None
    if cast is not None and cast.kind == "Cast" and cast.node.settings.get("to") == 11:
        end -= 1
    elif dtype != "float64":
        return end + 2, None
    if width is None or shift is None or width.ndim != 1 or width.shape != shift.shape:
        return end + 2, None
    return end, TargetUnits(shift.astype(np.float64), width.astype(np.float64))


def _constant(node: OnnxNode, ways: Ways) -> Array | None:
    found = [ways.constant(name) for name in node.inputs if not ways.moves(name)]
    return found[0] if len(found) == 1 else None
