"""What `koubai train --data TABLE --target COLUMN` makes of a table: a source, and a recipe that fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from koubai.cli.changes import edited
from koubai.core.errors import ConfigError, Problem
from koubai.data.dataset import Dataset
from koubai.data.sources.table_file import TableFile
from koubai.models.mlp import Mlp
from koubai.optim.adam import Adam
from koubai.train.given import loss_for
from koubai.train.recipe import Recipe
from koubai.words import say


def recipe_of(
    recipe: Path | None, table: Path, target: str | None, changes: Sequence[str], **named: Any
) -> tuple[Recipe, Dataset]:
    """Return the recipe for a table, and the table read.

    A recipe file keeps everything but its data. Without one it is a network of one hidden layer of 32,
    Adam, and inputs (and values) on their standard scale. An Mlp gets as many outputs as the target needs.
    """
    if target is None:
        hint = "--target COLUMN"
        raise ConfigError("train", [Problem("--target", say("cli.train.needs_target"), hint=hint)])
    source = TableFile(str(table.expanduser().absolute()), target, scale="standard")
    if recipe is None:
        made = Recipe(Mlp((32,)), source, optimizer=Adam(0.01), batch_size=32)
    else:
        made = Recipe.from_toml(recipe).edit(data=source)
    made = edited(made, changes, **named)
    dataset = made.data.load()
    if dataset.classes is None and not any(word.startswith("data.target_scale") for word in changes):
        made = made.edit(data__target_scale="standard")
        dataset = made.data.load()
    outputs = dataset.classes or dataset.t_train.shape[1]
    if isinstance(made.network, Mlp) and not any(word.startswith("network.classes") for word in changes):
        made = replace(made, network=replace(made.network, classes=outputs))
    if recipe is None and not any(word.startswith("loss") for word in changes):
        made = replace(made, loss=loss_for(made.network, dataset))
    return made, dataset
