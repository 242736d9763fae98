"""The lock of all compiling: plans, primitives and kernels are made by one thread at a time."""

from __future__ import annotations

from threading import RLock

from numba.core.compiler_lock import global_compiler_lock

from koubai.core.forks import hold_at_fork

COMPILING = RLock()
hold_at_fork(COMPILING, global_compiler_lock)  # in this order, as compiling takes them
