"""From gradients to weights: joining the shards' gradients, penalties, clipping, what all optimizers share.

Parameters lie one after another in one stretch of memory, each filled up to whole vectors with zeros, which
stay zeros; gradients and the optimizer's slots lie likewise. A table of chunks cuts them up, so that a chunk
stays in the cache of one core. Worker s takes chunks bounds[s] .. bounds[s + 1]. One pass joins, updates and
taps; penalties, and clipping by norm, need a pass before it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba import float32

from koubai.engines.native.kernels import functions as f
from koubai.engines.native.kernels.base import Control, doubles, floats, inline, integers, kernel, summing
from koubai.engines.native.kernels.block import Address, block_at, record
from koubai.engines.native.kernels.functions import ONE, ZERO
from koubai.engines.native.kernels.gather import (
    GATHERED,
    gather_change,
    gather_gradient,
    gather_parameter,
    hand_over,
)
from koubai.engines.native.kernels.simd import LANES, absolute, multiply_add, select, splat
from koubai.engines.native.kernels.simd_memory import load, prefetch_to_write, store
from koubai.engines.native.kernels.sums import OF_PARAMETER, block, clear

CHUNK = 1024  # elements updated at a time, at most
ROOM = 4 * CHUNK + 8 * GATHERED  # bytes that a worker needs to tap what it updates
PENALIZED, FROZEN = 1, 2  # flags of a chunk
L1, L2, P_NORM = 1, 2, 3  # kinds of penalties
BY_VALUE, BY_NORM = 1, 2  # kinds of clipping
MOST_PENALTIES = 4


class Chunk(NamedTuple):
    """Neighbors of one parameter."""

    at: int  # first among all elements
    size: int
    flags: int
    parameter: int


class StepNumbers(NamedTuple):
    """The numbers of a step; each optimizer has its own use for those from `delta` to `correction`."""

    alpha: float
    keep: float  # 1 - alpha decay
    value_bound: float
    norm_bound: float
    delta: float
    beta1: float
    beta2: float
    correction: float
    strengths: tuple[float, float, float, float]  # of penalties
    powers: tuple[float, float, float, float]
    shrink: float  # alpha lambda of the proximal L1: the threshold that every updated weight is shrunk by


class ShardWorkers(NamedTuple):
    """Who does what: this shard's workers begin at `first`, its threads are `step` apart."""

    chunks: Address
    bounds: Address
    size: int
    first: int
    step: int
    control: Address


class Join(NamedTuple):
    """The shards' gradients `stride` bytes apart, and the penalties to be added."""

    w: Address
    g: Address
    stride: Any  # known when linked
    shards: int
    workers: ShardWorkers
    penalties: int
    kinds: tuple[int, int, int, int]


class SquareSums(NamedTuple):
    """Where each worker leaves its part of the squared norm, a float64."""

    g: Address
    workers: ShardWorkers
    clipping: int
    parts: Address


class Update(NamedTuple):
    """Parameters with what an optimizer changes and reads; how many of them are tapped, and where to."""

    w: Address
    g: Address
    stride: Any  # bytes from one shard's gradients to the next's, known when linked
    shards: int  # to join
    slot1: Address
    slot2: Address
    slot3: Address
    workers: ShardWorkers
    clipping: int
    parts: Address  # of the squared norm
    tapped: int
    room: Address  # ROOM bytes for each worker
    at: int


_CHUNK_BYTES = record(Chunk).itemsize


@inline
def _chunk(workers: ShardWorkers, number: int) -> Any:
    return block_at(workers.chunks + _CHUNK_BYTES * number, Chunk)


@inline
def _rates(workers: ShardWorkers) -> Any:
    return block_at(block_at(workers.control, Control).rates, StepNumbers)


@kernel
def join_gradients(b: Join, thread: int, team: int) -> None:
    """g = sum of the shards' gradients + gradients of the penalties."""
    rates, workers = _rates(b.workers), b.workers
    bounds = integers(workers.bounds, workers.size + 1)
    for worker in range(workers.first + thread, workers.size, workers.step * team):
        for number in range(bounds[worker], bounds[worker + 1]):
            c = _chunk(workers, number)
            at, n = 4 * c.at, c.size
            g = floats(b.g + at, n)
            for shard in range(1, b.shards):
                other = floats(b.g + shard * b.stride + at, n)
                for i in range(n):
                    g[i] += other[i]
            if c.flags & PENALIZED:
                w = floats(b.w + at, n)
                for k in range(b.penalties):
                    strength = float32(rates.strengths[k])
                    if b.kinds[k] == L2:
                        for i in range(n):
                            g[i] += strength * w[i]
                    elif b.kinds[k] == L1:
                        for i in range(n):
                            sign = ONE if w[i] > ZERO else (-ONE if w[i] < ZERO else w[i])
                            g[i] += strength * sign
                    else:
                        power = float32(rates.powers[k] - 1.0)
                        for i in range(n):
                            sign = ONE if w[i] > ZERO else (-ONE if w[i] < ZERO else w[i])
                            g[i] += (
                                strength * (f.exp(power * f.log(abs(w[i]))) if sign != ZERO else ZERO) * sign
                            )


