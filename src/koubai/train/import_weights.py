"""Which foreign array becomes which parameter: proposed by shape, written down in TOML, then applied.

Arrays of the same shape are taken in the order of their names (numbers in them as numbers), so that layer 10
comes after layer 2. Where names say what an array is (weight, bias, running_mean ...) only those of the same
meaning are taken.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from koubai.core.errors import ConfigError, Problem, RunError, did_you_mean, nearest
from koubai.core.layer import Layer
from koubai.core.params import Array, Shape
from koubai.data.sources.arrays import Arrays
from koubai.network.network import Network, Weights
from koubai.train.files import read_file
from koubai.train.foreign import TORCH_SUFFIXES, as_weights, read_foreign
from koubai.train.model_file import Trained
from koubai.train.recipe import Recipe
from koubai.train.recipe_file import MAX_DEPTH
from koubai.train.toml_words import not_toml
from koubai.words.phrase import phrase

_MEANINGS = {
    "weight": ("weight", "kernel", "w"),
    "bias": ("bias", "b"),
    "gamma": ("gamma", "weight", "scale"),
    "beta": ("beta", "bias", "shift", "offset"),
    "slope": ("slope", "weight"),
    "running_mean": ("running_mean", "moving_mean", "mean"),
    "running_variance": ("running_variance", "running_var", "moving_variance", "variance", "var"),
}
_KNOWN = {word for words in _MEANINGS.values() for word in words}


@dataclass(frozen=True)
class Source:
    """The foreign array that becomes a parameter, and whether it is transposed for that."""

    name: str
    transpose: bool = False


@dataclass(frozen=True)
class Imported:
    """A network with weights from elsewhere.

    `mapping` says where each parameter came from; `unused` are the arrays of the file that nothing took;
    `ambiguous` the parameters for which another array had the same shape and meaning, so that the order
    decided: look at them.
    """

    trained: Trained
    mapping: dict[str, Source]
    unused: tuple[str, ...] = ()
    ambiguous: tuple[str, ...] = field(default=())

    def to_toml(self) -> str:
        """Return the mapping as a file that `mapping=` and `koubai import --mapping` take."""
        lines = ["[tensors]"]
        for path, source in self.mapping.items():
            name = _quoted(source.name)
            value = f"{{ from = {name}, transpose = true }}" if source.transpose else name
            lines.append(f"{_quoted(path)} = {value}")
        return "\n".join(lines) + "\n"


def import_weights(
    path: str | Path,
    network: Layer | Recipe,
    in_shape: Shape,
    mapping: str | Path | Mapping[str, Source] | None = None,
) -> Imported:
    """Return a network with the weights of a file that another program wrote.

    Args:
        path: .safetensors, .npz, or a PyTorch state_dict (.pt, .pth, .bin, .ckpt).
        network: layers; or a recipe, which then goes with the weights.
        in_shape: shape of one input, such as (1, 28, 28).
        mapping: what becomes what, as a TOML file or a dict; None proposes it by shape.

    Raises:
        RunError: the file cannot be read, or its arrays do not fit; says which parameter got nothing.
        ConfigError: a mapping that cannot be, every mistake at once.
    """
    path = Path(path)
    recipe = network if isinstance(network, Recipe) else Recipe(network, Arrays("0" * 64))
    made = Network(recipe.network, tuple(in_shape), recipe.initializer)
    tensors = read_foreign(path)
    wanted = _wanted(made)
    ambiguous: tuple[str, ...] = ()
    if mapping is None:
        chosen, ambiguous = _proposed(made, wanted, tensors, path)
    elif isinstance(mapping, Mapping):
        chosen = dict(mapping)
    else:
        chosen = read_mapping(Path(mapping))
    weights = _applied(made, wanted, tensors, chosen, recipe.dtype, "mapping")
    used = {source.name for source in chosen.values()}
    unused = tuple(name for name in tensors if name not in used)
    return Imported(Trained(recipe, made, weights), chosen, unused, ambiguous)


def read_mapping(path: Path) -> dict[str, Source]:
    """Return the mapping in a TOML file; raise ConfigError with every mistake."""
    try:
        text = read_file(path, 2**24).decode()
        plain = tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise ConfigError(str(path), [Problem("", phrase("not_utf_8", byte=error.start))]) from None
    except RecursionError:
        raise ConfigError(str(path), [Problem("", phrase("nested_too_deep", levels=MAX_DEPTH))]) from None
    except ValueError as error:
        raise ConfigError(str(path), [not_toml(error, text)]) from None
    table = plain.get("tensors")
    if not isinstance(table, dict):
        raise ConfigError(str(path), [Problem("tensors", phrase("expected_table_of_parameters"))])
    found: dict[str, Source] = {}
    problems = []
    for name, value in table.items():
        source = _source(value)
        if source is None:
            hint = phrase("how_to_name_an_array")
            problems.append(Problem(name, phrase("expected_name_of_an_array", value=value), hint=hint))
        else:
            found[name] = source
    if problems:
        raise ConfigError(str(path), problems)
    return found


def _source(value: Any) -> Source | None:
    if isinstance(value, str):
        return Source(value)
    if not isinstance(value, dict) or not set(value) <= {"from", "transpose"}:
        return None
    name, transpose = value.get("from"), value.get("transpose", False)
    return Source(name, transpose) if isinstance(name, str) and isinstance(transpose, bool) else None


# ------------------------------------------------------------------------------------------- the proposal


def _wanted(network: Network) -> dict[str, Shape]:
    """Every parameter and buffer with its shape, in forward order."""
    specs: dict[str, Any] = {**network.param_specs, **network.buffer_specs}
    return {path: tuple(spec.shape) for path, spec in specs.items()}


def _matrices(network: Network) -> set[str]:
    """The weights of Linear layers, which others keep with outputs as rows."""
    return {
        f"{cell.path}.weight" if cell.path else "weight"
        for cell in network.leaves
        if cell.layer.unit_axis == 1 and len(cell.layer.params(cell.in_shape)["weight"].shape) == 2
    }


def _proposed(
    network: Network, wanted: Mapping[str, Shape], tensors: Mapping[str, Array], file: Path
) -> tuple[dict[str, Source], tuple[str, ...]]:
    matrices = _matrices(network)
    shapes = {name: array.shape for name, array in tensors.items()}
    turned = file.suffix in TORCH_SUFFIXES or _turned(wanted, matrices, shapes)
    left = [name for name in tensors if tensors[name].dtype.kind == "f"]
    if file.suffix not in TORCH_SUFFIXES:  # a state_dict is in the order of the model's definition
        left.sort(key=_natural)
    chosen: dict[str, Source] = {}
    ambiguous = []
    for path, shape in wanted.items():
        flip = path in matrices and turned
        fitting = [n for n in left if shapes[n] == (shape[::-1] if flip else shape) and _may_be(path, n)]
        if not fitting:
            raise RunError(
                "no_array_fits_parameter",
                path=path,
                where=str(file),
                expected=phrase("of_shape", shape=shape[::-1] if flip else shape),
                got=", ".join(f"{name} {shapes[name]}" for name in left[:6]) or phrase("nothing_is_left"),
            )
        taken = path if path in fitting else fitting[0]
        if len(fitting) > 1 and taken != path:
            ambiguous.append(path)
        chosen[path] = Source(taken, flip)
        left.remove(taken)
    return chosen, tuple(ambiguous)


def _turned(wanted: Mapping[str, Shape], matrices: Iterable[str], shapes: Mapping[str, Shape]) -> bool:
    """Whether the file keeps outputs as rows: some matrix is there only that way round."""
    there = set(shapes.values())
    return any(wanted[path] not in there and wanted[path][::-1] in there for path in matrices)


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Sort 'layer10' behind 'layer2'."""
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.split(r"(\d+)", name)]


