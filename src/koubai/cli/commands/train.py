"""`koubai train`: one recipe, trained in a folder from which it can be resumed."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any

from koubai.cli.changes import edited
from koubai.cli.output import option, threads_option, whole
from koubai.cli.ranks import started_by_torchrun, train_in_ranks
from koubai.cli.run_report import finish_in_words, watching
from koubai.core.errors import ConfigError, Problem, SettingError
from koubai.train.elsewhere import going_on_otherwise
from koubai.train.folder import RunFolder
from koubai.train.recipe import Recipe
from koubai.train.recipe_address import is_address, read_address
from koubai.train.train import resume
from koubai.train.train import train as train_recipe
from koubai.words import say


def train(
    recipe: Annotated[Path | None, option("cli.train.recipe")] = None,
    *,
    data: Annotated[Path | None, option("cli.train.data")] = None,
    target: Annotated[str | None, option("cli.train.target")] = None,
    out: Annotated[Path | None, option("cli.train.out")] = None,
    steps: Annotated[int | None, whole("cli.train.steps")] = None,
    seed: Annotated[int | None, whole("cli.train.seed")] = None,
    set_: Annotated[list[str] | None, option("cli.train.set", name="--set", negative="")] = None,
    data_dir: Annotated[Path | None, option("cli.run.data_dir", env_var="KOUBAI_DATA")] = None,
    engine: Annotated[str, option("cli.run.engine")] = "auto",
    threads: Annotated[int | str, threads_option("cli.run.threads")] = "auto",
    device: Annotated[str, option("cli.run.device", env_var="KOUBAI_DEVICE")] = "auto",
    save_every: Annotated[int, whole("cli.train.save_every")] = 0,
    new: Annotated[bool, option("cli.train.new", negative="")] = False,
    overwrite: Annotated[bool, option("cli.train.overwrite", negative="")] = False,
) -> int:
    """Train a recipe, or a table; the same recipe in the same folder goes on where it was left."""
    wish = partial(_wanted, recipe, data, target, set_ or [], steps=steps, seed=seed)
    if started_by_torchrun():
        how: dict[str, Any] = {
            "data_dir": data_dir,
            "engine": engine,
            "threads": threads,
            "device": device,
            "save_every": save_every,
        }
        return train_in_ranks(wish, partial(_folder, out), new or overwrite, **how)
    wanted, name, said = wish()
    folder = RunFolder(_folder(out, name, wanted))
    if new and overwrite:
        raise SettingError(say("cli.train.new_or_overwrite"))
    if new:
        folder = _free(folder)
    with watching() as (tell, on_progress):
        if said:
            tell(said)
        if not overwrite and folder.exists and folder.recipe == wanted:
            tell(say("cli.train.already" if folder.finished else "cli.train.goes_on", folder=folder.path))
            asked = {"engine": engine, "threads": threads, "device": device}
            go_on: dict[str, Any] = {name: value for name, value in asked.items() if value != "auto"}
            tell(going_on_otherwise(folder, go_on.get("threads")))
            run = resume(
                folder.path, data_dir=data_dir, on_progress=on_progress, save_every=save_every, **go_on
            )
        else:
            run = train_recipe(
                wanted,
                data_dir=data_dir,
                engine=engine,
                threads=threads,
                device=device,
                on_progress=on_progress,
                folder=folder.path,
                save_every=save_every,
                overwrite=overwrite,
            )
    return finish_in_words(run)


def _folder(out: Path | None, name: str, recipe: Recipe) -> Path:
    return out if out is not None else Path("runs") / f"{name}-{recipe.hash[:8]}"


def _wanted(
    recipe: Path | None, data: Path | None, target: str | None, changes: list[str], **named: int | None
) -> tuple[Recipe, str, str]:
    """Return the recipe, the name of its run, and what is to be said of its data."""
    if data is not None:
        from koubai.cli.of_table import recipe_of
        from koubai.data.understood import understood

        made, dataset = recipe_of(recipe, data, target, changes, **named)
        return made, (recipe or data).stem, understood(dataset)
    if recipe is None or target is not None:
        words = ("cli.train.needs_recipe", "RECIPE") if recipe is None else ("cli.train.needs_data", "--data")
        raise ConfigError("train", [Problem(words[1], say(words[0]), hint="koubai train --help")])
    if is_address(str(recipe)):
        return edited(read_address(str(recipe)), changes, **named), "play", ""
    return edited(Recipe.from_toml(recipe), changes, **named), recipe.stem, ""


def _free(folder: RunFolder) -> RunFolder:
    """Return the folder, or the first of NAME-2, NAME-3, ... that is free where something is there."""
    tried, path = 2, folder.path
    while path.exists():
        path, tried = folder.path.with_name(f"{folder.path.name}-{tried}"), tried + 1
    return RunFolder(path)