@summing
def square_sums(b: SquareSums, thread: int, team: int) -> None:
    """Sum of the squared gradient after clipping by value."""
    workers = b.workers
    bound = float32(_rates(workers).value_bound)
    bounds = integers(workers.bounds, workers.size + 1)
    for worker in range(workers.first + thread, workers.size, workers.step * team):
        total = 0.0
        for number in range(bounds[worker], bounds[worker + 1]):
            c = _chunk(workers, number)
            g = floats(b.g + 4 * c.at, c.size)
            if b.clipping & BY_VALUE:
                for i in range(c.size):
                    v = np.float64(_clipped(g[i], bound))
                    total += v * v
            else:
                for i in range(c.size):
                    v = np.float64(g[i])
                    total += v * v
        doubles(b.parts, workers.size)[worker] = total


@inline
def _clipped(g: Any, bound: Any) -> Any:
    g = -bound if g < -bound else g
    return bound if g > bound else g


@inline
def _scale(parts: int, workers: int, bound: float) -> Any:
    """What to multiply the gradient with, so that its norm is at most `bound`."""
    total = 0.0
    for s in range(workers):
        total += doubles(parts, workers)[s]
    norm = np.sqrt(total)
    return float32(bound / norm) if norm > bound else ONE


@inline
def _gradient(at: int, stride: int, shards: int) -> Any:
    """The sum of the shards' gradients."""
    g = load(at)
    for shard in range(1, shards):
        g = g + load(at + shard * stride)
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


class Numbers(NamedTuple):
    """Rates as float32 numbers; what is left of 1 by beta1 and beta2."""

    alpha: Any
    delta: Any
    beta1: Any
    beta2: Any
    correction: Any
    rest1: Any
    rest2: Any


@inline
def each(b: Update, thread: int, team: int, rule: Callable[..., Any]) -> None:
    """Apply a rule to every chunk of this thread.

    Of each tapped parameter are taken the squares of w and the magnitudes of g, as they are before clipping
    and update, and the squares of the change of w.
    """
    workers, rates = b.workers, _rates(b.workers)
    bounds = integers(workers.bounds, workers.size + 1)
    numbers = Numbers(
        float32(rates.alpha), float32(rates.delta), float32(rates.beta1), float32(rates.beta2),
        float32(rates.correction), float32(1.0 - rates.beta1), float32(1.0 - rates.beta2),
    )  # fmt: skip
    threshold = float32(rates.shrink)
    by_value, bound = b.clipping & BY_VALUE, float32(rates.value_bound)
    scale = splat(_scale(b.parts, workers.size, rates.norm_bound) if b.clipping & BY_NORM else ONE)
    tapped, kept = b.tapped, b.room + ROOM * thread
    gathered, taps, before = kept + 4 * CHUNK, block(workers.control, thread, b.at), 0
    if tapped:
        clear(taps, OF_PARAMETER * tapped)
        clear(gathered, GATHERED)
    for worker in range(workers.first + thread, workers.size, workers.step * team):
        for number in range(bounds[worker], bounds[worker + 1]):
            c = _chunk(workers, number)
            at, n, moves = 4 * c.at, c.size, c.flags & FROZEN == 0
            w, g, tap = b.w + at, b.g + at, taps + 8 * OF_PARAMETER * c.parameter
            s1, s2, s3 = b.slot1 + at, b.slot2 + at, b.slot3 + at
            keep = splat(float32(rates.keep) if c.flags & PENALIZED else ONE)
            squares, g_squares, sizes, changes = splat(ZERO), splat(ZERO), splat(ZERO), splat(ZERO)
            for i in range(0, 4 * n, 4 * LANES):  # other cores have read w: fetch its lines early
                prefetch_to_write(w + i)
            for i in range(0, 4 * n, 4 * LANES):
                old, d = load(w + i), _gradient(g + i, b.stride, b.shards)
                if tapped:
                    store(kept + i, old)
                    store(g + i, d)
                    squares, g_squares = multiply_add(old, old, squares), multiply_add(d, d, g_squares)
                    sizes = sizes + absolute(d)
                if moves:
                    if by_value:
                        d = _within(d, bound)
                    new = rule(old * keep, d * scale, s1 + i, s2 + i, s3 + i, numbers)
                    new = _shrunk(new, threshold if c.flags & PENALIZED else ZERO)
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
