"""Run a kernel of the native engine by itself."""

import ctypes

import numpy as np

from koubai.engines.native.kernels.block import flat, packing

_TYPE = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)


def run_kernel(kernel, block, *, team=1):
    """Call a kernel once for each thread of a team; arrays in its block are passed by their address."""
    fields = [x.ctypes.data if isinstance(x, np.ndarray) else x for x in flat(block)]
    packed = np.frombuffer(packing(type(block)).pack(*fields), np.int64)
    for thread in range(team):
        _TYPE(kernel.address)(packed.ctypes.data, thread, team)
