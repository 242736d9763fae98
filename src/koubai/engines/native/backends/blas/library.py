"""BLAS as SciPy has it: the address of its matrix product, and its name."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

from koubai.core.blas_threads import libraries
from koubai.core.errors import EngineError

# The C signature of a BLAS whose integers have 32 bits and whose numbers are float32.
_SGEMM = "void (char *, char *, int *, int *, int *, s *, s *, int *, s *, int *, s *, s *, int *)"


@cache
def sgemm() -> int:
    """Address of sgemm, which takes every argument by address, as Fortran does."""
    from scipy.linalg import cython_blas

    capsule = cython_blas.__pyx_capi__.get("sgemm")
    if capsule is None:
        raise EngineError("scipy_gives_no_matrix_product", where="scipy.linalg.cython_blas")
    name = _of_capsule("PyCapsule_GetName", ctypes.c_char_p)(capsule)
    signature = name.decode().replace("__pyx_t_5scipy_6linalg_11cython_blas_", "")
    if signature != _SGEMM:
        raise EngineError("scipy_has_another_matrix_product", expected=_SGEMM, got=signature)
    return int(_of_capsule("PyCapsule_GetPointer", ctypes.c_void_p, ctypes.c_char_p)(capsule, name))


def _of_capsule(function: str, result: Any, *more: Any) -> Any:
    return ctypes.PYFUNCTYPE(result, ctypes.py_object, *more)((function, ctypes.pythonapi))


def title() -> str:
    """Return what computes products: the BLAS libraries of this process by name and version."""
    sgemm()  # loads SciPy's, so that it is found
    names = ", ".join(dict.fromkeys(library.title for library in libraries())) or "BLAS of the system"
    return f"Numba + BLAS kernels ({names})"
