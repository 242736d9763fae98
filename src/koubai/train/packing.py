"""Named arrays as the bytes of a safetensors file: equal contents, equal bytes; with a digest of their own.

Names, shapes and facts stand in the header in a fixed order, so that two files of equal weights are equal
(the library's own writer puts the facts in another order each time). One of the facts is the SHA-256 of all
else; whoever reads finds out whether a bit has changed since, also where no run's folder vouches for it.
Reading a file never runs code.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from koubai.core.errors import RunError
from koubai.core.params import Array
from koubai.words.phrase import phrase

LARGEST_HEADER = 16 * 2**20  # bytes
_SEAL, _FACTS = "sha256", "__metadata__"
NUMBERS = {
    "float64": "F64",
    "float32": "F32",
    "float16": "F16",
    "int64": "I64",
    "int32": "I32",
    "int16": "I16",
    "int8": "I8",
    "uint64": "U64",
    "uint32": "U32",
    "uint16": "U16",
    "uint8": "U8",
    "bool": "BOOL",
}
_KINDS = {short: np.dtype(name).newbyteorder("<") for name, short in NUMBERS.items()}


def pack(tensors: Mapping[str, Array], about: Mapping[str, str]) -> bytes:
    """Return named arrays, and what is to be known about them, as the bytes of a safetensors file."""
    order = sorted(tensors, key=lambda name: (-tensors[name].dtype.itemsize, name))
    arrays = {name: np.asarray(tensors[name], order="C") for name in order}
    arrays = {name: array.astype(array.dtype.newbyteorder("<"), copy=False) for name, array in arrays.items()}
    header: dict[str, Any] = {}
    end = 0
    for name, array in arrays.items():
        start, end = end, end + array.nbytes
        kind = NUMBERS[array.dtype.name]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [start, end]}
    parts = [array.tobytes() for array in arrays.values()]
    facts = dict(about) | {_SEAL: _digest(header, about, parts)}
    text = _text({_FACTS: facts, **header})
    text += b" " * (-len(text) % 8)  # so that every number lies at a multiple of its size
    return b"".join([len(text).to_bytes(8, "little"), text, *parts])


def unpack(data: bytes, path: Path) -> tuple[dict[str, Array], dict[str, str]]:
    """Return the arrays of a file and what it says about them.

    Raises:
        RunError: not safetensors, or changed since it was written. A file that carries no digest (of
            another program, or of an early koubai) is taken as it is.
    """
    from safetensors import SafetensorError, deserialize

    try:
        found = deserialize(data)  # checks every offset against every shape and the length of the file
        length = int.from_bytes(data[:8], "little")
        header = json.loads(data[8 : 8 + length])
        facts = {str(name): str(value) for name, value in (header.pop(_FACTS, None) or {}).items()}
        arrays = {
            name: np.frombuffer(view["data"], _KINDS[view["dtype"]]).reshape(view["shape"])
            for name, view in found
        }
    except KeyError as error:
        raise unreadable(path, phrase("numbers_of_kind", kind=error)) from None
    except (SafetensorError, ValueError, TypeError, RecursionError, MemoryError) as error:
        raise unreadable(path, error) from None
    seal = facts.pop(_SEAL, None)
    if seal is not None and seal != _digest(header, facts, [memoryview(data)[8 + length :]]):
        raise RunError("file_lacks_its_digest", where=str(path), hint=phrase("take_it_from_a_copy"))
    return arrays, facts


def unreadable(path: Path, why: object) -> RunError:
    """Return the error of a file that is not safetensors."""
    return RunError(
        "safetensors_cannot_be_read", why=why, where=str(path), hint=phrase("take_it_from_a_copy")
    )


def _digest(header: Mapping[str, Any], about: Mapping[str, str], parts: list[Any]) -> str:
    digest = hashlib.sha256(_text([header, dict(about)]))
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def _text(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
