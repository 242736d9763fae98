"""Which backend runs: oneDNN where it is found, else Numba kernels with BLAS.

The environment variable KOUBAI_KERNELS (`onednn` or `blas`) decides instead.
"""

from __future__ import annotations

import os
from functools import cache

from koubai.core.errors import EngineError, UnknownName
from koubai.engines.native.backends.backend import Backend
from koubai.engines.native.onednn import library


def find_backend() -> Backend:
    """Return the backend for new programs; raise EngineError where none can run."""
    wanted = os.environ.get("KOUBAI_KERNELS") or "auto"
    if wanted not in ("auto", "onednn", "blas"):
        raise UnknownName("backend in KOUBAI_KERNELS", wanted, ("auto", "onednn", "blas"))
    if wanted == "auto":
        wanted = "blas" if why_not_onednn() else "onednn"
    return backend_named(wanted)


@cache
def why_not_onednn() -> str | None:
    """Return one line that says why oneDNN cannot be used, or None where it can."""
    try:
        library()
    except EngineError as error:
        return " ".join(str(error).split())
    return None


@cache
def backend_named(name: str) -> Backend:
    """Return `onednn` or `blas`; raise EngineError where its library does not load."""
    if name == "onednn":
        from koubai.engines.native.backends.onednn.backend import OneDnnBackend

        return OneDnnBackend()
    from koubai.engines.native.backends.blas.backend import BlasBackend

    return BlasBackend()
