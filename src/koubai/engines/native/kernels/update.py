"""From gradients to weights: joining the lanes' gradients, penalties, clipping, the optimizers.

Parameters lie one after another in one stretch of memory, each filled up to whole vectors with zeros, which
stay zeros; gradients and the optimizer's slots lie likewise. A table of chunks (offset, count, flags,
parameter; 4 words each) cuts them up, so that a chunk stays in the cache of one core. Slot s of the workers
takes chunks bounds[s] .. bounds[s + 1]. One pass joins, updates and taps; penalties, and clipping by norm,
need a pass before it.

The rates of a step, float64: eps, 1 - eps decay, bound of an element, bound of the norm, four numbers of the
optimizer, then (strength, p) of up to four penalties, then eps lambda of the proximal L1, the threshold that
every updated weight is shrunk by.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import float32

from koubai.engines.native.kernels import functions as f
from koubai.engines.native.kernels.base import (
    RATES,
    doubles,
    floats,
    inline,
    kernel,
    summing,
    words,
)
from koubai.engines.native.kernels.functions import ONE, ZERO
from koubai.engines.native.kernels.simd import LANES, absolute, multiply_add, select, splat, square_root
from koubai.engines.native.kernels.simd_memory import load, prefetch_to_write, store
from koubai.engines.native.kernels.sums import (
    GATHERED,
    OF_PARAMETER,
    block,
    clear,
    gather_change,
    gather_gradient,
    gather_parameter,
    hand_over,
)

CHUNK = 1024  # elements updated at a time, at most
ROOM = 4 * CHUNK + 8 * GATHERED  # bytes that a worker needs to tap what it updates
PENALIZED, FROZEN = 1, 2  # flags of a chunk
L1, L2, P_NORM = 1, 2, 3  # kinds of penalties
BY_VALUE, BY_NORM = 1, 2  # kinds of clipping
RATE_WORDS, FIRST_PENALTY, SHRINK = 24, 8, 16


@inline
def _rates(control: int) -> Any:
    return doubles(words(control, RATES + 1)[RATES], RATE_WORDS)


@kernel
def join_gradients(args: int, thread: int, team: int) -> None:
    """g = sum of the lanes' gradients + gradients of the penalties.

    (w, g, bytes from one lane's gradients to the next's, lanes, chunks, bounds, slots, first slot, step,
    control, number of penalties, their kinds (4 words))
    """
    a = words(args, 15)
    rates = _rates(a[9])
    bounds = words(a[5], a[6] + 1)
    for slot in range(a[7] + thread, a[6], a[8] * team):
        for chunk in range(bounds[slot], bounds[slot + 1]):
            c = words(a[4] + 32 * chunk, 4)
            at, n = 4 * c[0], c[1]
            g = floats(a[1] + at, n)
            for lane in range(1, a[3]):
                other = floats(a[1] + lane * a[2] + at, n)
                for i in range(n):
                    g[i] += other[i]
            if c[2] & PENALIZED:
                w = floats(a[0] + at, n)
                for k in range(a[10]):
                    strength = float32(rates[FIRST_PENALTY + 2 * k])
                    if a[11 + k] == L2:
                        for i in range(n):
                            g[i] += strength * w[i]
                    elif a[11 + k] == L1:
                        for i in range(n):
                            sign = ONE if w[i] > ZERO else (-ONE if w[i] < ZERO else w[i])
                            g[i] += strength * sign
                    else:
                        power = float32(rates[FIRST_PENALTY + 2 * k + 1] - 1.0)
                        for i in range(n):
                            sign = ONE if w[i] > ZERO else (-ONE if w[i] < ZERO else w[i])
                            g[i] += (
                                strength * (f.exp(power * f.log(abs(w[i]))) if sign != ZERO else ZERO) * sign
                            )


@summing
def square_sums(args: int, thread: int, team: int) -> None:
    """Sum of the squared gradient after clipping by value.

    (g, chunks, bounds, slots, first, step, control, kinds of clipping, parts); `parts`: a float64 a slot.
    """
    a = words(args, 9)
    bound = float32(_rates(a[6])[2])
    bounds = words(a[2], a[3] + 1)
    for slot in range(a[4] + thread, a[3], a[5] * team):
        total = 0.0
        for chunk in range(bounds[slot], bounds[slot + 1]):
            c = words(a[1] + 32 * chunk, 4)
            g = floats(a[0] + 4 * c[0], c[1])
            if a[7] & BY_VALUE:
                for i in range(c[1]):
                    v = np.float64(_clipped(g[i], bound))
                    total += v * v
            else:
                for i in range(c[1]):
                    v = np.float64(g[i])
                    total += v * v
        doubles(a[8], a[3])[slot] = total


@inline
def _clipped(g: Any, bound: Any) -> Any:
    g = -bound if g < -bound else g
    return bound if g > bound else g


@inline
def _scale(parts: int, slots: int, bound: float) -> Any:
    """What to multiply the gradient with, so that its norm is at most `bound`."""
    total = 0.0
    for s in range(slots):
        total += doubles(parts, slots)[s]
    norm = np.sqrt(total)
    return float32(bound / norm) if norm > bound else ONE


@inline
def _gradient(at: int, stride: int, lanes: int) -> Any:
    """The sum of the lanes' gradients."""
    g = load(at)
    for lane in range(1, lanes):
        g = g + load(at + lane * stride)
    return g


