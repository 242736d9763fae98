"""The bytes one run of a recipe takes, from the recipe and the shapes of its data."""

from __future__ import annotations

from koubai.core.params import Array
from koubai.data.dataset import PARTS, Dataset
from koubai.data.levels import Levels
from koubai.engines.sizes import network_bytes
from koubai.network.network import Network
from koubai.train.recipe import Recipe


def recipe_bytes(
    recipe: Recipe, dataset: Dataset, *, engine: str = "auto", threads: int = 1
) -> dict[str, int]:
    """Return the bytes of a run by what they are for (see `koubai.engines.sizes`), and of all its data.

    "auto" is counted as native, which takes the least: what is refused here fits into no engine.
    """
    inputs = [dataset.inputs(part) for part in PARTS]
    held: list[Array] = [x.codes if isinstance(x, Levels) else x for x in inputs]
    held += [getattr(dataset, f"t_{part}") for part in PARTS]
    return network_bytes(
        Network(recipe.network, dataset.in_shape, recipe.initializer),
        batch_size=recipe.batch_size,
        slots=len(recipe.optimizer.slots),
        engine="native" if engine == "auto" and recipe.dtype == "float32" else engine,
        dtype=recipe.dtype,
        threads=threads,
        samples=len(dataset.t_train),
    ) | {"data": sum(array.nbytes for array in held)}
