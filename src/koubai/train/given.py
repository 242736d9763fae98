"""What `koubai.fit` was given: a network or a recipe, and data of any form."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from koubai.core.errors import ConfigError, DataError, KoubaiError, Problem
from koubai.core.layer import Layer
from koubai.data.dataset import Dataset, DataSource
from koubai.data.prepare import ClassWeight
from koubai.data.understood import understood as taken_for
from koubai.losses.loss import Loss
from koubai.losses.mean_squared_error import MeanSquaredError
from koubai.losses.sigmoid_cross_entropy import SigmoidCrossEntropy
from koubai.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from koubai.models.model import Model
from koubai.network.network import Network
from koubai.train.progress import Progress
from koubai.train.recipe import Recipe
from koubai.train.settings import understood
from koubai.words import say
from koubai.words.phrase import phrase

Data = DataSource | Dataset | tuple[ArrayLike, ...]


def given_recipe(
    network: Layer | Recipe, data: Data | None, data_dir: str | Path | None, settings: dict[str, Any]
) -> tuple[Recipe, Dataset | None]:
    """Return the recipe of what was given, and its arrays where they were given as such."""
    if isinstance(network, Recipe):
        if data is not None:
            raise DataError("recipe_brings_its_own_data")
        return (network.edit(**settings) if settings else network), None
    dataset = data if isinstance(data, Dataset) else None
    source = _source(data)
    if "loss" not in settings:
        settings = {"loss": loss_for(network, dataset or source.load(given_path(data_dir))), **settings}
    known, problems = understood(
        settings, lambda: len((dataset or source.load(given_path(data_dir))).t_train)
    )
    try:
        recipe = Recipe(network, source, **known)
    except ConfigError as error:
        raise ConfigError("fit", [*problems, *error.problems]) from None
    if problems:
        raise ConfigError("fit", problems)
    return recipe, dataset


def loss_for(network: Layer, dataset: Dataset) -> Loss:
    """Return the usual loss: of values, of classes, or of two classes told apart by one output."""
    if dataset.classes is None:
        return MeanSquaredError()
    try:
        one = dataset.classes == 2 and Network(network, dataset.in_shape).out_shape == (1,)
    except KoubaiError:
        one = False  # told by the recipe, with all else that is wrong
    return SigmoidCrossEntropy() if one else SoftmaxCrossEntropy()


def tell_of_data(recipe: Recipe, dataset: Dataset, progress: Progress | None, stacklevel: int) -> None:
    """Say what data of one's own were taken for, and warn of more outputs than they have classes.

    A model's default is ten. The spare ones are learned never to be the answer, so nothing fails, and
    nothing else tells of them.
    """
    if progress is not None:
        progress.tell(taken_for(dataset))
    classes = dataset.classes
    if classes is None:
        return
    try:
        shape = Network(recipe.network, dataset.in_shape).out_shape
    except KoubaiError:
        return  # told by whoever trains it
    if len(shape) == 1 and shape[0] > classes:
        layer = type(recipe.network).__name__
        said = "model" if isinstance(recipe.network, Model) else "layers"
        warnings.warn(
            say(f"train.spare_outputs_of_{said}", outputs=shape[0], classes=classes, model=layer),
            stacklevel=stacklevel,
        )


def given_table(data: Any, target: str | None) -> Any:
    """Return a source of a table in memory or in a file; without a target the data as they are."""
    if target is None:
        return data
    import koubai.data

    if isinstance(data, str | Path):
        source: DataSource = koubai.data.TableFile(str(Path(data).expanduser().absolute()), target)
    else:
        source = koubai.data.table(data, target)
    return source


def given_weights(
    network: Layer | Recipe, data: Data | None, sample_weight: ArrayLike | None, class_weight: ClassWeight
) -> Data | None:
    """Return data with the weights that were asked for."""
    if sample_weight is None and class_weight is None:
        return data
    if isinstance(network, Recipe):
        raise DataError("recipe_brings_its_own_data")
    arrays = isinstance(data, tuple | list) and len(data) in (2, 4)
    if isinstance(data, Dataset) or (sample_weight is not None and not arrays):
        raise DataError(
            "weights_of_samples_go_with_arrays",
            where="fit",
            expected="data = (x, t) or (x, t, x_test, t_test)",
            got=type(data).__name__,
        )
    if isinstance(data, tuple | list) and arrays:
        import koubai.data

        return koubai.data.Arrays.of(*data, sample_weight=sample_weight, class_weight=class_weight)
    return replace(_source(data), class_weight=class_weight)


def _source(data: Data | None) -> DataSource:
    import koubai.data

    if isinstance(data, DataSource):
        return data
    if isinstance(data, Dataset):
        return koubai.data.Arrays(data.sha256)
    if isinstance(data, tuple | list) and len(data) in (2, 4):
        return koubai.data.Arrays.of(*data)
    hint = phrase("what_data_can_be")
    raise ConfigError("fit", [Problem("data", phrase("expected_data", got=type(data).__name__), hint=hint)])


def given_path(path: str | Path | None) -> Path | None:
    """Return a path that may be given as text, or not at all."""
    return None if path is None else Path(path)
