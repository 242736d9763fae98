"""What a run looks like at one moment: how activations spread, weights, and where the classes meet."""

from __future__ import annotations

from typing import Any

import numpy as np

from koubai.core.params import Array, Shape
from koubai.layers.activations import Activation
from koubai.network.network import Network, Weights
from koubai.probes.histograms import activations, histogram
from koubai.train.session import Session

_SAMPLES = 200  # inputs whose activations are counted
_BINS = 30
_MOST_SHOWN = 12  # layers with a histogram or a picture
_SIDE = 24  # rows and columns of a weight's picture
_TILES = 12  # first units whose weights are pictures of the input
_PICTURE = 14  # side of such a picture
_GRID = 40  # points along a side of the plane
_POINTS = 300
_LEVELS = 9  # shades of an answer


def drawn_weights(session: Session) -> dict[str, Any]:
    """Return everything that is drawn of the weights as they are."""
    weights = session.state().weights
    found: dict[str, Any] = {
        "kind": "look",
        "step": session.step,
        "histograms": _histograms(session, weights),
        "weights": [
            _picture(path, weights.params[path], session.network.in_shape if i == 0 else ())
            for i, path in enumerate(weight_paths(session.network))
        ],
    }
    if in_plane(session):
        found["plane"] = _plane(session)
    return found


def in_plane(session: Session) -> bool:
    """Return whether samples are points of a plane with classes."""
    return session.network.in_shape == (2,) and session.dataset.classes is not None


def weight_paths(network: Network) -> list[str]:
    """Return the weights that are drawn, the first dozen."""
    paths = [path for path, spec in network.param_specs.items() if spec.penalized]
    return paths[:_MOST_SHOWN]


def points(session: Session) -> dict[str, Any]:
    """Return the frame of the plane and some training points: [x, y, class]."""
    x, t = np.asarray(session.dataset.inputs("train")), session.dataset.t_train
    low, high = x.min(axis=0), x.max(axis=0)
    margin = 0.1 * np.maximum(high - low, 1e-6)
    shown = [[_short(a), _short(b), int(k)] for (a, b), k in zip(x[:_POINTS], t[:_POINTS], strict=True)]
    return {"low": _list(low - margin), "high": _list(high + margin), "points": shown}


def _plane(session: Session) -> dict[str, Any]:
    """Return the answer at each point of a grid: two classes as shades 0 to 9, more as the class's digit."""
    frame = points(session)
    xs, ys = (np.linspace(low, high, _GRID) for low, high in zip(frame["low"], frame["high"], strict=True))
    grid = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2).astype(np.float32)
    y = np.nan_to_num(session.outputs(grid).astype(np.float64), nan=0.0, posinf=1e30, neginf=-1e30)
    if y.shape[1] == 2:
        cells = np.rint(_LEVELS / (1 + np.exp(np.clip(y[:, 0] - y[:, 1], -50, 50))))
        shades = True
    else:
        cells, shades = y.argmax(axis=1) if y.shape[1] > 1 else (y[:, 0] > 0), False
    rows = np.asarray(cells, np.int64).clip(0, 9).reshape(_GRID, _GRID)
    return {"rows": ["".join(map(str, row)) for row in rows.tolist()], "shades": shades}


def _histograms(session: Session, weights: Weights) -> list[dict[str, Any]]:
    x = np.ascontiguousarray(session.dataset.inputs("test")[:_SAMPLES], session.recipe.dtype)
    if not len(x):
        x = np.ascontiguousarray(session.dataset.inputs("train")[:_SAMPLES], session.recipe.dtype)
    outputs = activations(session.network, weights, x)
    shown = [cell for cell in session.network.leaves if isinstance(cell.layer, Activation)]
    found = []
    for cell in [*shown[: _MOST_SHOWN - 1], session.network.leaves[-1]]:
        counted = histogram([outputs[cell.path]], _BINS)
        values = outputs[cell.path].astype(np.float64)
        finite = values[np.isfinite(values)]
        found.append(
            {
                "path": cell.path,
                "name": type(cell.layer).__name__,
                "low": _short(counted.edges[0]),
                "high": _short(counted.edges[-1]),
                "shares": [round(float(share), 4) for share in counted.shares[0]],
                "zeros": round(float(counted.zeros[0]), 4),
                "mean": _short(finite.mean()) if finite.size else None,
                "std": _short(finite.std()) if finite.size else None,
            }
        )
    return found


def _picture(path: str, values: Array, seen: Shape) -> dict[str, Any]:
    """Return one weight: what is said of it and drawn; `seen` is the shape of its inputs, if pictures."""
    flat = values.ravel().astype(np.float64)
    finite = flat[np.isfinite(flat)]
    said = {
        "path": path,
        "shape": list(values.shape),
        "norm": _short(np.sqrt((finite**2).sum())),
        "zeros": round(float((np.abs(flat) < 1e-3).mean()), 4),
        "most": _short(np.abs(finite).max(initial=0)),
    }
    return {**said, "tiles": [_rows(tile) for tile in _tiles(values, seen)]}


def _tiles(values: Array, seen: Shape) -> list[Array]:
    """Return the matrices that are drawn side by side."""
    if values.ndim == 4:
        return [one[0] for one in values[:_TILES]]
    if values.ndim == 2 and len(seen) == 3 and values.shape[0] == seen[1] * seen[2]:
        side = -(-seen[1] // _PICTURE)
        return [_coarse(column.reshape(seen[1:]), side) for column in values.T[:_TILES]]
    return [values[:_SIDE, :_SIDE].reshape(min(len(values), _SIDE), -1)]


def _coarse(picture: Array, side: int) -> Array:
    """Return means over squares of `side` pixels; what does not fill a square at the edge is left away."""
    if side == 1:
        return picture
    height, width = (size // side for size in picture.shape)
    cut = picture[: height * side, : width * side]
    means: Array = cut.reshape(height, side, width, side).mean(axis=(1, 3))
    return means


def _rows(matrix: Array) -> list[list[float | None]]:
    return [_list(row) for row in matrix]


def _list(values: Array) -> list[float | None]:
    return [_short(value) for value in values]


def _short(value: Any) -> float | None:
    """Return a number with three digits, which is what a picture can show; None where it is none."""
    return float(f"{float(value):.3g}") if np.isfinite(value) else None
