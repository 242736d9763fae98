"""`koubai import`: weights that another program wrote become a network of koubai."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from koubai.cli.changes import edited
from koubai.cli.commands.summary import default_input, shape_of
from koubai.cli.output import console, option, print_json, print_table, style
from koubai.core.errors import ConfigError, Problem, UnknownName
from koubai.core.layer import Layer
from koubai.core.params import Shape
from koubai.models.model import MODELS
from koubai.train.recipe import Recipe
from koubai.words import say


def import_(
    file: Annotated[Path, option("cli.import.file")],
    *,
    as_: Annotated[str | None, option("cli.import.as", name="--as")] = None,
    input_: Annotated[str | None, option("cli.summary.input", name="--input")] = None,
    set_: Annotated[list[str] | None, option("cli.summary.set", name="--set", negative="")] = None,
    mapping: Annotated[Path | None, option("cli.import.mapping")] = None,
    out: Annotated[Path | None, option("cli.import.out", name=("--out", "-o"))] = None,
    data_dir: Annotated[Path | None, option("cli.run.data_dir", env_var="KOUBAI_DATA")] = None,
) -> None:
    """Read weights, say what becomes what, and write the network with its recipe and the mapping."""
    from koubai.train.files import write_atomic
    from koubai.train.import_weights import import_weights
    from koubai.train.model_file import save

    if file.suffix == ".onnx":
        _of_onnx(file, input_, out)
        return
    if as_ is None:
        raise ConfigError("import", [Problem("--as", say("cli.import.needs_as"), hint="koubai models")])
    network, shape = _network(as_, input_, set_ or [], data_dir)
    imported = import_weights(file, network, shape, mapping)
    trained = imported.trained
    target = out or file.with_name(f"{file.stem}.koubai.safetensors")
    written = save(target, trained.recipe, trained.network, trained.weights)
    table = written.with_suffix(".mapping.toml")
    write_atomic(table, imported.to_toml())
    if style.json:
        sources = {path: {"from": s.name, "transpose": s.transpose} for path, s in imported.mapping.items()}
        print_json(
            {
                "written": str(written),
                "mapping": str(table),
                "tensors": sources,
                "ambiguous": list(imported.ambiguous),
                "unused": list(imported.unused),
            }
        )
        return
    rows = [
        [path, source.name, say("cli.import.transposed") if source.transpose else "", "?" * (path in unsure)]
        for unsure in [set(imported.ambiguous)]
        for path, source in imported.mapping.items()
    ]
    print_table([say(f"cli.import.{column}") for column in ("parameter", "from", "how", "unsure")], rows)
    lines = [say("cli.import.written", path=written, mapping=table)]
    if imported.ambiguous:
        lines.append(say("cli.import.ambiguous", count=len(imported.ambiguous), mapping=table))
    if imported.unused:
        lines.append(say("cli.import.unused", names=", ".join(imported.unused[:8])))
    console().print("\n".join(lines), markup=False, soft_wrap=True)


def _of_onnx(file: Path, input_: str | None, out: Path | None) -> None:
    """Write the network that an ONNX file holds; nothing has to be mapped."""
    from koubai.api import from_onnx
    from koubai.api import save as write

    trained = from_onnx(file, shape_of(input_) if input_ else None)
    written = write(out or file.with_name(f"{file.stem}.koubai.safetensors"), trained)
    if style.json:
        print_json({"written": str(written), "parameters": trained.network.parameter_count})
        return
    told = say("cli.import.written_whole", path=written, count=trained.network.parameter_count)
    console().print(told, markup=False, soft_wrap=True)


def _network(
    name: str, shape: str | None, changes: list[str], data_dir: Path | None
) -> tuple[Layer | Recipe, Shape]:
    """Return what `--as` names, a model or a recipe's file, and the shape of its inputs."""
    model = name.replace("-", "_")
    if model in MODELS:
        return edited(MODELS[model](), changes), shape_of(shape) if shape else default_input(model)
    if not name.endswith(".toml"):
        raise UnknownName("model", name, MODELS, where="--as")
    recipe = edited(Recipe.from_toml(Path(name)), changes)
    return recipe, shape_of(shape) if shape else recipe.data.load(data_dir).in_shape
