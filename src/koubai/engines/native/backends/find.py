"""Which backend runs: oneDNN where it is found, else Numba kernels with BLAS.

The environment variable KOUBAI_KERNELS (`onednn` or `blas`) decides instead.
"""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

from koubai.core.errors import EngineError, UnknownName
from koubai.engines.native.backends.onednn import library as onednn
from koubai.words.phrase import phrase

if TYPE_CHECKING:  # it loads Numba
    from koubai.engines.native.backends.backend import Backend

_CHOICES = ("auto", "onednn", "blas")


def find_backend() -> Backend:
    """Return the backend for new programs; raise EngineError where none can run."""
    return backend_named(_name())


def why_not_onednn() -> str | None:
    """Return why new programs run without oneDNN, or None where they have it."""
    wanted = _wanted()
    if wanted == "onednn":
        return None
    return phrase("other_kernels_are_named") if wanted == "blas" else _refusal()


def kernels() -> str:
    """Return what computes products in new programs; no kernel is loaded to say so."""
    from koubai.engines.native.backends.blas import library as blas

    return blas.title() if _name() == "blas" else onednn.title()


@cache
def backend_named(name: str) -> Backend:
    """Return `onednn` or `blas`; raise EngineError where its library does not load."""
    if name == "onednn":
        from koubai.engines.native.backends.onednn.backend import OneDnnBackend

        return OneDnnBackend()
    from koubai.engines.native.backends.blas.backend import BlasBackend

    return BlasBackend()


def _name() -> str:
    wanted = _wanted()
    if wanted == "auto":
        wanted = "blas" if _refusal() else "onednn"
    return wanted


def _wanted() -> str:
    wanted = os.environ.get("KOUBAI_KERNELS") or "auto"
    if wanted not in _CHOICES:
        raise UnknownName("backend", wanted, _CHOICES, where="KOUBAI_KERNELS")
    return wanted


@cache
def _refusal() -> str | None:
    try:
        onednn.library()
    except EngineError as error:
        return error.message
    return None
