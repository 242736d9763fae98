"""`koubai check-gradient`: backward formulas of a recipe, model or layer beside central differences."""

from __future__ import annotations

from dataclasses import MISSING, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from koubai.cli.changes import edited
from koubai.cli.commands.summary import default_input, shape_of
from koubai.cli.output import console, option, print_json, print_table, style, whole
from koubai.core.errors import KoubaiError, SettingError, ShapeError, TooLarge, UnknownName
from koubai.core.layer import LAYERS, Layer
from koubai.core.params import Array, Shape
from koubai.models.model import MODELS
from koubai.network.gradient_check import Scalar, WeightedSum, check_gradients, passes
from koubai.network.network import Network
from koubai.words import say
from koubai.words.phrase import phrase

if TYPE_CHECKING:
    from koubai.network.gradient_check import Checked

WRONG = 3
_NEEDED = {"out_features": 4, "out_channels": 4, "kernel": 3, "size": 2, "groups": 2}
_SHAPES: tuple[Shape, ...] = ((4, 6, 6), (4, 8), (6,))
_MOST = 2e11  # multiply-adds, some minutes


def check_gradient(
    target: Annotated[str, option("cli.check_gradient.target")],
    *,
    input_: Annotated[str | None, option("cli.summary.input", name="--input")] = None,
    set_: Annotated[list[str] | None, option("cli.summary.set", name="--set", negative="")] = None,
    samples: Annotated[int, whole("cli.check_gradient.samples")] = 3,
    elements: Annotated[int, whole("cli.check_gradient.elements")] = 20,
    tolerance: Annotated[float, option("cli.check_gradient.tolerance")] = 1e-6,
    seed: Annotated[int, whole("cli.check_gradient.seed")] = 0,
    data_dir: Annotated[Path | None, option("cli.run.data_dir", env_var="KOUBAI_DATA")] = None,
) -> int:
    """Check the gradients; 0 if all agree, else 3."""
    for name, number in (("--samples", samples), ("--elements", elements)):
        if number < 1:
            raise SettingError(
                "out_of_range", setting=name, where="check-gradient", expected=">= 1", got=number
            )
    if seed < 0:
        raise SettingError(
            "out_of_range", setting="--seed", where="check-gradient", expected=">= 0", got=seed
        )
    if not 0 < tolerance < 1:
        raise SettingError(
            "out_of_range",
            setting="--tolerance",
            where="check-gradient",
            expected=phrase("between_0_and_1"),
            got=tolerance,
        )
    shape = None if input_ is None else shape_of(input_)
    network, loss, x, t = _task(target, shape, set_ or [], samples, seed, data_dir)
    cost = passes(network, elements) * samples * max(network.multiply_adds, network.parameter_count)
    if cost > _MOST:
        hint = phrase("check_less")
        raise TooLarge("too_many_products", expected=f"<= {_MOST:.0e}", got=f"{cost:.0e}", hint=hint)
    found = list(check_gradients(network, loss, x, t, seed=seed, elements=elements))
    wrong = [one for one in found if one.verdict(tolerance) == "wrong"]
    if style.json:
        print_json(
            {"right": not wrong, "tolerance": tolerance, "tensors": [_plain(one, tolerance) for one in found]}
        )
    else:
        _tell(target, found, wrong, tolerance)
    return WRONG if wrong else 0


def _task(
    target: str, shape: Shape | None, changes: list[str], samples: int, seed: int, data_dir: Path | None
) -> tuple[Network, Scalar, Array, Array]:
    """Return the network with what makes one number of its outputs, inputs and targets."""
    from koubai.core.random import generator
    from koubai.train.recipe import Recipe

    name = target.replace("-", "_")
    if target.endswith(".toml"):
        recipe = edited(Recipe.from_toml(Path(target)), changes)
        dataset = recipe.data.load(data_dir)
        network = Network(recipe.network, dataset.in_shape, recipe.initializer)
        x = dataset.inputs("train")[:samples]
        return network, recipe.loss, x, dataset.t_train[:samples]
    if name in MODELS:
        network = Network(edited(MODELS[name](), changes), shape or default_input(name))
    elif LAYERS.called(name) in LAYERS:
        network = _alone(LAYERS.called(name), shape, changes)
    else:
        raise UnknownName(say("cli.check_gradient.kinds"), target, {**MODELS, **LAYERS})
    x = generator(seed, "gradient check", "x").standard_normal((samples, *network.in_shape))
    return network, WeightedSum(seed), x, x[:, :0]


def _alone(name: str, shape: Shape | None, changes: list[str]) -> Network:
    """Return one layer as a network; what it has no default for gets a small one."""
    cls = LAYERS[name]
    needed = [f.name for f in fields(cls) if f.default is MISSING and f.default_factory is MISSING]
    if set(needed) - set(_NEEDED):
        raise KoubaiError("layer_holds_others", where=name, hint="koubai check-gradient recipe.toml")
    layer: Layer = edited(cls(**{field: _NEEDED[field] for field in needed}), changes)
    for tried in (shape,) if shape else _SHAPES:
        network = Network(layer, tried)
        try:
            network.out_shape  # noqa: B018 - raises where it does not fit
        except ShapeError:
            if tried in (shape, _SHAPES[-1]):
                raise
        else:
            return network
    raise AssertionError("a shape fits or raises")


def _plain(one: Checked, tolerance: float) -> dict[str, Any]:
    return {
        "path": one.path,
        "shape": list(one.shape),
        "elements": one.elements,
        "kinks": one.kinks,
        "error": one.error,
        "rounding": one.rounding,
        "verdict": one.verdict(tolerance),
        "worst": one.worst and dict(zip(("element", "analytic", "numerical"), one.worst, strict=True)),
    }


def _tell(target: str, found: list[Checked], wrong: list[Checked], tolerance: float) -> None:
    columns = ["path", "shape", "elements", "kinks", "error", "verdict"]
    rows = [
        [
            one.path,
            " x ".join(map(str, one.shape)),
            str(one.elements),
            str(one.kinks),
            f"{one.error:.1e}",
            say(f"cli.check_gradient.{one.verdict(tolerance)}"),
        ]
        for one in found
    ]
    print_table([say(f"cli.check_gradient.column.{name}") for name in columns], rows, right=(2, 3, 4))
    screen = console()
    unclear = sum(one.verdict(tolerance) == "unclear" for one in found)
    key = "some" if wrong else "all"
    screen.print(
        say(
            f"cli.check_gradient.{key}",
            target=target,
            count=len(wrong) if wrong else len(found) - unclear,
            total=len(found),
            tolerance=f"{tolerance:g}",
        ),
        markup=False,
    )
    for one in wrong:
        if one.worst is not None:
            where, analytic, numerical = one.worst
            text = say(
                "cli.check_gradient.worst",
                path=one.path,
                element=list(where),
                analytic=f"{analytic:.6g}",
                numerical=f"{numerical:.6g}",
            )
            screen.print(text, markup=False)
    if unclear:
        screen.print(say("cli.check_gradient.too_small", count=unclear), markup=False)
    if any(one.kinks for one in found):
        screen.print(say("cli.check_gradient.on_kinks", kinks=sum(one.kinks for one in found)), markup=False)
