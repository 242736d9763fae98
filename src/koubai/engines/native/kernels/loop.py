"""The loop: whole stretches of training without Python.

A program is a table with 4 words a row: (kind, what, how many, arguments). A lane is a program with its own
buffers, run by one thread; where there are several, they run the same steps side by side and meet at
barriers. `LANE` lists the words that describe a lane. Functions of the libraries are called by their
addresses, so that compiled code depends on no library.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from koubai.engines.native.code_cache import machine_code
from koubai.engines.native.kernels.base import (
    INDICES,
    RATES,
    STEP,
    SUMS,
    SUMS_STRIDE,
    doubles,
    inline,
    kernel,
    words,
)
from koubai.engines.native.kernels.denormals import flush_denormals, restore
from koubai.engines.native.kernels.meeting import meet

PRIMITIVE, KERNEL, ALONE, BARRIER, LOSS, PYTHON = range(6)  # kinds of rows
DONE, FAILED, SHORT_TEAM, CALL_PYTHON, LEFT_ALONE = range(5)  # why a lane has returned
_NAMES = (
    "table", "rows",  # the program
    "execute", "stream", "parallel", "thread_number", "team_size", "crew", "run",  # functions
    "team", "lanes", "lane",  # threads of a kernel, number of lanes, which one this is
    "control", "step", "row", "steps", "first_step",  # where it stands, and when to stop
    "rates", "rate_words", "indices", "batch", "first_sample",  # what changes from step to step
    "loss", "losses", "loss_parts", "loss_part_count", "status", "ticks",  # what comes out
    "kernel", "arguments",  # what the crew runs just now
    "meeting", "rest",  # how lanes meet
    "sums", "sums_stride", "sums_step",  # where taps leave what they take; bytes to the next worker's, step's
    "tapped", "flags", "total",  # the same lane with taps, and which steps are tapped
)  # fmt: skip
LANE = {name: position for position, name in enumerate(_NAMES)}
LANE_WORDS = len(_NAMES)
(
    _TABLE, _ROWS,
    _EXECUTE, _STREAM, _PARALLEL, _THREAD_NUMBER, _TEAM_SIZE, _CREW, _RUN,
    _TEAM, _LANES, _LANE,
    _CONTROL, _STEP, _ROW, _STEPS, _FIRST_STEP,
    _RATES, _RATE_WORDS, _INDICES, _BATCH, _FIRST_SAMPLE,
    _LOSS, _LOSSES, _LOSS_PARTS, _LOSS_PART_COUNT, _STATUS, _TICKS,
    _KERNEL, _ARGUMENTS,
    _MEETING, _REST,
    _SUMS, _SUMS_STRIDE, _SUMS_STEP,
    _TAPPED, _FLAGS, _TOTAL,
) = range(LANE_WORDS)  # fmt: skip

_I32, _I64 = ir.IntType(32), ir.IntType(64)


def _call(builder: Any, args: Any, result: Any, types_: tuple[Any, ...]) -> Any:
    pointer = builder.inttoptr(args[0], ir.FunctionType(result, types_).as_pointer())
    return builder.call(pointer, args[1:])


@intrinsic
def _call_kernel(typing: Any, address: Any, arguments: Any, thread: Any, team: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        _call(builder, args, ir.VoidType(), (_I64, _I64, _I64))
        return context.get_dummy_value()

    return types.none(*[types.int64] * 4), generate


@intrinsic
def _call_execute(typing: Any, address: Any, primitive: Any, stream: Any, count: Any, arguments: Any) -> Any:
    """dnnl_primitive_execute."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        count = builder.trunc(args[3], _I32)
        return _call(builder, (*args[:3], count, args[4]), _I32, (_I64, _I64, _I32, _I64))

    return types.int32(*[types.int64] * 5), generate


@intrinsic
def _call_parallel(typing: Any, address: Any, function: Any, data: Any, team: Any) -> Any:
    """GOMP_parallel."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        team, flags = builder.trunc(args[3], _I32), ir.Constant(_I32, 0)
        _call(builder, (*args[:3], team, flags), ir.VoidType(), (_I64, _I64, _I32, _I32))
        return context.get_dummy_value()

    return types.none(*[types.int64] * 4), generate


@intrinsic
def _call_count(typing: Any, address: Any) -> Any:
    """omp_get_thread_num, omp_get_num_threads."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _call(builder, args, _I32, ())

    return types.int32(types.int64), generate


