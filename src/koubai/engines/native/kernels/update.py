"""From gradients to weights: joining the lanes' gradients, penalties, clipping, the optimizers.

Parameters lie one after another in one stretch of memory; gradients and the optimizer's slots lie likewise.
A table of chunks (offset, count, flags, parameter; 4 words each) cuts them up, so that a chunk stays in the
cache of one core. Slot s of the workers takes chunks bounds[s] .. bounds[s + 1].

The rates of a step, float64: eps, 1 - eps decay, bound of an element, bound of the norm, four numbers of the
optimizer, then (strength, p) of each penalty.
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
from koubai.engines.native.kernels.simd import LANES, prefetch_to_write
from koubai.engines.native.kernels.sums import SIZES, add_magnitudes, block, clear

CHUNK = 1024  # elements updated at a time, at most
PENALIZED, FROZEN = 1, 2  # flags of a chunk
L1, L2, P_NORM = 1, 2, 3  # kinds of penalties
BY_VALUE, BY_NORM = 1, 2  # kinds of clipping
RATE_WORDS, FIRST_PENALTY = 24, 8


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
def _before(w: Any, g: Any, n: int, clips: int, bound: Any, scale: Any, keep: Any) -> None:
    """Clip a gradient; let weights decay."""
    if clips:
        for i in range(n):
            g[i] = _clipped(g[i], bound)
    if scale != ONE:
        for i in range(n):
            g[i] *= scale
    if keep != ONE:
        for i in range(n):
            w[i] *= keep


@inline
def _each(args: int, thread: int, team: int, rule: Callable[..., None]) -> None:
    """Apply a rule to every chunk of this thread.

    (w, g, slot 1, slot 2, chunks, bounds, slots, first, step, control, kinds of clipping, parts of the norm,
    parameters tapped, room, at). Of each tapped parameter the block gets the magnitudes of w and g, as they
    are before clipping and update, and of the change of w; `room` holds a chunk for each worker.
    """
    a = words(args, 15)
    rates = _rates(a[9])
    bounds = words(a[5], a[6] + 1)
    scale = _scale(a[11], a[6], rates[3]) if a[10] & BY_NORM else ONE
    taps, room = block(a[9], thread, a[14]), a[13] + 4 * CHUNK * thread
    clear(taps, 3 * SIZES * a[12])
    for slot in range(a[7] + thread, a[6], a[8] * team):
        for chunk in range(bounds[slot], bounds[slot + 1]):
            c = words(a[4] + 32 * chunk, 4)
            at, n, tap = 4 * c[0], c[1], taps + 24 * SIZES * c[3]
            w, g = floats(a[0] + at, n), floats(a[1] + at, n)
            for i in range(
                0, n, LANES
            ):  # other cores have read w; asked for one by one, its lines come slowly
                prefetch_to_write(a[0] + at + 4 * i)
            if a[12]:
                add_magnitudes(a[0] + at, 0, room, n, tap)
                add_magnitudes(a[1] + at, 0, 0, n, tap + 8 * SIZES)
            if not c[2] & FROZEN:
                keep = float32(rates[1]) if c[2] & PENALIZED else ONE
                _before(w, g, n, a[10] & BY_VALUE, float32(rates[2]), scale, keep)
                rule(w, g, floats(a[2] + at, n), floats(a[3] + at, n), n, rates)
            if a[12]:
                add_magnitudes(a[0] + at, room, 0, n, tap + 16 * SIZES)


@inline
def _sgd(w: Any, g: Any, s: Any, r: Any, n: int, rates: Any) -> None:
    eps = float32(rates[0])
    for i in range(n):
        w[i] -= eps * g[i]


@inline
def _momentum(w: Any, g: Any, v: Any, r: Any, n: int, rates: Any) -> None:
    eps, mu = float32(rates[0]), float32(rates[4])
    for i in range(n):
        v[i] = mu * v[i] - eps * g[i]
        w[i] += v[i]


@inline
def _nesterov(w: Any, g: Any, v: Any, r: Any, n: int, rates: Any) -> None:
    eps, mu = float32(rates[0]), float32(rates[4])
    for i in range(n):
        v[i] = mu * v[i] - eps * g[i]
        w[i] += mu * v[i] - eps * g[i]


@inline
def _adagrad(w: Any, g: Any, h: Any, r: Any, n: int, rates: Any) -> None:
    eps, delta = float32(rates[0]), float32(rates[4])
    for i in range(n):
        h[i] += g[i] * g[i]
        w[i] -= eps * g[i] / (np.sqrt(h[i]) + delta)


@inline
def _rmsprop(w: Any, g: Any, h: Any, r: Any, n: int, rates: Any) -> None:
    eps, delta, rho, rest = float32(rates[0]), float32(rates[4]), float32(rates[5]), float32(1.0 - rates[5])
    for i in range(n):
        h[i] = rho * h[i] + rest * g[i] * g[i]
        w[i] -= eps * g[i] / (np.sqrt(h[i]) + delta)


@inline
def _adam(w: Any, g: Any, m: Any, v: Any, n: int, rates: Any) -> None:
    """rates: step eps / (1 - beta1^t), then delta, beta1, beta2, 1 / sqrt(1 - beta2^t)."""
    eps, delta, b1, b2 = float32(rates[0]), float32(rates[4]), float32(rates[5]), float32(rates[6])
    c1, c2, correct = float32(1.0 - rates[5]), float32(1.0 - rates[6]), float32(rates[7])
    for i in range(n):
        m[i] = b1 * m[i] + c1 * g[i]
        v[i] = b2 * v[i] + c2 * g[i] * g[i]
        w[i] -= eps * m[i] / (np.sqrt(v[i]) * correct + delta)


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
