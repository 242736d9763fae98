"""Names of devices, and whether a GPU may be here: without PyTorch, which takes seconds to import."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path

from koubai.core.errors import UnknownName

NAMES = ("auto", "cpu", "gpu", "cuda", "cuda:0", "mps")
_GPUS = ("gpu", "cuda", "mps")
_DRIVERS = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")  # NVIDIA's, AMD's, and Windows' in its Linux


def check_device(name: object, where: str = "device") -> None:
    """Raise UnknownName unless a name is "auto", "cpu", "gpu", "cuda", "cuda:1" ... or "mps"."""
    kind, _, number = str(name).partition(":")
    if name not in NAMES and not (kind == "cuda" and number.isdecimal()):
        raise UnknownName("device", str(name), NAMES, where=where)


def asked_device(name: str) -> str:
    """Return a device as it was asked for; "auto" is what the environment's KOUBAI_DEVICE says, if anything.

    Raises UnknownName for a name of none.
    """
    check_device(name)
    if name != "auto":
        return name
    name = os.environ.get("KOUBAI_DEVICE") or "auto"
    check_device(name, "KOUBAI_DEVICE")
    return name


def is_gpu(name: str) -> bool:
    """Return whether a name asks for a GPU.

    >>> [is_gpu(name) for name in ("auto", "cpu", "cuda:1")]
    [False, False, True]
    """
    return name.partition(":")[0] in _GPUS


def gpu_here() -> bool:
    """Return whether PyTorch is installed and finds a CUDA GPU; imports it only where there are drivers."""
    drivers = sys.platform == "win32" or any(Path(driver).exists() for driver in _DRIVERS)
    if not drivers or find_spec("torch") is None:
        return False
    import torch

    return bool(torch.cuda.is_available())
