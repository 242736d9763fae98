"""ONNX's nodes that compute nothing: the same numbers in another shape, and what lies around them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from koubai.core.params import Shape
from koubai.exchange.onnx_graph import OnnxStep, Ways
from koubai.exchange.onnx_layers import LoadedLayer, NodePlace
from koubai.exchange.refused import NotExchangeable
from koubai.layers import Flatten


def view_of(step: OnnxStep, place: NodePlace, ways: Ways) -> tuple[list[LoadedLayer], NodePlace]:
    """Return a flattening, or nothing where only axes of size 1 come or go."""
    shown = _viewed(step, place.shown, ways)
    bare = tuple(size for size in shown if size != 1)
    if bare == tuple(size for size in place.shape if size != 1) and shown[: len(place.shape)] == place.shape:
        return [], replace(place, shown=shown)
    if len(shown) != 1:
        raise NotExchangeable(f"{(-1, *place.shown)} -> {(-1, *shown)}")
    return [LoadedLayer(Flatten())] if len(place.shape) > 1 else [], NodePlace(shown, shown, place.opset)


def _viewed(step: OnnxStep, shown: Shape, ways: Ways) -> Shape:
    node, total = step.node, int(np.prod(shown))
    if step.kind == "Flatten":
        if node.settings.get("axis", 1) != 1:
            raise NotExchangeable(f"axis={node.settings.get('axis')}")
        return (total,)
    given = ways.constant(node.inputs[1]) if len(node.inputs) > 1 else None
    sizes = [int(size) for size in given.reshape(-1)[:8]] if given is not None else []
    if step.kind in ("Squeeze", "Unsqueeze"):
        axes = node.settings.get("axes") or sizes
        batched = np.empty((7, *shown), np.bool_)[:0]
        made = (np.squeeze if step.kind == "Squeeze" else np.expand_dims)(batched, tuple(axes))
        if made.shape[:1] != (0,):
            raise NotExchangeable(f"axes={axes}")
        return tuple(made.shape[1:])
    first, rest = (
        sizes[:1],
        [shown[i] if n == 0 and i < len(shown) else n for i, n in enumerate(sizes[1:])],
    )
    if not rest or node.settings.get("allowzero"):
        raise NotExchangeable(f"shape={sizes}")
    others = int(np.prod([size for size in rest if size != -1]))
    if rest.count(-1) == 1 and first != [-1] and others > 0 and total % others == 0:
        rest = [total // others if size == -1 else size for size in rest]
    if min(rest) < 1 or int(np.prod(rest)) != total:
        raise NotExchangeable(f"shape={sizes}")
    return tuple(rest)


def padded(step: OnnxStep, place: NodePlace, ways: Ways) -> tuple[list[LoadedLayer], NodePlace]:
    """Note what a Pad adds; the convolution behind it takes it over."""
    node, axes = step.node, len(place.shown) - 1
    mode = {"constant": "zeros", "reflect": "reflect", "edge": "replicate"}.get(
        node.settings.get("mode", "constant"), ""
    )
    given = ways.constant(node.inputs[1]) if len(node.inputs) > 1 else None
    pads = [int(n) for n in given.reshape(-1)[:16]] if given is not None else node.settings.get("pads") or []
    value = ways.constant(node.inputs[2]) if len(node.inputs) > 2 and node.inputs[2] else None
    zero = (value is None or not value.any()) and not node.settings.get("value")
    half = len(pads) // 2
    around = tuple(pads[2:half])
    fits = len(pads) == 2 * (axes + 2) and pads[:half] == pads[half:] and pads[:2] == [0, 0]
    if not (mode and zero and fits and not place.pads and min(around, default=-1) >= 0):
        raise NotExchangeable(f"mode={node.settings.get('mode', 'constant')}, pads={pads}")
    return [], (replace(place, pads=around, mode=mode) if any(around) else place)
