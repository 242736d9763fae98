"""BLAS as SciPy has it: the address of its matrix product, and its threads held back."""

from __future__ import annotations

import ctypes
import threading
from functools import cache
from types import TracebackType
from typing import Any

from koubai.core.errors import EngineError

# The C signature of a BLAS whose integers have 32 bits and whose numbers are float32.
_SGEMM = "void (char *, char *, int *, int *, int *, s *, s *, int *, s *, int *, s *, s *, int *)"


@cache
def sgemm() -> int:
    """Address of sgemm, which takes every argument by address, as Fortran does."""
    from scipy.linalg import cython_blas

    capsule = cython_blas.__pyx_capi__.get("sgemm")
    if capsule is None:
        raise EngineError("SciPy gives no matrix product to compiled code", where="scipy.linalg.cython_blas")
    name = _of_capsule("PyCapsule_GetName", ctypes.c_char_p)(capsule)
    signature = name.decode().replace("__pyx_t_5scipy_6linalg_11cython_blas_", "")
    if signature != _SGEMM:
        raise EngineError("another matrix product in SciPy", expected=_SGEMM, got=signature)
    return int(_of_capsule("PyCapsule_GetPointer", ctypes.c_void_p, ctypes.c_char_p)(capsule, name))


def _of_capsule(function: str, result: Any, *more: Any) -> Any:
    return ctypes.PYFUNCTYPE(result, ctypes.py_object, *more)((function, ctypes.pythonapi))


class OneThread:
    """While anything runs inside, BLAS uses the thread that calls it and no other.

    Lanes and programs side by side take the threads there are; and the bits of a product do not depend on how
    many of them BLAS would find free. The setting is the process's, so the last to leave puts it back.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._limit: Any = None

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._limit = _controller().limit(limits=1)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._limit.restore_original_limits()


@cache
def _controller() -> Any:
    from threadpoolctl import ThreadpoolController

    sgemm()  # loads SciPy's BLAS, so that it is found
    return ThreadpoolController().select(user_api="blas")


def blas_name() -> str:
    """Return the BLAS libraries of this process by name and version."""
    found = [f"{i['internal_api']} {i.get('version') or ''}".strip() for i in _controller().info()]
    return ", ".join(dict.fromkeys(found)) or "BLAS of the system"


one_thread = OneThread()