@inline
def _within(g: Any, bound: Any) -> Any:
    """A gradient clipped by value; NaN stays."""
    g = select(g < splat(-bound), splat(-bound), g)
    return select(g > splat(bound), splat(bound), g)


@inline
def _shrunk(w: Any, threshold: Any) -> Any:
    """The soft threshold: sign(w) max(|w| - threshold, 0); NaN stays."""
    if threshold == ZERO:
        return w
    cut = splat(threshold)
    return select(w > cut, w - cut, select(w < splat(-threshold), w + cut, w * splat(ZERO)))


@inline
def _each(args: int, thread: int, team: int, rule: Callable[..., Any]) -> None:
    """Apply a rule to every chunk of this thread.

    (w, g, bytes from one lane's gradients to the next's, lanes to join, slot 1, slot 2, chunks, bounds,
    slots, first, step, control, kinds of clipping, parts of the norm, parameters tapped, room, at, slot 3).
    Of each tapped parameter the block gets the squares of w and the magnitudes of g, as they are before
    clipping and update, and the squares of the change of w; `room` has ROOM bytes for each worker.
    """
    a = words(args, 18)
    rates, bounds = _rates(a[11]), words(a[7], a[8] + 1)
    numbers = (
        float32(rates[0]), float32(rates[4]), float32(rates[5]), float32(rates[6]), float32(rates[7]),
        float32(1.0 - rates[5]), float32(1.0 - rates[6]),
    )  # fmt: skip
    threshold = float32(rates[SHRINK])
    by_value, bound = a[12] & BY_VALUE, float32(rates[2])
    scale = splat(_scale(a[13], a[8], rates[3]) if a[12] & BY_NORM else ONE)
    tapped, kept = a[14], a[15] + ROOM * thread
    gathered, taps, before = kept + 4 * CHUNK, block(a[11], thread, a[16]), 0
    if tapped:
        clear(taps, OF_PARAMETER * tapped)
        clear(gathered, GATHERED)
    for slot in range(a[9] + thread, a[8], a[10] * team):
        for chunk in range(bounds[slot], bounds[slot + 1]):
            c = words(a[6] + 32 * chunk, 4)
            at, n, moves = 4 * c[0], c[1], c[2] & FROZEN == 0
            w, g, tap = a[0] + at, a[1] + at, taps + 8 * OF_PARAMETER * c[3]
            keep = splat(float32(rates[1]) if c[2] & PENALIZED else ONE)
            squares, g_squares, sizes, changes = splat(ZERO), splat(ZERO), splat(ZERO), splat(ZERO)
            for i in range(0, 4 * n, 4 * LANES):  # other cores have read w: ask, lest its lines come slowly
                prefetch_to_write(w + i)
            for i in range(0, 4 * n, 4 * LANES):
                old, d = load(w + i), _gradient(g + i, a[2], a[3])
                if tapped:
                    store(kept + i, old)
                    store(g + i, d)
                    squares, g_squares = multiply_add(old, old, squares), multiply_add(d, d, g_squares)
                    sizes = sizes + absolute(d)
                if moves:
                    if by_value:
                        d = _within(d, bound)
                    new = rule(old * keep, d * scale, a[4] + at + i, a[5] + at + i, a[17] + at + i, numbers)
                    new = _shrunk(new, threshold if c[2] & PENALIZED else ZERO)
                    store(w + i, new)
                    if tapped:
                        changes = multiply_add(new - old, new - old, changes)
            if tapped:
                if before and before != tap:
                    hand_over(gathered, before)
                before = tap
                gather_parameter(squares, kept, n, gathered, tap)
                gather_gradient(g_squares, sizes, g, n, gathered, tap)
                gather_change(changes, w, kept, n, gathered, tap)
    if before:
        hand_over(gathered, before)


@inline
def _sgd(w: Any, g: Any, s: int, r: int, q: int, numbers: Any) -> Any:
    return w - splat(numbers[0]) * g


@inline
def _momentum(w: Any, g: Any, v: int, r: int, q: int, numbers: Any) -> Any:
    velocity = splat(numbers[1]) * load(v) - splat(numbers[0]) * g
    store(v, velocity)
    return w + velocity


@inline
def _nesterov(w: Any, g: Any, v: int, r: int, q: int, numbers: Any) -> Any:
    velocity = splat(numbers[1]) * load(v) - splat(numbers[0]) * g
    store(v, velocity)
    return w + (splat(numbers[1]) * velocity - splat(numbers[0]) * g)


@inline
def _adagrad(w: Any, g: Any, h: int, r: int, q: int, numbers: Any) -> Any:
    total = load(h) + g * g
    store(h, total)
    return w - splat(numbers[0]) * g / (square_root(total) + splat(numbers[1]))


