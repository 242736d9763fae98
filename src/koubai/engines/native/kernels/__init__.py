"""Kernels: koubai's own machine code, by theme, written in Numba's subset of Python."""
