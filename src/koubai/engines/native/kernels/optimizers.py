"""The optimizers: the rule of each; its kernel applies it to every chunk (update.py)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from koubai.engines.native.kernels.base import Kernel, inline, made_of
from koubai.engines.native.kernels.functions import ONE, ZERO
from koubai.engines.native.kernels.simd import select, splat, square_root
from koubai.engines.native.kernels.simd_memory import load, store
from koubai.engines.native.kernels.update import Numbers, Update, each


def rule(formula: Callable[..., Any]) -> Kernel[Update]:
    """Decorator: a kernel that makes every w new by formula(w, g, slot1, slot2, slot3, numbers)."""
    new = inline(formula)

    def update(b: Update, thread: int, team: int) -> None:
        each(b, thread, team, new)

    return made_of(formula, update)


@rule
def sgd(w: Any, g: Any, s: int, r: int, q: int, numbers: Numbers) -> Any:
    """w <- w - alpha g."""
    return w - splat(numbers.alpha) * g


@rule
def momentum(w: Any, g: Any, v: int, r: int, q: int, numbers: Numbers) -> Any:
    """v <- mu v - alpha g, w <- w + v; beta1 is mu."""
    velocity = splat(numbers.beta1) * load(v) - splat(numbers.alpha) * g
    store(v, velocity)
    return w + velocity


@rule
def nesterov(w: Any, g: Any, v: int, r: int, q: int, numbers: Numbers) -> Any:
    """v <- mu v - alpha g, w <- w + mu v - alpha g."""
    velocity = splat(numbers.beta1) * load(v) - splat(numbers.alpha) * g
    store(v, velocity)
    return w + (splat(numbers.beta1) * velocity - splat(numbers.alpha) * g)


@rule
def adagrad(w: Any, g: Any, h: int, r: int, q: int, numbers: Numbers) -> Any:
    """h <- h + g^2, w <- w - alpha g / (sqrt h + delta)."""
    total = load(h) + g * g
    store(h, total)
    return w - splat(numbers.alpha) * g / (square_root(total) + splat(numbers.delta))


@rule
def rmsprop(w: Any, g: Any, h: int, r: int, q: int, numbers: Numbers) -> Any:
    """h <- rho h + (1 - rho) g^2, w <- w - alpha g / (sqrt h + delta); beta1 is rho."""
    mean = splat(numbers.beta1) * load(h) + splat(numbers.rest1) * g * g
    store(h, mean)
    return w - splat(numbers.alpha) * g / (square_root(mean) + splat(numbers.delta))


@rule
def adam(w: Any, g: Any, m: int, v: int, q: int, numbers: Numbers) -> Any:
    """Moving means of g and g^2, corrected, and a step.

    alpha is divided by 1 - beta1^t; the correction is 1 / sqrt(1 - beta2^t).
    """
    mean = splat(numbers.beta1) * load(m) + splat(numbers.rest1) * g
    square = splat(numbers.beta2) * load(v) + splat(numbers.rest2) * g * g
    store(m, mean)
    store(v, square)
    size = square_root(square) * splat(numbers.correction) + splat(numbers.delta)
    return w - splat(numbers.alpha) * mean / size


@rule
def amsgrad(w: Any, g: Any, m: int, v: int, top: int, numbers: Numbers) -> Any:
    """Adam, divided by the largest mean of squares so far; numbers as of Adam."""
    mean = splat(numbers.beta1) * load(m) + splat(numbers.rest1) * g
    square = splat(numbers.beta2) * load(v) + splat(numbers.rest2) * g * g
    largest = load(top)
    largest = select(largest > square, largest, square)
    store(m, mean)
    store(v, square)
    store(top, largest)
    return w - splat(numbers.alpha) * mean / (
        square_root(largest) * splat(numbers.correction) + splat(numbers.delta)
    )


@rule
def radam(w: Any, g: Any, m: int, v: int, q: int, numbers: Numbers) -> Any:
    """Adam, or momentum alone while too few gradients were seen.

    Numbers as of Adam, but the correction is r_t sqrt(1 - beta2^t), or 0.
    """
    mean = splat(numbers.beta1) * load(m) + splat(numbers.rest1) * g
    square = splat(numbers.beta2) * load(v) + splat(numbers.rest2) * g * g
    store(m, mean)
    store(v, square)
    step = splat(numbers.alpha) * mean
    trusted = splat(numbers.correction) / (square_root(square) + splat(numbers.delta))
    return w - (step * trusted if numbers.correction > ZERO else step)


@rule
def adadelta(w: Any, g: Any, h: int, d: int, q: int, numbers: Numbers) -> Any:
    """Moving means of g^2 and of squared steps; beta1 is rho."""
    keep, new, delta = splat(numbers.beta1), splat(numbers.rest1), splat(numbers.delta)
    squares, steps = keep * load(h) + new * g * g, load(d)
    step = square_root(steps + delta) / square_root(squares + delta) * g
    store(h, squares)
    store(d, keep * steps + new * step * step)
    return w - splat(numbers.alpha) * step


@rule
def lion(w: Any, g: Any, m: int, r: int, q: int, numbers: Numbers) -> Any:
    """w <- w - alpha sign(c)."""
    mean = load(m)
    c = splat(numbers.beta1) * mean + splat(numbers.rest1) * g
    sign = select(c > splat(ZERO), splat(ONE), select(c < splat(ZERO), splat(-ONE), c))
    store(m, splat(numbers.beta2) * mean + splat(numbers.rest2) * g)
    return w - splat(numbers.alpha) * sign


# By registry name.
OPTIMIZERS: dict[str, Kernel[Update]] = {
    "sgd": sgd,
    "momentum": momentum,
    "nesterov": nesterov,
    "adagrad": adagrad,
    "rmsprop": rmsprop,
    "adam": adam,
    "adamw": adam,
    "amsgrad": amsgrad,
    "radam": radam,
    "adadelta": adadelta,
    "lion": lion,
}
