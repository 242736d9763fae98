"""Networks that take the same steps with the same batches: one draws, first layers multiply side by side."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba import types

from koubai.engines.native.code_cache import machine_code
from koubai.engines.native.kernels.base import inline, integers, kernel
from koubai.engines.native.kernels.block import Address, block_at
from koubai.engines.native.kernels.calls import call_kernel
from koubai.engines.native.kernels.denormals import flush_denormals, restore
from koubai.engines.native.kernels.linear import sum_rows
from koubai.engines.native.kernels.loop import DONE, Shard, begin_step, end_step, run_rows
from koubai.engines.native.kernels.strips import multiply, multiply_transposed


class Arms(NamedTuple):
    """The first layers of several networks: x (rows, F) times a W (F, G) of each, in strips."""

    x: Address
    strips: Address
    number: int  # of strips
    rows: int
    F: int
    G: int
    arms: int
    sums: Address  # for dW: of each arm where dy lies, and where db goes or 0


class Joint(NamedTuple):
    """Arms that go step by step together. The first row of each table draws x; only the first arm's is run.

    A step has parts: rows that each arm runs by itself, until before its row `stops[arm, part]`; in the place
    of the row there stands, for all arms, `kernels[part]`, an address and a block.
    """

    shards: Address  # (arms)
    stops: Address  # (arms, parts)
    kernels: Address  # (parts - 1, 2)
    arms: int
    parts: int


@kernel
def linear_arms(b: Arms, thread: int, team: int) -> None:
    """y = x W + b of each network."""
    multiply(b.x, 4 * b.F, 4, b.strips, b.number, 4 * b.G, b.rows, b.F)


@kernel
def linear_arms_weights(b: Arms, thread: int, team: int) -> None:
    """dW = x^T dy, db = sum dy of each network."""
    multiply_transposed(b.x, 4 * b.F, b.strips, b.number, 4 * b.G, b.F, b.rows)
    places = integers(b.sums, 2 * b.arms)
    for arm in range(b.arms):
        if places[2 * arm + 1]:
            sum_rows(places[2 * arm], places[2 * arm + 1], b.rows, b.G, 0, b.G)


@inline
def _step(joint: Any, shards: Any) -> bool:
    """A step of all arms; return whether there may be another one."""
    stops, kernels = (
        integers(joint.stops, joint.arms * joint.parts),
        integers(joint.kernels, 2 * joint.parts - 2),
    )
    for arm in range(joint.arms):
        begin_step(block_at(shards[arm], Shard))
        block_at(shards[arm], Shard).row = min(arm, 1)  # the first arm draws for all
    for part in range(joint.parts):
        for arm in range(joint.arms):
            if run_rows(shards[arm], stops[arm * joint.parts + part]) != DONE:
                return False
            block_at(shards[arm], Shard).row += 1
        if part < joint.parts - 1:
            call_kernel(kernels[2 * part], kernels[2 * part + 1], 0, 1)
    goes_on = True
    for arm in range(joint.arms):
        goes_on = end_step(block_at(shards[arm], Shard)) and goes_on
    return goes_on


@inline
def _tapped_step(shards: Any) -> bool:
    """The same on the tapped tables, arm by arm."""
    goes_on = True
    for arm in range(len(shards)):
        shard = block_at(shards[arm], Shard)
        at, s = shard.tapped, shard.step
        tapped = block_at(at, Shard)
        tapped.step, tapped.row, tapped.steps = s, 0, s + 1
        call_kernel(tapped.run, at, 0, 1)
        shard.status = tapped.status
        if shard.status != DONE:
            return False
        shard.step = s + 1
        goes_on = bool(np.isfinite(tapped.loss)) and goes_on
    return goes_on


def _together(data: int, thread: int, team: int) -> None:
    """Run arms from where they stand to their last step, or to one after which a loss is not finite.

    `data` is the address of the Joint. Rows that need Python are not allowed.
    """
    mode = flush_denormals()
    joint = block_at(data, Joint)
    shards = integers(joint.shards, joint.arms)
    first, goes_on = block_at(shards[0], Shard), True
    while goes_on and first.step < first.steps:
        if first.tapped and integers(first.flags, first.steps)[first.step]:
            goes_on = _tapped_step(shards)
        else:
            goes_on = _step(joint, shards)
    restore(mode)


@cache
def together_address() -> int:
    """Address of what runs arms together, as `call` takes it."""
    signature = types.void(types.int64, types.int64, types.int64)
    return machine_code(_together, signature, error_model="numpy")
