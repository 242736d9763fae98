"""A barrier for shards in threads of any kind: counters in memory that only grow.

Up to eight shards count at one place and look there. More come in groups of eight, each with a counter of
its own; the last of a group counts at the common one, where all look. So of 64 shards 8 write to a line of
memory, not 64, and those who look have it in their caches while others still arrive.

| field      | meaning                                                                      |
|------------|------------------------------------------------------------------------------|
| ARRIVED    | shards that came; with groups, groups that came                              |
| CALLED_OFF | not 0 when nobody is to wait any more                                        |
| GROUPS     | shards that came of each group                                               |
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from koubai.engines.native.kernels.base import inline
from koubai.engines.native.kernels.instruction import instruction

_I32, _I64 = ir.IntType(32), ir.IntType(64)
LINE = 8  # words of a cache line: each counter has one of its own
ARRIVED, CALLED_OFF, GROUPS = 0, LINE, 2 * LINE
GROUP = 8  # shards that count at one place
_LOOKS = 1000  # about a microsecond of waiting before the system may run another thread


@instruction(types.int64, types.int64)
def _arrive(builder: Any, counter: Any) -> Any:
    """Count one more at an address; return how many came before. What was written before is seen by all."""
    pointer = builder.inttoptr(counter, _I64.as_pointer())
    return builder.atomic_rmw("add", pointer, ir.Constant(_I64, 1), "acq_rel")


@instruction(types.int64, types.int64)
def _look(builder: Any, address: Any) -> Any:
    """The number at an address, as other threads left it."""
    pointer = builder.inttoptr(address, _I64.as_pointer())
    return builder.load_atomic(pointer, "acquire", 8)


@instruction(types.none, types.int64)
def _rest(builder: Any, address: Any) -> None:
    """Call a function of the system that lets another thread go first."""
    kind = ir.FunctionType(_I32, ())
    builder.call(builder.inttoptr(address, kind.as_pointer()), ())


def meeting_words(shards: int) -> int:
    """Return how many words the memory of a meeting has.

    >>> meeting_words(2), meeting_words(64)
    (16, 80)
    """
    return GROUPS + (LINE * -(-shards // GROUP) if shards > GROUP else 0)


@inline
def meet(meeting: int, shards: int, shard: int, rest: int) -> Any:
    """Wait until all shards are here; return whether they come, or the meeting was called off."""
    if shards <= GROUP:
        goal = (_arrive(meeting + 8 * ARRIVED) // shards + 1) * shards
    else:
        group = shard // GROUP
        size = min(GROUP, shards - group * GROUP)
        before = _arrive(meeting + 8 * (GROUPS + LINE * group))
        goal = (before // size + 1) * ((shards + GROUP - 1) // GROUP)
        if before % size == size - 1:
            _arrive(meeting + 8 * ARRIVED)
    while True:
        for _ in range(_LOOKS):
            if _look(meeting + 8 * ARRIVED) >= goal:
                return True
        if _look(meeting + 8 * CALLED_OFF):
            return _look(meeting + 8 * ARRIVED) >= goal
        _rest(rest)
