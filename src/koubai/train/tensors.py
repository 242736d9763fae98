"""Named tensors in a file: safetensors, so that reading a file never runs code.

A file is believed only as far as it is checked: its tensors must have exactly the names, shapes and
numbers that the network asks for, before any of them is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from koubai.core.errors import RunError
from koubai.core.params import Array, Shape
from koubai.engines.engine import TrainingState
from koubai.network.network import Network, Weights
from koubai.train.files import write_atomic, writing
from koubai.words.system import reason

_KINDS = ("params", "buffers", "slots")
_DTYPES = {"float32": "F32", "float64": "F64", "int64": "I64"}


def write_tensors(path: Path, tensors: Mapping[str, Array], about: Mapping[str, str]) -> None:
    """Write named arrays, and what is to be known about them, as one safetensors file."""
    from safetensors.numpy import save

    with writing(path.parent):
        write_atomic(path, save({n: np.ascontiguousarray(a) for n, a in tensors.items()}, dict(about)))


def read_about(path: Path) -> dict[str, str]:
    """Return what a file says about its tensors."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            return dict(file.metadata() or {})
    except (SafetensorError, OSError, ValueError) as error:
        raise _unreadable(path, error) from None


def read_tensors(path: Path, expected: Mapping[str, tuple[Shape, str]] | None = None) -> dict[str, Array]:
    """Return the arrays of a file; with `expected` (name -> shape, dtype) it must hold exactly these.

    Raises:
        RunError: not a safetensors file, or not the tensors expected; names what differs first.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            names = list(file.keys())
            if expected is not None:
                _check_names(path, names, expected)
                for name in names:
                    part = file.get_slice(name)
                    _check(path, name, (tuple(part.get_shape()), part.get_dtype()), expected[name])
            return {name: file.get_tensor(name) for name in names}
    except (SafetensorError, OSError, ValueError, TypeError) as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: Exception) -> RunError:
    why = reason(error) if isinstance(error, OSError) else error
    return RunError(f"not a safetensors file that can be read: {why}", where=str(path))


def _check_names(path: Path, names: list[str], expected: Mapping[str, object]) -> None:
    missing, extra = sorted(set(expected) - set(names)), sorted(set(names) - set(expected))
    if missing or extra:
        lacks = f"lacks {_few(missing)}" if missing else ""
        holds = f"holds {_few(extra)} too" if extra else ""
        raise RunError(
            "the tensors are those of another network",
            where=str(path),
            expected=f"{len(expected)} tensors: {_few(sorted(expected))}",
            got="; ".join(part for part in (lacks, holds) if part),
        )


def _few(names: list[str]) -> str:
    return ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")


def _check(path: Path, name: str, found: tuple[Shape, str], expected: tuple[Shape, str]) -> None:
    shape, dtype = expected
    if found != (shape, _DTYPES[dtype]):
        raise RunError(
            f"tensor {name} does not fit the network",
            where=str(path),
            expected=f"{_DTYPES[dtype]} of shape {shape}",
            got=f"{found[1]} of shape {found[0]}",
        )


# ------------------------------------------------------------------------------------- states and weights


def write_state(path: Path, state: TrainingState, about: Mapping[str, str]) -> None:
    """Write a training state: its tensors under params/, buffers/ and slots/, its step among the facts."""
    arrays = (state.weights.params, state.weights.buffers, state.slots)
    tensors = {f"{kind}/{n}": a for kind, group in zip(_KINDS, arrays, strict=True) for n, a in group.items()}
    write_tensors(path, tensors, {**about, "step": str(state.step)})


def read_state(path: Path, like: TrainingState) -> TrainingState:
    """Return a training state that has the names, shapes and numbers of `like`."""
    arrays = (like.weights.params, like.weights.buffers, like.slots)
    expected = {
        f"{kind}/{name}": (array.shape, array.dtype.name)
        for kind, group in zip(_KINDS, arrays, strict=True)
        for name, array in group.items()
    }
    step = read_about(path).get("step", "")
    if not step.isdecimal():
        raise RunError("this file names no step", where=str(path))
    groups = _grouped(read_tensors(path, expected))
    return TrainingState(int(step), Weights(groups["params"], groups["buffers"]), groups["slots"])


def write_weights(path: Path, weights: Weights, about: Mapping[str, str]) -> None:
    """Write the weights of a trained network, without the optimizer's tensors."""
    write_state(path, TrainingState(0, weights), about)


def read_weights(path: Path, network: Network, dtype: str) -> Weights:
    """Return weights that fit a network."""
    specs: dict[str, Any] = {"params": network.param_specs, "buffers": network.buffer_specs}
    expected = {
        f"{kind}/{name}": (tuple(spec.shape), dtype)
        for kind, group in specs.items()
        for name, spec in group.items()
    }
    groups = _grouped(read_tensors(path, expected))
    return Weights(groups["params"], groups["buffers"])


def _grouped(tensors: Mapping[str, Array]) -> dict[str, dict[str, Array]]:
    groups: dict[str, dict[str, Array]] = {kind: {} for kind in _KINDS}
    for name, array in tensors.items():
        kind, _, path = name.partition("/")
        groups[kind][path] = array
    return groups
