"""What a peer is: a name, the package it needs, and a way to train a workload for n steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from threadpoolctl import threadpool_info

from koubai.core.params import Array
from koubai_benchmarks.speed.workload import Workload

Runner = Callable[[int], int]
"""Trains about n steps to their end, so that nothing is still being computed; returns the steps made."""


def _any(workload: Workload) -> str | None:
    return None


@dataclass(frozen=True)
class Peer:
    """One column of the benchmark.

    | field       | meaning                                                                                |
    |-------------|----------------------------------------------------------------------------------------|
    | package     | what must be installed, by its import name                                             |
    | prepare     | (workload, threads) -> Runner; imports the package                                     |
    | refuses     | workload -> why the peer cannot train it, or None                                      |
    | environment | variables its process starts with                                                      |
    | ours        | whether it is an engine of koubai: then it is measured against the others              |
    | by_default  | whether it runs unless named                                                           |
    | kernels     | -> what computes its products, asked in its process once it has run; "": not known      |
    | transforms  | -> whether convolutions are done by Winograd's transforms, with fewer multiplications, |
    |             | asked like that                                                                        |
    """

    name: str
    package: str
    prepare: Callable[[Workload, int], Runner]
    refuses: Callable[[Workload], str | None] = _any
    environment: Mapping[str, str] = field(default_factory=dict)
    ours: bool = False
    by_default: bool = True
    kernels: Callable[[], str] = str
    transforms: Callable[[], bool] = bool


def blas_of_numpy() -> str:
    """Return the BLAS that NumPy and SciPy call in this process, and the kernels it chose."""
    found = {
        f"{info['internal_api']} {info['version'] or ''} {info.get('architecture') or ''}".strip()
        for info in threadpool_info()
        if info["user_api"] == "blas"
    }
    return ", ".join(sorted(found))


def fixed_batch(workload: Workload, *, channels_last: bool = False) -> tuple[Array, Array]:
    """Return the one batch that peers repeat: x (N, ...) float32 and labels (N,) int64."""
    x, t = workload.data(workload.batch_size)
    if channels_last and workload.convolutional:
        x = np.ascontiguousarray(np.moveaxis(x, 1, -1))
    return x, t


def only_float32(workload: Workload) -> str | None:
    """Refuse mixed precision."""
    return None if workload.precision == "float32" else "not tried in bfloat16"


def only_dense(workload: Workload) -> str | None:
    """Refuse convolutions, too: XLA's are said to be slow on CPUs (tensorflow/tensorflow, issue 62808)."""
    return "XLA is tried with dense layers only" if workload.convolutional else only_float32(workload)


def unknown_layer(layer: object) -> TypeError:
    """Return the error of a peer that has no translation of a layer."""
    return TypeError(f"no translation of {type(layer).__name__}")