def _last(name: str) -> str:
    return re.split(r"[./]", name)[-1]


def _may_be(path: str, name: str) -> bool:
    """Whether what a name says an array is, if anything, is what the parameter is."""
    said = _last(name).lower()
    return said not in _KNOWN or said in _MEANINGS.get(_last(path), (said,))


# ---------------------------------------------------------------------------------------- what is applied


def _applied(
    network: Network,
    wanted: Mapping[str, Shape],
    tensors: Mapping[str, Array],
    chosen: Mapping[str, Source],
    dtype: str,
    where: str,
) -> Weights:
    problems = [
        Problem(path, phrase("network_has_no_such_parameter"), hint=_near(path, wanted))
        for path in chosen
        if path not in wanted
    ]
    arrays: dict[str, Array] = {}
    for path, shape in wanted.items():
        source = chosen.get(path)
        if source is None:
            problems.append(Problem(path, phrase("nothing_becomes_this_parameter")))
        elif source.name not in tensors:
            message = phrase("file_has_no_array", name=source.name)
            problems.append(Problem(path, message, hint=_near(source.name, tensors)))
        else:
            array = tensors[source.name].T if source.transpose else tensors[source.name]
            if array.shape != shape or array.dtype.kind not in "fiu":
                message = phrase(
                    "expected_numbers_of_another_shape", shape=shape, found=array.dtype, other=array.shape
                )
                problems.append(Problem(path, message))
            elif not np.isfinite(array).all():
                problems.append(Problem(path, phrase("array_is_not_finite", name=source.name)))
            else:
                arrays[path] = as_weights(array, dtype)
    if problems:
        raise ConfigError(where, problems)
    kept = network.buffer_specs
    return Weights(
        {path: array for path, array in arrays.items() if path not in kept},
        {path: array for path, array in arrays.items() if path in kept},
    )


def _near(name: str, names: Iterable[str]) -> str | None:
    return did_you_mean(nearest(name, list(names)))


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda m: f"\\u{ord(m[0]):04x}", escaped) + '"'
