"""The loop: whole stretches of training without Python.

A program is a table of rows. A shard is a program with its own buffers, run by one thread; where there are
several, they run the same steps side by side and meet at barriers. Functions of the libraries are called by
their addresses, so that compiled code depends on no library.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba import types

from koubai.engines.native.code_cache import machine_code
from koubai.engines.native.kernels.base import Control, doubles, inline, integers
from koubai.engines.native.kernels.block import block_at, record
from koubai.engines.native.kernels.calls import call_count, call_execute, call_kernel, call_parallel, cycles
from koubai.engines.native.kernels.denormals import flush_denormals, restore
from koubai.engines.native.kernels.meeting import meet

LIBRARY, KERNEL, ALONE, BARRIER, LOSS, PYTHON = range(6)  # kinds of rows
DONE, FAILED, SHORT_TEAM, CALL_PYTHON, LEFT_ALONE = range(5)  # why a shard has returned


class TableRow(NamedTuple):
    """What to run: a kernel with its block, or a library's function with as many arguments."""

    kind: int
    what: int = 0
    size: int = 0
    arguments: int = 0


class Shard(NamedTuple):
    """All that the loop knows of a shard."""

    table: int
    rows: int
    # functions
    execute: int
    stream: int
    parallel: int
    thread_number: int
    team_size: int
    crew: int
    run: int
    # threads of a kernel, shards, which one this is
    team: int
    shards: int
    shard: int
    # where it stands, and when to stop
    control: int
    step: int
    row: int
    steps: int
    first_step: int
    # what changes from step to step
    rates: int
    rate_stride: int  # bytes
    indices: int
    batch: int
    first_sample: int
    # what comes out
    loss: float
    losses: int
    loss_parts: int
    loss_part_count: int
    status: int
    ticks: int
    # what the crew runs just now
    kernel: int
    arguments: int
    # how shards meet
    meeting: int
    rest: int
    # where taps leave what they take; bytes to the next worker's, to the next step's
    sums: int
    sums_stride: int
    sums_step: int
    # the same shard with taps, which steps are tapped, how many steps there are
    tapped: int
    flags: int
    total: int


_ROW_BYTES = record(TableRow).itemsize


@inline
def _one_row(at: int, shard: Any, row: TableRow) -> int:
    """Run a row; return DONE, or why the shard must return."""
    kind = row.kind
    if kind == LIBRARY:
        if call_execute(shard.execute, row.what, shard.stream, row.size, row.arguments):
            return FAILED
    elif kind == KERNEL and shard.team > 1:
        shard.kernel, shard.arguments = row.what, row.arguments
        call_parallel(shard.parallel, shard.crew, at, shard.team)
    elif kind in (KERNEL, ALONE):
        call_kernel(row.what, row.arguments, 0, 1)
    elif kind == BARRIER:
        return DONE if meet(shard.meeting, shard.shards, shard.shard, shard.rest) else LEFT_ALONE
    elif kind == PYTHON:
        return CALL_PYTHON
    return DONE


@inline
def begin_step(shard: Any) -> None:
    """Tell kernels which step it is."""
    control, s = block_at(shard.control, Control), shard.step
    control.step = shard.first_step + s
    control.indices = shard.indices + 8 * (s * shard.batch + shard.first_sample)
    control.ahead = control.indices + (8 * shard.batch if s + 1 < shard.total else 0)
    control.rates = shard.rates + s * shard.rate_stride
    control.sums, control.sums_stride = shard.sums, shard.sums_stride
    if shard.row == 0:
        shard.loss = 0.0


@inline
def run_rows(at: int, stop: int) -> int:
    """Run a shard's rows from where it stands to before `stop`; return DONE, or why it must return."""
    shard, status = block_at(at, Shard), DONE
    ticks, number = integers(shard.ticks, shard.rows), shard.row
    since = cycles() if shard.ticks else 0
    while number < stop:
        row = block_at(shard.table + _ROW_BYTES * number, TableRow)
        if row.kind == LOSS:
            for part in range(shard.loss_part_count):
                shard.loss += doubles(shard.loss_parts + 64 * part, 1)[0]
            if shard.shard == 0:
                doubles(shard.losses + 8 * shard.step, 1)[0] = shard.loss
        else:
            status = _one_row(at, shard, row)
            if status != DONE:
                break
        if shard.ticks:
            now = cycles()
            ticks[number] += now - since
            since = now
        number += 1
    shard.row, shard.status = number, status
    return status


@inline
def end_step(shard: Any) -> bool:
    """Stand before the next step; return whether there may be one, after this loss."""
    shard.row, shard.step = 0, shard.step + 1
    shard.sums += shard.sums_step
    return np.isfinite(shard.loss)


@inline
def _steps(at: int) -> None:
    """Run a shard's own table from where it stands to its last step."""
    shard, goes_on = block_at(at, Shard), True
    while goes_on and shard.step < shard.steps:
        begin_step(shard)
        if run_rows(at, shard.rows) != DONE:
            return
        goes_on = end_step(shard)
    shard.status = DONE


@inline
def _run(own: int) -> None:
    """Run a shard, each step on its own table or on that of the tapped shard."""
    shard = block_at(own, Shard)
    while True:
        at, s = own, shard.step
        if shard.tapped:
            at = shard.tapped if integers(shard.flags, shard.total)[s] else own
            here = block_at(at, Shard)
            here.step, here.row, here.steps = s, 0, s + 1
        _steps(at)
        if not shard.tapped:
            return
        there = block_at(at, Shard)
        shard.status = there.status
        if there.status != DONE:
            return
        shard.step = s + 1
        if shard.step == shard.total or not np.isfinite(there.loss):
            return


def _whole(at: int, thread: int, team: int) -> None:
    """Run a shard from where it stands to its last step, or to a row that needs Python, or to a failure.

    `at` is the address of the shard. The run ends early after a loss that is not finite. Where it names a
    `tapped` shard, each of `total` steps runs there if its flag is set; rows that need Python are
    not allowed in either.
    """
    mode = flush_denormals()
    _run(at)
    restore(mode)


def _crew(data: int) -> None:
    """What each thread of a kernel's team runs: `data` is the address of the shard.

    Threads of the team stay in their mode, in which they work for oneDNN, too; `run` restores the caller's.
    """
    flush_denormals()
    shard = block_at(data, Shard)
    thread, team = call_count(shard.thread_number), call_count(shard.team_size)
    call_kernel(shard.kernel, shard.arguments, thread, team)


def _side_by_side(data: int) -> None:
    """What each thread of a program of several shards runs: `data` holds the addresses of the shards."""
    first = block_at(integers(data, 1)[0], Shard)
    thread, team = call_count(first.thread_number), call_count(first.team_size)
    if team == first.shards:
        call_kernel(first.run, integers(data, team)[thread], 0, 1)
    elif thread == 0:
        first.status = SHORT_TEAM


def call(function: int, args: int) -> None:
    """Call a kernel from Python, by one thread; it holds no GIL meanwhile."""
    _KERNEL_TYPE(function)(args, 0, 1)


_KERNEL_TYPE = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)


@cache
def run_address() -> int:
    """Address of what runs a shard, as `call` takes it."""
    signature = types.void(types.int64, types.int64, types.int64)
    return machine_code(_whole, signature, error_model="numpy")


@cache
def crew_address() -> int:
    """Address of `_crew`, as OpenMP takes it."""
    return machine_code(_crew, types.void(types.int64), error_model="numpy")


@cache
def side_by_side_address() -> int:
    """Address of `_side_by_side`, as OpenMP takes it."""
    return machine_code(_side_by_side, types.void(types.int64), error_model="numpy")
