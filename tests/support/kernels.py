"""Run a kernel of the native engine by itself."""

import ctypes

import numpy as np

_TYPE = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)


def run_kernel(kernel, *arguments, team=1):
    """Call a kernel once for each thread of a team; arrays are passed by their address."""
    block = np.zeros(max(1, len(arguments)), np.int64)
    for position, argument in enumerate(arguments):
        if isinstance(argument, np.ndarray):
            block[position] = argument.ctypes.data
        elif isinstance(argument, float):
            block.view(np.float64)[position] = argument
        else:
            block[position] = argument
    for thread in range(team):
        _TYPE(kernel.address)(block.ctypes.data, thread, team)
