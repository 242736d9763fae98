"""`koubai summary`: every layer of a model or recipe with its shape, parameters and multiply-adds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from koubai.cli.changes import edited
from koubai.cli.output import console, option, print_json, style, whole
from koubai.core.errors import ConfigError, Problem, UnknownName
from koubai.core.params import Shape
from koubai.models.model import MODELS
from koubai.network.network import Network
from koubai.network.summary import layer_rows, layer_table
from koubai.train.recipe import Recipe
from koubai.words import say

# The other models are for images of MNIST.
_INPUTS: dict[str, Shape] = {"alexnet": (3, 227, 227), "resnet18": (3, 224, 224), "vgg": (3, 224, 224)}
_MNIST: Shape = (1, 28, 28)


def summary(
    model: Annotated[str, option("cli.summary.model")],
    *,
    input_: Annotated[str | None, option("cli.summary.input", name="--input")] = None,
    set_: Annotated[list[str] | None, option("cli.summary.set", name="--set", negative="")] = None,
    data_dir: Annotated[Path | None, option("cli.run.data_dir", env_var="KOUBAI_DATA")] = None,
    plan: Annotated[bool, option("cli.summary.plan", negative="")] = False,
    engine: Annotated[str, option("cli.run.engine")] = "auto",
    threads: Annotated[int, whole("cli.summary.threads")] = 1,
) -> None:
    """Print the layers of a network, or with --plan what an engine makes of a recipe."""
    if plan:
        _show_plan(model, set_ or [], data_dir, engine, threads)
        return
    network = _network(model, None if input_ is None else shape_of(input_), set_ or [], data_dir)
    if style.json:
        layers = [
            {
                "path": row.path,
                "layer": row.layer,
                "output": list(row.shape),
                "parameters": row.parameters,
                "multiply_adds": row.multiply_adds,
            }
            for row in layer_rows(network)
        ]
        totals = {"parameters": network.parameter_count, "multiply_adds": network.multiply_adds}
        print_json({"model": model, "input": list(network.in_shape), "layers": layers, **totals})
        return
    out, text = console(), layer_table(network)
    out.print(
        say("cli.summary.head", model=model, input=" x ".join(map(str, network.in_shape))), markup=False
    )
    out.print(text, markup=False, soft_wrap=True)


def _show_plan(model: str, changes: list[str], data_dir: Path | None, engine: str, threads: int) -> None:
    """Print a step of a recipe, changed as `koubai train` would, as an engine runs it; nothing is run."""
    from koubai.train.session import Session

    if not model.endswith(".toml"):
        raise ConfigError("summary", [Problem("--plan", say("cli.summary.plan_needs_recipe"))])
    recipe: Recipe = edited(Recipe.from_toml(Path(model)), changes)
    session = Session(recipe, data_dir=data_dir, engine=engine, threads=threads)
    lines = session.program.listing().splitlines()
    if style.json:
        print_json({"model": model, "engine": session.program.engine, "threads": threads, "plan": lines})
        return
    for line in lines:
        console().print(line, markup=False, highlight=False, soft_wrap=True)


def default_input(model: str) -> Shape:
    """Return the shape of the inputs a model was made for."""
    return _INPUTS.get(model, _MNIST)


def _network(model: str, shape: Shape | None, changes: list[str], data_dir: Path | None) -> Network:
    name = model.replace("-", "_")
    if name in MODELS:
        return Network(edited(MODELS[name](), changes), shape or default_input(name))
    if not model.endswith(".toml"):
        raise UnknownName("model", model, MODELS)
    recipe = Recipe.from_toml(Path(model))
    layer = edited(recipe.network, changes)
    return Network(layer, shape or recipe.data.load(data_dir).in_shape, recipe.initializer)


def shape_of(text: str) -> Shape:
    """Return the shape in a text such as 3x227x227."""
    sizes = text.lower().replace(",", "x").split("x")
    if not all(size.strip().isdecimal() and 0 < int(size) < 10**6 for size in sizes):
        raise ConfigError("--input", [Problem("", say("cli.summary.no_shape", text=text), hint="3x227x227")])
    return tuple(map(int, sizes))
