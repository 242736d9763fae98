"""Named tensors in a file: safetensors, so that reading a file never runs code.

A file is believed only as far as it is checked: its tensors must have exactly the names, shapes and
numbers that the network asks for, and its size is bounded by theirs before it is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from koubai.core.errors import RunError
from koubai.core.few import few
from koubai.core.params import Array, Shape
from koubai.engines.engine import TrainingState
from koubai.network.network import Network, Weights
from koubai.train.files import write_atomic, writing
from koubai.train.packing import LARGEST_HEADER, NUMBERS, pack, unpack
from koubai.words.phrase import joined, phrase

_KINDS = ("params", "buffers", "slots")
_DIGITS = 15  # of a step
_SHOWN = 4  # names of tensors in an error
Expected = Mapping[str, tuple[Shape, str]]  # name -> shape, name of its numbers


def largest(expected: Expected) -> int:
    """Return how many bytes a file of these tensors may have."""
    return LARGEST_HEADER + sum(prod(shape) * np.dtype(kind).itemsize for shape, kind in expected.values())


def check_tensors(path: Path, tensors: Mapping[str, Array], expected: Expected) -> None:
    """Raise RunError unless the arrays have exactly the names, shapes and numbers expected."""
    _check_names(path, list(tensors), expected)
    for name, array in tensors.items():
        _check(path, name, (array.shape, NUMBERS[array.dtype.name]), expected[name])


def _check_names(path: Path, names: list[str], expected: Mapping[str, object]) -> None:
    missing, extra = sorted(set(expected) - set(names)), sorted(set(names) - set(expected))
    if missing or extra:
        lacks = [phrase("lacks_tensors", names=few(missing, _SHOWN))] if missing else []
        holds = [phrase("holds_tensors_too", names=few(extra, _SHOWN))] if extra else []
        raise RunError(
            "tensors_of_another_network",
            count=len(expected),
            names=few(sorted(expected), _SHOWN),
            where=str(path),
            got=joined([*lacks, *holds], "semicolon"),
        )


def _check(path: Path, name: str, found: tuple[Shape, str], expected: tuple[Shape, str]) -> None:
    shape, dtype = expected
    if found != (shape, NUMBERS[dtype]):
        raise RunError(
            "tensor_does_not_fit",
            name=name,
            where=str(path),
            expected=phrase("dtype_of_shape", kind=NUMBERS[dtype], shape=shape),
            got=phrase("dtype_of_shape", kind=found[1], shape=found[0]),
        )


# ------------------------------------------------------------------------------------- states and weights


def pack_state(state: TrainingState, about: Mapping[str, str]) -> bytes:
    """Return a state as a file: tensors under params/, buffers/ and slots/, its step among the facts."""
    arrays = (state.weights.params, state.weights.buffers, state.slots)
    tensors = {f"{kind}/{n}": a for kind, group in zip(_KINDS, arrays, strict=True) for n, a in group.items()}
    return pack(tensors, {**about, "step": str(state.step)})


def unpack_state(data: bytes, path: Path, like: TrainingState) -> tuple[TrainingState, dict[str, str]]:
    """Return a training state that has the names, shapes and numbers of `like`, and what is said about it."""
    tensors, about = unpack(data, path)
    check_tensors(path, tensors, tensors_of(like))
    step = about.get("step", "")
    if not step.isdecimal() or len(step) > _DIGITS:
        raise RunError("file_names_no_step", where=str(path))
    groups = _grouped(tensors)
    return TrainingState(int(step), Weights(groups["params"], groups["buffers"]), groups["slots"]), about


def tensors_of(like: TrainingState) -> Expected:
    """Return the names, shapes and numbers that the file of such a state holds."""
    arrays = (like.weights.params, like.weights.buffers, like.slots)
    return {
        f"{kind}/{name}": (array.shape, array.dtype.name)
        for kind, group in zip(_KINDS, arrays, strict=True)
        for name, array in group.items()
    }


def pack_weights(weights: Weights, about: Mapping[str, str]) -> bytes:
    """Return the weights of a trained network as a file, without the optimizer's tensors."""
    return pack_state(TrainingState(0, weights), about)


def write_weights(path: Path, weights: Weights, about: Mapping[str, str]) -> None:
    """Write the weights of a trained network, without the optimizer's tensors."""
    with writing(path.parent):
        write_atomic(path, pack_weights(weights, about))


def weights_of(tensors: Mapping[str, Array], path: Path, network: Network, dtype: str) -> Weights:
    """Return weights that fit a network."""
    specs: dict[str, Any] = {"params": network.param_specs, "buffers": network.buffer_specs}
    expected = {
        f"{kind}/{name}": (tuple(spec.shape), dtype)
        for kind, group in specs.items()
        for name, spec in group.items()
    }
    check_tensors(path, tensors, expected)
    groups = _grouped(tensors)
    return Weights(groups["params"], groups["buffers"])


def _grouped(tensors: Mapping[str, Array]) -> dict[str, dict[str, Array]]:
    groups: dict[str, dict[str, Array]] = {kind: {} for kind in _KINDS}
    for name, array in tensors.items():
        kind, _, path = name.partition("/")
        groups[kind][path] = array
    return groups
