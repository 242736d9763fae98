"""Gradient check, element by element: what backward says beside central differences, in float64.

For a weight (or an input) w, with f the loss and h small:

    numerical = (f(w + h) - f(w - h)) / (2 h)         analytic = dE/dw of the backward formulas

The two differ by about h^2 f'''/6 and by what rounding of f makes, eps |f| / h. On a kink, such as that of
ReLU at 0, the slopes to the left and to the right differ however small h is; there any derivative between
them is right, and no number is compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from koubai.core import random
from koubai.core.params import Array, Shape
from koubai.network.network import Network, join

STEPS = (1e-5, 1e-5 / 8, 1e-5 / 64)
"""Values of h; where the slopes on both sides differ a smaller one tells a bend from a kink."""

INPUTS = "inputs"
_BENT = 1e-3  # share of a slope by which both sides may differ before a smaller h is tried
_ROUNDING = 20 * float(np.finfo(np.float64).eps)  # of f, as many times as its terms are rounded, generously


class Scalar(Protocol):
    """What makes one number of outputs and targets, with its gradient: a loss, or a sum with weights."""

    def value(self, y: Array, t: Array) -> float:
        """Return the number."""
        ...

    def gradient(self, y: Array, t: Array) -> Array:
        """Return its derivative with respect to y."""
        ...


class WeightedSum:
    """f = sum of y R with fixed random R: every output has its own say, so no error hides behind a sum."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def value(self, y: Array, t: Array) -> float:
        """The sum."""
        return float((y * self.gradient(y, t)).sum())

    def gradient(self, y: Array, t: Array) -> Array:
        """R, of the shape of y."""
        return random.generator(self._seed, "weighted sum").standard_normal(y.shape)


@dataclass(frozen=True)
class Checked:
    """One tensor: how its gradient compares, over the elements that were tried.

    `error` is |analytic - numerical| / (|analytic| + |numerical|) of the vectors of both, `rounding` how much
    of that rounding of f may make. `kinks` elements lie on a kink and are in it only if the derivative given
    there lies outside of both slopes. `worst` is the element that differs most, with both its slopes.
    """

    path: str
    shape: Shape
    elements: int
    kinks: int
    error: float
    rounding: float
    worst: tuple[tuple[int, ...], float, float] | None

    def verdict(self, tolerance: float) -> str:
        """Return "right", "wrong", or "unclear" where rounding alone could make so large an error."""
        if self.error <= tolerance:
            return "right"
        return "unclear" if self.error <= tolerance + self.rounding else "wrong"


@dataclass(frozen=True)
class _Slope:
    """One element's numerical slope, from the left and from the right where it lies on a kink."""

    left: float
    right: float
    noise: float

    def nearest(self, analytic: float) -> float:
        """Return the slope between both sides that is nearest to the analytic one."""
        low, high = sorted((self.left, self.right))
        return min(max(analytic, low), high)


def check_gradients(
    network: Network, loss: Scalar, x: Array, t: Array, *, seed: int = 0, elements: int = 20
) -> Iterator[Checked]:
    """Yield the inputs and every parameter, in forward order, each on at most `elements` of its elements.

    All in training mode with the dropout masks and batch statistics of one update, as that is what backward
    is for. x (N, *in_shape) and t as the loss takes them; which elements are tried follows from `seed`.
    """
    x = np.array(x, np.float64)
    t = t if t.dtype.kind in "iu" else t.astype(np.float64)
    weights = network.initialize(seed, "float64")

    def value() -> float:
        return loss.value(network.bind(weights, training=True, seed=seed).forward(x), t)

    with np.errstate(all="ignore"):
        root = network.bind(weights.copy(), training=True, seed=seed)
        dx = root.backward(loss.gradient(root.forward(x), t))
        grads = {join(cell.path, name): cell.grads[name] for cell in root.walk() for name in cell.params}
        buffers = {path: array.copy() for path, array in weights.buffers.items()}
        for path, w, dw in ((INPUTS, x, dx), *((path, weights.params[path], grads[path]) for path in grads)):
            yield _checked(path, w, np.asarray(dw, np.float64), value, seed, elements)
            for name, kept in buffers.items():  # running statistics, which every look moves on
                weights.buffers[name][...] = kept


def passes(network: Network, elements: int = 20) -> int:
    """Return how many forward passes a check takes at most, but for kinks."""
    sizes = [int(np.prod(network.in_shape)), *(spec.size for spec in network.param_specs.values())]
    return 3 * sum(min(size, elements) for size in sizes)


def _checked(path: str, w: Array, dw: Array, value: Callable[[], float], seed: int, elements: int) -> Checked:
    flat, analytic = w.reshape(-1), dw.reshape(-1)
    count = min(elements, flat.size)
    tried = random.permutation(random.key(seed, "gradient check", path), flat.size)[:count]
    slopes = [_slope(flat, int(i), value) for i in tried]
    ours = analytic[tried]
    theirs = np.array([slope.nearest(float(a)) if slope.left != slope.right else slope.left
                       for slope, a in zip(slopes, ours, strict=True)])  # fmt: skip
    noise = float(np.sqrt(sum(slope.noise**2 for slope in slopes)))
    apart, size = float(np.linalg.norm(ours - theirs)), float(np.linalg.norm(ours) + np.linalg.norm(theirs))
    finite = bool(np.isfinite([apart, size]).all())
    error = (apart / size if size > 0 else 0.0) if finite else float("inf")
    worst = int(np.argmax(np.where(np.isfinite(ours - theirs), abs(ours - theirs), np.inf))) if count else 0
    where = tuple(int(i) for i in np.unravel_index(int(tried[worst]), w.shape)) if count else ()
    return Checked(
        path,
        tuple(w.shape[1:] if path == INPUTS else w.shape),
        count,
        int(sum(slope.left != slope.right for slope in slopes)),
        error,
        noise / size if size > 0 and finite else 0.0,
        (where, float(ours[worst]), float(theirs[worst])) if count else None,
    )


def _slope(flat: Array, i: int, value: Callable[[], float]) -> _Slope:
    """Return the slope of element i: of the largest step at which both sides agree, else of both sides."""
    kept, middle = flat[i], value()
    left = right = noise = 0.0
    for relative in STEPS:
        h = relative * max(1.0, abs(kept))
        flat[i] = kept + h
        above = value()
        flat[i] = kept - h
        below = value()
        flat[i] = kept
        left, right = (middle - below) / h, (above - middle) / h
        noise = _ROUNDING * max(abs(middle), abs(above), abs(below)) / h
        both = (above - below) / (2 * h)
        if not abs(right - left) > _BENT * max(abs(left), abs(right)) + noise:
            return _Slope(both, both, noise)
    return _Slope(left, right, noise)
