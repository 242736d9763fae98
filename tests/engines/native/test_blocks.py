"""Blocks: what an op fills in by name is what a kernel reads by name."""

import struct
from typing import NamedTuple

import numpy as np
import pytest

from koubai.engines.native.kernels import moving
from koubai.engines.native.kernels.base import doubles, kernel
from koubai.engines.native.kernels.block import Address, addresses, block_at, flat, packing, record
from support.kernels import run_kernel


class Inner(NamedTuple):
    """A block in a block."""

    step: int
    rate: float


class Outer(NamedTuple):
    """Every kind of field."""

    out: Address
    inner: Inner
    kinds: tuple[int, int, int]
    rates: tuple[float, float]
    at: int
    last: float = 0.25


@kernel
def tell(b: Outer, thread: int, team: int) -> None:
    """Write down all that the block says."""
    out = doubles(b.out, 9)
    out[0], out[1] = b.inner.step, b.inner.rate
    for k in range(3):
        out[2 + k] = b.kinds[k]
    for k in range(2):
        out[5 + k] = b.rates[k]
    out[7], out[8] = block_at(b.at, Inner).rate, b.last


@kernel
def count_on(b: Outer, thread: int, team: int) -> None:
    """Change a block that lies in an array; what was written is read again."""
    inner = block_at(b.at, Inner)
    for _ in range(3):
        inner.step += 2
    inner.rate = inner.step


def outer(out, at):
    return Outer(out, Inner(3, 0.5), (7, 8, 9), (1.5, -2.5), at)


def test_every_field_arrives():
    out, other = np.zeros(9), np.zeros(2, record(Inner))
    other[1] = Inner(5, 6.5)
    run_kernel(tell, outer(out, addresses(other)[1]))
    assert out.tolist() == [3, 0.5, 7, 8, 9, 1.5, -2.5, 6.5, 0.25]


def test_a_block_in_an_array_can_change():
    blocks = np.zeros(3, record(Inner))
    blocks["step"] = 1, 2, 3
    run_kernel(count_on, outer(np.zeros(9), addresses(blocks)[1]))
    assert blocks["step"].tolist() == [1, 8, 3]
    assert blocks["rate"].tolist() == [0, 8, 0]


def test_numbers_are_those_of_the_fields_in_order():
    block = outer(1, 2)
    assert list(flat(block)) == [1, 3, 0.5, 7, 8, 9, 1.5, -2.5, 2, 0.25]
    assert packing(Outer).format == "qqdqqqddqd"
    with pytest.raises(struct.error):
        packing(Inner).pack(*flat(Inner(1.5, 2.0)))


@pytest.mark.parametrize("C", [16, 20])
@pytest.mark.parametrize("team", [1, 3])
def test_blocks_of_channels_and_back(C, team):
    N, S, B = 3, 5, 16
    blocks = -(-C // B)
    x = np.random.default_rng(0).standard_normal((N, S, C)).astype("f")
    padded = np.zeros((N, S, blocks * B), "f")
    padded[..., :C] = x
    blocked, back = np.full((N, blocks, S, B), np.nan, "f"), np.full_like(x, np.nan)
    run_kernel(moving.last_to_block, moving.Reorder(x, blocked, N, C, S, B), team=team)
    assert np.array_equal(blocked, padded.reshape(N, S, blocks, B).transpose(0, 2, 1, 3))
    run_kernel(moving.block_to_last, moving.Reorder(blocked, back, N, C, S, B), team=team)
    assert np.array_equal(back, x)