@intrinsic
def _cycles(typing: Any) -> Any:
    """The processor's cycle counter."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        counter = builder.module.declare_intrinsic("llvm.readcyclecounter", (), ir.FunctionType(_I64, ()))
        return builder.call(counter, ())

    return types.int64(), generate


@inline
def _one_row(args: int, a: Any, row: int, kind: int, what: int, count: int, arguments: int) -> int:
    """Run a row; return DONE, or why the lane must return."""
    if kind == PRIMITIVE:
        if _call_execute(a[_EXECUTE], what, a[_STREAM], count, arguments):
            return FAILED
    elif kind == KERNEL and a[_TEAM] > 1:
        a[_KERNEL], a[_ARGUMENTS] = what, arguments
        _call_parallel(a[_PARALLEL], a[_CREW], args, a[_TEAM])
    elif kind in (KERNEL, ALONE):
        _call_kernel(what, arguments, 0, 1)
    elif kind == BARRIER:
        return DONE if meet(a[_MEETING], a[_LANES], a[_REST]) else LEFT_ALONE
    elif kind == PYTHON:
        return CALL_PYTHON
    return DONE


@inline
def _steps(args: int) -> None:
    """Run a lane's own table from where it stands to its last step."""
    a = words(args, LANE_WORDS)
    control, loss = words(a[_CONTROL], 8), doubles(args + 8 * _LOSS, 1)
    table, ticks = words(a[_TABLE], 4 * a[_ROWS]), words(a[_TICKS], a[_ROWS])
    while a[_STEP] < a[_STEPS]:
        s, row = a[_STEP], a[_ROW]
        control[STEP] = a[_FIRST_STEP] + s
        control[INDICES] = a[_INDICES] + 8 * (s * a[_BATCH] + a[_FIRST_SAMPLE])
        control[RATES] = a[_RATES] + 8 * s * a[_RATE_WORDS]
        control[SUMS], control[SUMS_STRIDE] = a[_SUMS], a[_SUMS_STRIDE]
        if row == 0:
            loss[0] = 0.0
        since = _cycles() if a[_TICKS] else 0
        while row < a[_ROWS]:
            kind = table[4 * row]
            if kind == LOSS:
                for part in range(a[_LOSS_PART_COUNT]):
                    loss[0] += doubles(a[_LOSS_PARTS] + 64 * part, 1)[0]
                if a[_LANE] == 0:
                    doubles(a[_LOSSES] + 8 * s, 1)[0] = loss[0]
            else:
                i = 4 * row
                status = _one_row(args, a, row, kind, table[i + 1], table[i + 2], table[i + 3])
                if status != DONE:
                    a[_ROW], a[_STATUS] = row, status
                    return
            if a[_TICKS]:
                now = _cycles()
                ticks[row] += now - since
                since = now
            row += 1
        a[_ROW], a[_STEP] = 0, s + 1
        a[_SUMS] += a[_SUMS_STEP]
        if not np.isfinite(loss[0]):
            break
    a[_STATUS] = DONE


@inline
def _run(args: int) -> None:
    """Run a lane, each step on its own table or on that of the tapped lane."""
    a = words(args, LANE_WORDS)
    while True:
        at, s = args, a[_STEP]
        if a[_TAPPED]:
            at = a[_TAPPED] if words(a[_FLAGS], a[_TOTAL])[s] else args
            b = words(at, LANE_WORDS)
            b[_STEP], b[_ROW], b[_STEPS] = s, 0, s + 1
        _steps(at)
        if not a[_TAPPED]:
            return
        b = words(at, LANE_WORDS)
        a[_STATUS] = b[_STATUS]
        if b[_STATUS] != DONE:
            return
        a[_STEP] = s + 1
        if a[_STEP] == a[_TOTAL] or not np.isfinite(doubles(at + 8 * _LOSS, 1)[0]):
            return


@kernel
def run(args: int, thread: int, team: int) -> None:
    """Run a lane from where it stands to its last step, or to a row that needs Python, or to a failure.

    `args` is the address of the lane's words. The run ends early after a loss that is not finite. Where the
    words name a `tapped` lane, each of `total` steps runs there if its flag is set; rows that need Python are
    not allowed in either.
    """
    mode = flush_denormals()
    _run(args)
    restore(mode)


def _crew(data: int) -> None:
    """What each thread of a kernel's team runs: `data` is the address of the lane's words.

    Threads of the team stay in their mode, in which they work for oneDNN, too; `run` restores the caller's.
    """
    flush_denormals()
    a = words(data, LANE_WORDS)
    thread, team = _call_count(a[_THREAD_NUMBER]), _call_count(a[_TEAM_SIZE])
    _call_kernel(a[_KERNEL], a[_ARGUMENTS], thread, team)


def _side_by_side(data: int) -> None:
    """What each thread of a program of several lanes runs: `data` holds the addresses of the lanes."""
    first = words(words(data, 1)[0], LANE_WORDS)
    thread, team = _call_count(first[_THREAD_NUMBER]), _call_count(first[_TEAM_SIZE])
    if team == first[_LANES]:
        _call_kernel(first[_RUN], words(data, team)[thread], 0, 1)
    elif thread == 0:
        first[_STATUS] = SHORT_TEAM


def call(function: int, args: int) -> None:
    """Call a kernel from Python, by one thread; it holds no GIL meanwhile."""
    _KERNEL_TYPE(function)(args, 0, 1)


_KERNEL_TYPE = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)


@cache
def crew_address() -> int:
    """Address of `_crew`, as OpenMP takes it."""
    return machine_code(_crew, types.void(types.int64), error_model="numpy")


@cache
def side_by_side_address() -> int:
    """Address of `_side_by_side`, as OpenMP takes it."""
    return machine_code(_side_by_side, types.void(types.int64), error_model="numpy")
