"""What a browser sent as a recipe, checked at the door: the schema of files, and bounds of its own.

Before anything is built, the tables are held against short lists: networks and layers whose making is cheap,
data that are there, files from the shelf. What needs the data (how many parameters, whether shapes fit) is
checked by the worker, with `fits`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from koubai.core.errors import ConfigError, KoubaiError, Problem, did_you_mean, nearest
from koubai.models.mlp import Mlp
from koubai.network.network import Network
from koubai.page.play.bounds import (
    MOST_BATCH,
    MOST_LAYERS,
    MOST_PARAMETERS,
    MOST_PRODUCTS,
    MOST_STEPS,
    MOST_VALUES,
)
from koubai.page.play.shelf import Shelf
from koubai.train.recipe import Recipe
from koubai.train.recipe_file import recipe_of
from koubai.words import LANGUAGES
from koubai.words.phrase import phrase

NETWORKS = ("mlp", "simple_convnet", "double_convnet", "deep_convnet", "lenet")
LAYERS = (
    *("linear", "flatten", "dropout", "batch_norm", "layer_norm", "group_norm", "conv2d"),
    *("max_pool2d", "average_pool2d", "global_average_pool"),
    *("relu", "leaky_relu", "prelu", "elu", "selu", "gelu", "silu", "mish", "softplus"),
    *("sigmoid", "tanh", "identity", "step"),
)
MADE_UP = ("moons", "circles", "xor", "blobs")
OWN = ("table_file", "npz_file")
_SOURCE = "recipe"


def recipe_in(table: dict[str, Any], shelf: Shelf) -> Recipe:
    """Return the recipe that a table describes.

    Raises:
        ConfigError: with every problem that can be seen without the data.
    """
    problems = [*_network(table.get("network")), *_data(table.get("data"), shelf)]
    if problems:
        raise ConfigError(_SOURCE, problems)
    recipe = recipe_of(table, _SOURCE)
    if problems := list(_sizes(recipe)):
        raise ConfigError(_SOURCE, problems)
    return recipe


def check_size(recipe: Recipe, network: Network) -> None:
    """Raise ConfigError where a network, wired for its data, is more than free play trains."""
    problems = []
    if network.parameter_count > MOST_PARAMETERS:
        got = network.parameter_count
        problems.append(
            Problem("network", phrase("more_parameters_than_played_with", most=MOST_PARAMETERS, got=got))
        )
    products = network.multiply_adds * recipe.batch_size * recipe.steps
    if products > MOST_PRODUCTS:
        text = phrase("most_products_played_with", got=float(products), most=float(MOST_PRODUCTS))
        problems.append(Problem("steps", text, hint=phrase("fewer_updates_or_koubai_train")))
    if problems:
        raise ConfigError(_SOURCE, problems)


def problems_told(error: KoubaiError) -> list[dict[str, Any]]:
    """Return the problems of an error: path of the setting ("" for the whole), and text by language."""
    if not isinstance(error, ConfigError):
        return [{"path": "", "text": {lang: error.say(lang) for lang in LANGUAGES}}]
    alone = [(one.path, Problem("", one.message, hint=one.hint)) for one in error.problems]
    return [{"path": path, "text": {lang: one.say(lang) for lang in LANGUAGES}} for path, one in alone]


def _network(network: Any) -> Iterator[Problem]:
    """Yield what is not on the list of networks, or too long."""
    layers = network.get("layers") if isinstance(network, dict) else network
    if isinstance(layers, list):
        if len(layers) > MOST_LAYERS:
            yield Problem("network", phrase("most_layers_played_with", most=MOST_LAYERS))
        for i, layer in enumerate(layers[:MOST_LAYERS]):
            yield from _listed(layer, LAYERS, f"network.{i}")
        return
    yield from _listed(network, NETWORKS, "network")
    hidden = network.get("hidden") if isinstance(network, dict) else None
    if isinstance(hidden, list) and len(hidden) > MOST_LAYERS:
        yield Problem("network.hidden", phrase("most_layers_played_with", most=MOST_LAYERS))


def _data(data: Any, shelf: Shelf) -> Iterator[Problem]:
    """Yield data that are not there."""
    there = ("digits", *shelf.images, *MADE_UP, *OWN)
    wrong = list(_listed(data, there, "data"))
    yield from wrong
    if wrong or not isinstance(data, dict) or data["type"] not in OWN:
        return
    name = data.get("path")
    if not (isinstance(name, str) and shelf.holds(name, data["type"])):
        yield Problem("data.path", phrase("not_in_the_list_of_files"), hint=phrase("choose_a_listed_file"))


def _listed(part: Any, names: tuple[str, ...], path: str) -> Iterator[Problem]:
    """Yield a part whose type is not on a list."""
    kind = part.get("type") if isinstance(part, dict) else part
    if not isinstance(kind, str) or kind not in names:
        near = nearest(kind, names) if isinstance(kind, str) and len(kind) < 100 else None
        hint = did_you_mean(near) or phrase("one_of", names=", ".join(names))
        yield Problem(path, phrase("cannot_be_played_with"), hint=hint)


def _sizes(recipe: Recipe) -> Iterator[Problem]:
    """Yield numbers that are beyond what a learner waits for."""
    if recipe.steps > MOST_STEPS:
        yield Problem("steps", phrase("most_played_with", most=MOST_STEPS))
    if recipe.batch_size > MOST_BATCH:
        yield Problem("batch_size", phrase("most_played_with", most=MOST_BATCH))
    if recipe.data.values() > MOST_VALUES:
        yield Problem("data.n", phrase("most_numbers_played_with", most=MOST_VALUES))
    if isinstance(recipe.network, Mlp) and sum(recipe.network.hidden) > MOST_PARAMETERS:
        yield Problem("network.hidden", phrase("most_parameters_played_with", most=MOST_PARAMETERS))
