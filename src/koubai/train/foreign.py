"""Weights that another program wrote: named arrays from safetensors, .npz, or a PyTorch state_dict."""

from __future__ import annotations

import pickle
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from koubai.core.errors import EngineError, RunError
from koubai.core.memory import require_memory
from koubai.core.params import Array
from koubai.data.files import decoding, open_regular
from koubai.data.npz import PackedArray
from koubai.train.files import read_file, reading
from koubai.train.packing import unpack

TORCH_SUFFIXES = (".pt", ".pth", ".bin", ".ckpt")
SUFFIXES = (".safetensors", ".npz", *TORCH_SUFFIXES)
_OURS = ("params/", "buffers/")


def read_foreign(path: Path) -> dict[str, Array]:
    """Return the arrays of a file by name, in the file's order; nothing in it is ever executed.

    Raises:
        RunError: no such file, another kind of file, damaged, or one that holds more than numbers.
        EngineError: a file of PyTorch, and PyTorch is not installed.
    """
    if path.suffix == ".safetensors":
        tensors = unpack(read_file(path), path)[0]
        found = {name: tensors[name] for name in tensors if not name.startswith("slots/")}
        return {_plain_name(name): array for name, array in found.items()}
    if path.suffix == ".npz":
        return _npz(path)
    if path.suffix in TORCH_SUFFIXES:
        return _state_dict(path)
    raise RunError("not_a_file_of_weights", where=str(path), expected=", ".join(SUFFIXES), got=path.suffix)


def _plain_name(name: str) -> str:
    """Return the name without what koubai's own files put before it."""
    return next((name.removeprefix(kind) for kind in _OURS if name.startswith(kind)), name)


def _npz(path: Path) -> dict[str, Array]:
    with reading(path), decoding(path), open_regular(path) as opened, zipfile.ZipFile(opened) as file:
        entries = [info for info in file.infolist() if info.filename.endswith(".npy")]
        require_memory({"weights": sum(info.file_size for info in entries)}, str(path))
        arrays = (PackedArray.of(file, info, path) for info in entries)
        return {array.info.filename.removesuffix(".npy"): array.read(file) for array in arrays}


def _state_dict(path: Path) -> dict[str, Array]:
    try:
        import torch
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise EngineError("written_by_torch", where=str(path), hint="pip install 'koubai[torch]'") from None
    data = read_file(path)
    try:
        held: Any = torch.load(BytesIO(data), map_location="cpu", weights_only=True)
    except (
        pickle.UnpicklingError,
        RuntimeError,
        EOFError,
        ValueError,
        KeyError,
        TypeError,
        OSError,
    ) as error:
        text = str(error).strip().split("\n", 1)[0]
        raise RunError(
            "holds_more_than_weights", where=str(path), got=text[:200] or type(error).__name__
        ) from None
    if isinstance(held, dict) and isinstance(held.get("state_dict"), dict):
        held = held["state_dict"]
    if not isinstance(held, dict):
        raise RunError("holds_no_state_dict", where=str(path), got=type(held).__name__)
    return {
        str(name): value.detach().to(torch.float64 if value.is_floating_point() else value.dtype).numpy()
        for name, value in held.items()
        if isinstance(value, torch.Tensor)
    }


def as_weights(array: Array, dtype: str) -> Array:
    """Return an array as numbers of a network, in C order."""
    return np.array(array, dtype=dtype, order="C")
