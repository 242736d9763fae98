"""Trained networks in files: weights as safetensors, the recipe beside them, and nothing that is executed."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np

from koubai.core.errors import ConfigError, RunError
from koubai.core.params import Array, Shape
from koubai.data.levels import Inputs, as_numbers
from koubai.data.preparation import Preparation
from koubai.network.network import Network, Weights
from koubai.train.files import LARGEST_TEXT, read_file, write_atomic, writing
from koubai.train.folder import RunFolder
from koubai.train.packing import unpack
from koubai.train.predictor import Predictor
from koubai.train.recipe import Recipe
from koubai.train.tensors import weights_of, write_weights
from koubai.words.phrase import phrase

_ROWS = 1000  # samples predicted at once
_LARGEST = 2**40  # values of one sample that no real network takes


@dataclass(frozen=True, eq=False)
class Trained(Predictor):
    """A trained network: what made it, its shapes, its weights, and how its inputs and targets were prepared.

    It predicts by the reference formulas: bit for bit what a run on the reference engine predicts.
    """

    recipe: Recipe
    network: Network
    weights: Weights

    preparation: Preparation | None = None  # None in files of older versions

    def _learned(self) -> tuple[Network, Preparation | None]:
        return self.network, self.preparation

    def _weights(self) -> Weights:
        return self.weights

    def _outputs(self, x: Inputs) -> Array:
        root = self.network.bind(self.weights, training=False)
        x = as_numbers(x, self.network.in_shape, self.recipe.dtype, "predict")
        with np.errstate(all="ignore"):
            parts = [root.forward(x[i : i + _ROWS]) for i in range(0, max(len(x), 1), _ROWS)]
        return np.concatenate(parts)


def save(
    path: str | Path,
    recipe: Recipe,
    network: Network,
    weights: Weights,
    preparation: Preparation | None = None,
) -> Path:
    """Write weights to `path` (.safetensors is added where it lacks) and the recipe beside it as .toml.

    The preparation of inputs and targets goes into the file with the weights; without one (None) what is
    loaded predicts for prepared inputs only.
    """
    path = Path(path)
    if path.suffix != ".safetensors":
        path = path.with_name(path.name + ".safetensors")
    network.check(weights)
    with writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path.with_suffix(".toml"), recipe.to_toml(full=True))
    write_weights(path, weights, about_weights(recipe, network.in_shape, preparation))
    return path


def about_weights(recipe: Recipe, in_shape: Shape, preparation: Preparation | None) -> dict[str, str]:
    """Return what a file of weights says about itself."""
    about = {"recipe": recipe.hash, "in_shape": "x".join(map(str, in_shape))}
    return about if preparation is None else {**about, "preparation": preparation.to_json()}


def load(path: str | Path) -> Trained:
    """Return the trained network in a file, or in the folder of a finished run.

    Raises:
        RunError: no such file, not safetensors, not the recipe it was made with, or tensors whose names,
            shapes or numbers do not fit, or a file that was changed; nothing in a file is ever executed.
    """
    path = Path(path)
    if not path.exists() and path.suffix != ".safetensors":  # what `save` was given
        beside = path.with_name(path.name + ".safetensors")
        path = beside if beside.exists() else path
    if path.is_dir():
        folder = _finished(RunFolder(path))
        path = path / "model.safetensors"
        recipe, (tensors, about) = folder.recipe, folder.tensors(path.name)
    else:
        recipe, (tensors, about) = _recipe_beside(path), unpack(read_file(path), path)
    if about.get("recipe") != recipe.hash:
        raise RunError(
            "recipe_beside_weights_is_another", where=str(path), expected=about.get("recipe"), got=recipe.hash
        )
    network = Network(recipe.network, _in_shape(path, about.get("in_shape", "")), recipe.initializer)
    preparation = _preparation(path, about.get("preparation"), network)
    return Trained(recipe, network, weights_of(tensors, path, network, recipe.dtype), preparation)


def _finished(folder: RunFolder) -> RunFolder:
    if not folder.exists or not folder.finished:
        hint = f"koubai resume {folder.path}" if folder.exists else None
        raise RunError(
            "run_is_not_finished" if folder.exists else "no_run_here", where=str(folder.path), hint=hint
        )
    return folder


def _recipe_beside(path: Path) -> Recipe:
    beside = path.with_suffix(".toml")
    file = beside if beside.exists() else path.with_name("recipe.toml")
    if not file.exists():
        raise RunError("no_recipe_beside_weights", where=str(path), expected=str(beside))
    try:
        return Recipe.from_toml(
            read_file(file, LARGEST_TEXT).decode() + "\n"
        )  # with a line's end it is no path
    except ConfigError as error:
        why = error.message
    except UnicodeDecodeError as error:
        why = phrase("not_utf_8", byte=error.start)
    raise RunError(
        "recipe_beside_weights_cannot_be_read", why=why, where=str(file), hint=phrase("take_it_from_a_copy")
    )


def _preparation(path: Path, text: str | None, network: Network) -> Preparation | None:
    try:
        return None if text is None else Preparation.from_json(text, network.in_shape, network.out_shape)
    except ValueError:
        got = text and text[:80]
        raise RunError("preparation_does_not_fit_the_network", where=str(path), got=got) from None


def _in_shape(path: Path, text: str) -> Shape:
    sizes = text.split("x") if text else []
    if all(size.isdecimal() and len(size) < 13 for size in sizes):
        shape = tuple(map(int, sizes))
        if sizes and 0 < prod(shape) < _LARGEST:
            return shape
    raise RunError("weights_name_no_input_shape", where=str(path), got=text[:80])