@inline
def _rmsprop(w: Any, g: Any, h: int, r: int, q: int, numbers: Any) -> Any:
    mean = splat(numbers[2]) * load(h) + splat(numbers[5]) * g * g
    store(h, mean)
    return w - splat(numbers[0]) * g / (square_root(mean) + splat(numbers[1]))


@inline
def _adam(w: Any, g: Any, m: int, v: int, q: int, numbers: Any) -> Any:
    """Numbers: step eps / (1 - beta1^t), delta, beta1, beta2, 1 / sqrt(1 - beta2^t), 1 - beta1, 1 - beta2."""
    mean = splat(numbers[2]) * load(m) + splat(numbers[5]) * g
    square = splat(numbers[3]) * load(v) + splat(numbers[6]) * g * g
    store(m, mean)
    store(v, square)
    size = square_root(square) * splat(numbers[4]) + splat(numbers[1])
    return w - splat(numbers[0]) * mean / size


@inline
def _amsgrad(w: Any, g: Any, m: int, v: int, top: int, numbers: Any) -> Any:
    """Numbers: those of Adam."""
    mean = splat(numbers[2]) * load(m) + splat(numbers[5]) * g
    square = splat(numbers[3]) * load(v) + splat(numbers[6]) * g * g
    largest = load(top)
    largest = select(largest > square, largest, square)
    store(m, mean)
    store(v, square)
    store(top, largest)
    return w - splat(numbers[0]) * mean / (square_root(largest) * splat(numbers[4]) + splat(numbers[1]))


@inline
def _radam(w: Any, g: Any, m: int, v: int, q: int, numbers: Any) -> Any:
    """Numbers: eps / (1 - beta1^t), delta, beta1, beta2, r_t sqrt(1 - beta2^t) or 0, 1 - beta1, 1 - beta2."""
    mean = splat(numbers[2]) * load(m) + splat(numbers[5]) * g
    square = splat(numbers[3]) * load(v) + splat(numbers[6]) * g * g
    store(m, mean)
    store(v, square)
    step = splat(numbers[0]) * mean
    trusted = splat(numbers[4]) / (square_root(square) + splat(numbers[1]))
    return w - (step * trusted if numbers[4] > ZERO else step)


@inline
def _adadelta(w: Any, g: Any, h: int, d: int, q: int, numbers: Any) -> Any:
    """Numbers: eps, delta, rho, -, -, 1 - rho."""
    keep, new, delta = splat(numbers[2]), splat(numbers[5]), splat(numbers[1])
    squares, steps = keep * load(h) + new * g * g, load(d)
    step = square_root(steps + delta) / square_root(squares + delta) * g
    store(h, squares)
    store(d, keep * steps + new * step * step)
    return w - splat(numbers[0]) * step


@inline
def _lion(w: Any, g: Any, m: int, r: int, q: int, numbers: Any) -> Any:
    """Numbers: eps, -, beta1, beta2, -, 1 - beta1, 1 - beta2."""
    mean = load(m)
    c = splat(numbers[2]) * mean + splat(numbers[5]) * g
    sign = select(c > splat(ZERO), splat(ONE), select(c < splat(ZERO), splat(-ONE), c))
    store(m, splat(numbers[3]) * mean + splat(numbers[6]) * g)
    return w - splat(numbers[0]) * sign


@kernel
def sgd(args: int, thread: int, team: int) -> None:
    """w <- w - eps g."""
    _each(args, thread, team, _sgd)


@kernel
def momentum(args: int, thread: int, team: int) -> None:
    """v <- mu v - eps g, w <- w + v."""
    _each(args, thread, team, _momentum)


@kernel
def nesterov(args: int, thread: int, team: int) -> None:
    """v <- mu v - eps g, w <- w + mu v - eps g."""
    _each(args, thread, team, _nesterov)


@kernel
def adagrad(args: int, thread: int, team: int) -> None:
    """h <- h + g^2, w <- w - eps g / (sqrt h + delta)."""
    _each(args, thread, team, _adagrad)


@kernel
def rmsprop(args: int, thread: int, team: int) -> None:
    """h <- rho h + (1 - rho) g^2, w <- w - eps g / (sqrt h + delta)."""
    _each(args, thread, team, _rmsprop)


@kernel
def adam(args: int, thread: int, team: int) -> None:
    """Moving means of g and g^2, corrected, and a step."""
    _each(args, thread, team, _adam)


@kernel
def amsgrad(args: int, thread: int, team: int) -> None:
    """Adam, divided by the largest mean of squares so far."""
    _each(args, thread, team, _amsgrad)


@kernel
def radam(args: int, thread: int, team: int) -> None:
    """Adam, or momentum alone while too few gradients were seen."""
    _each(args, thread, team, _radam)


@kernel
def adadelta(args: int, thread: int, team: int) -> None:
    """Moving means of g^2 and of squared steps."""
    _each(args, thread, team, _adadelta)


@kernel
def lion(args: int, thread: int, team: int) -> None:
    """w <- w - eps sign(c)."""
    _each(args, thread, team, _lion)
