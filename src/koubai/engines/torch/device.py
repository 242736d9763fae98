"""PyTorch's side of a device: which one a name means here, and the settings under which all runs on it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Lock
from typing import Any

import torch

from koubai.core.blas_threads import blas_threads
from koubai.core.errors import EngineError
from koubai.engines.devices import asked_device


def devices_here() -> list[str]:
    """Return the names of the devices that PyTorch finds.

    >>> "cpu" in devices_here()
    True
    """
    found = ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    return found + (["mps"] if torch.backends.mps.is_available() else [])


def device_named(name: str, dtype: str = "float32") -> torch.device:
    """Return the device that a name means: "auto" is $KOUBAI_DEVICE, else CUDA, else the CPU.

    "gpu" is CUDA or Apple's; "cuda" the GPU that this process was given, under torchrun each its own.

    Raises:
        UnknownName: it is no name of a device.
        EngineError: there is none of that name here, or it has no numbers of that type.
    """
    asked, here = asked_device(name), devices_here()
    name = asked
    if name == "auto":
        name = "cuda" if "cuda:0" in here else "cpu"
    if name == "gpu":
        name = "mps" if "mps" in here else "cuda"
    if name not in here and not (name == "cuda" and "cuda:0" in here):
        raise EngineError("device_is_not_here", where="device", expected=", ".join(here), got=asked)
    if name == "mps" and dtype == "float64":
        raise EngineError("device_has_no_float64", where="device", got=name)
    device = torch.device(name)
    if name == "cuda":
        device = torch.device("cuda", torch.cuda.current_device())
    if device.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # asked for by deterministic products
    return device


def title(device: torch.device) -> str:
    """Return a device's name, with the GPU's own: `cuda:0 (NVIDIA H200)`."""
    return f"{device} ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else str(device)


@contextmanager
def settled(device: torch.device, threads: int) -> Iterator[None]:
    """Use so many threads, also in formulas; on GPUs the same bits each time, and all bits of float32.

    PyTorch's own settings are put back after.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with blas_threads(threads):
            if device.type == "cuda":
                with _exact.hold():
                    yield
            else:
                yield
    finally:
        torch.set_num_threads(before)


class _Exact:
    """Deterministic algorithms where there are some (PyTorch warns of others), no ten-bit products.

    The settings are the process's: of programs side by side, the last to end puts back what the first found.
    """

    def __init__(self) -> None:
        self._lock, self._inside = Lock(), 0
        self._put_back = ExitStack()

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Have these settings while the context lasts."""
        with self._lock:
            if not self._inside:
                self._set()
            self._inside += 1
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1
                if not self._inside:
                    self._put_back.close()

    def _set(self) -> None:
        asked = torch.are_deterministic_algorithms_enabled()
        warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
        for owner, name, value in _wanted():
            self._put_back.callback(setattr, owner, name, getattr(owner, name))
            setattr(owner, name, value)
        self._put_back.callback(torch.use_deterministic_algorithms, asked, warn_only=warn_only)
        torch.use_deterministic_algorithms(True, warn_only=True)


def _wanted() -> list[tuple[Any, str, Any]]:
    """Whose settings, their names, the values wanted; PyTorch 2.9 has new names, not to be mixed with old."""
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    products: list[tuple[Any, str, Any]] = [(matmul, "allow_tf32", False), (cudnn, "allow_tf32", False)]
    if hasattr(cudnn, "conv"):
        products = [(part, "fp32_precision", "ieee") for part in (matmul, cudnn.conv)]
    filled = (torch.utils.deterministic, "fill_uninitialized_memory", False)
    return [(cudnn, "benchmark", False), filled, *products]


_exact = _Exact()
