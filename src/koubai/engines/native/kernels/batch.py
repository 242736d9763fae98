"""Drawing a batch: rows of the data set by their indices; and putting down the rows of an answer."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from koubai.engines.native.kernels.base import Control, floats, inline, integers, kernel, share
from koubai.engines.native.kernels.block import Address, block_at
from koubai.engines.native.kernels.functions import ONE
from koubai.engines.native.kernels.simd import LANES, multiply_add, splat
from koubai.engines.native.kernels.simd_memory import load_bytes, prefetch, store, store_part


class SampleStore(NamedTuple):
    """The inputs that batches are drawn from, and what they are."""

    data: Address
    bytes: int  # whether they are bytes, which stand for (byte - shift) / width
    shift: float
    width: float


class Rows(NamedTuple):
    """Rows of `width` numbers, which go from a source to a target."""

    source: Address
    target: Address
    width: int
    rows: int
    control: Address


@inline
def _fetch(row: int, nbytes: int) -> None:
    """Ask for a row that is wanted soon: rows lie far apart, so that no hardware guesses which one it is."""
    for line in range(0, nbytes, 64):
        prefetch(row + line)


@inline
def _copy(data: int, y: int, width: int, index: Any, start: int, stop: int) -> None:
    """Rows of numbers; the next one is fetched meanwhile (a whole batch of them would fill the cache)."""
    for r in range(start, stop):
        if r + 1 < stop:
            _fetch(data + 4 * width * index[r + 1], 4 * width)
        source, target = floats(data + 4 * width * index[r], width), floats(y + 4 * width * r, width)
        for j in range(width):
            target[j] = source[j]


@inline
def _quotient(a: Any, less: Any, inverse: Any) -> Any:
    """a / b as division rounds it, in a third of its time: `less` is -b, `inverse` is 1 / b, rounded.

    After the first step q is one of the two neighbors of a / b, and from there the second one is exact
    (Markstein 1990).
    """
    q = a * inverse
    q = multiply_add(multiply_add(less, q, a), inverse, q)
    return multiply_add(multiply_add(less, q, a), inverse, q)


@inline
def _decode(samples: SampleStore, y: int, width: int, index: Any, ahead: Any, start: int, stop: int) -> None:
    """Rows of bytes; the next batch's are fetched meanwhile."""
    data, span = samples.data, np.float32(samples.width)
    shift, less, inverse = splat(np.float32(samples.shift)), splat(-span), splat(ONE / span)
    whole, rest = width // LANES, width % LANES
    for r in range(start, stop):
        _fetch(data + width * ahead[r], width)
        source, target = data + width * index[r], y + 4 * width * r
        for j in range(whole):
            codes = load_bytes(source + LANES * j, LANES)
            store(target + 4 * LANES * j, _quotient(codes - shift, less, inverse))
        if rest:
            codes = load_bytes(source + LANES * whole, rest)
            store_part(target + 4 * LANES * whole, _quotient(codes - shift, less, inverse), rest)


@inline
def _index(b: Rows) -> Any:
    """The samples of the batch."""
    return integers(block_at(b.control, Control).indices, b.rows)


@kernel
def draw_inputs(b: Rows, thread: int, team: int) -> None:
    """Rows of inputs as float32 numbers; the source are Samples."""
    start, count = share(b.rows, 1, thread, team)
    samples = block_at(b.source, SampleStore)
    if samples.bytes:
        ahead = integers(block_at(b.control, Control).ahead, b.rows)
        _decode(samples, b.target, b.width, _index(b), ahead, start, start + count)
    else:
        _copy(samples.data, b.target, b.width, _index(b), start, start + count)


@kernel
def draw_values(b: Rows, thread: int, team: int) -> None:
    """Rows of target values."""
    start, count = share(b.rows, 1, thread, team)
    _copy(b.source, b.target, b.width, _index(b), start, start + count)


@kernel
def draw_labels(b: Rows, thread: int, team: int) -> None:
    """Class labels, int64."""
    index, t = _index(b), integers(b.target, b.rows)
    if thread == 0:
        for r in range(b.rows):
            t[r] = integers(b.source + 8 * index[r], 1)[0]


@kernel
def put_outputs(b: Rows, thread: int, team: int) -> None:
    """Append the outputs of step s; at the target stands the address of the outputs of all steps."""
    size = b.width * b.rows
    first, count = share(size, 16, thread, team)
    at = integers(b.target, 1)[0] + 4 * (block_at(b.control, Control).step * size + first)
    y, out = floats(b.source + 4 * first, count), floats(at, count)
    for i in range(count):
        out[i] = y[i]
