"""Experiments as TOML files: every mistake at once, at its line, with the nearest name.

name = "which-optimizer"
question = "Which optimizer is best?"
seeds = 6

[recipe]                                   # what all arms share: a recipe as in its own file
network = { type = "mlp", hidden = [40, 20] }
data = "digits"

[axes.rate]                                # every value of one setting
path = "optimizer.learning_rate"
values = [0.01, 0.1]

[axes.optimizer]                           # or levels with names of their own
plain = { optimizer.type = "sgd" }

[[arms]]                                   # or arms one by one
name = "wide"
edits = { network.hidden = [400] }

[[claims]]
arm = "wide"
over = "0.1"
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any

from koubai.core.errors import ConfigError
from koubai.lab.declare.experiment import MOST_SEEDS, Arm, Claim, Experiment, Observations, Text
from koubai.lab.declare.file_arms import ARMS, AXES, SETTINGS, arms_of, place_in_file
from koubai.lab.declare.measures import MEASURES
from koubai.lab.declare.mending import Ground, mended
from koubai.train.faults import Fault, Faults
from koubai.train.plain import AtLeast, suggestion
from koubai.train.recipe import Recipe
from koubai.train.recipe_file import parse_toml, problem_of, toml_text
from koubai.train.toml_lines import KeyPath
from koubai.words.phrase import phrase

Seeds = Annotated[int, AtLeast(1)] | tuple[Annotated[int, AtLeast(0)], ...]


@dataclass(frozen=True)
class _Head:
    """An experiment file without its recipe, axes and arms."""

    name: str = ""
    question: str | Text = ""
    seeds: Seeds = 6
    baseline: str | None = None
    measure: str = "test_accuracy"
    budget: Annotated[float, AtLeast(0)] | None = None
    claims: tuple[Claim, ...] = ()
    observations: Observations = Observations()


def read_experiment(source: str | Path, name: str | None = None) -> Experiment:
    """Return the experiment in a TOML text, or in a file given by its path.

    `name` is what it is called where the text does not say; else the file's own name.

    Raises:
        ConfigError: with every problem of the file, its line, what is allowed and the nearest name.
    """
    text, place = toml_text(source)
    table, lines = parse_toml(text, place)
    faults: list[Fault] = list(_unknown(table))
    recipe: Recipe | None = _read(Recipe, table["recipe"], ("recipe",), faults) if "recipe" in table else None
    known = {field.name for field in fields(_Head)}
    head: _Head | None = _read(_Head, {k: v for k, v in table.items() if k in known}, (), faults)
    arms = arms_of(table, Ground(recipe) if recipe is not None else mended(table.get("recipe")), faults)
    faults += _strangers(table, [arm.name for arm in arms])
    faults += _crowds(table)
    if head is not None and recipe is not None and not faults:
        try:
            return _experiment(head, recipe, arms, head.name or name or Path(place).stem)
        except ConfigError as error:
            faults += [Fault(place_in_file(p.path), p.message, p.hint) for p in error.problems]
    problems = [problem_of(fault, lines) for fault in faults]
    raise ConfigError(place, sorted(problems, key=lambda problem: problem.line or 0))


def _experiment(head: _Head, recipe: Recipe, arms: tuple[Arm, ...], name: str) -> Experiment:
    asked = {head.measure, *(claim.measure for claim in head.claims)}
    return Experiment(
        name=name,
        base=recipe,
        arms=arms,
        question=head.question if isinstance(head.question, Text) else Text(head.question),
        seeds=tuple(range(head.seeds)) if isinstance(head.seeds, int) else head.seeds,
        baseline=head.baseline,
        measure=head.measure,
        budget=head.budget,
        claims=head.claims,
        observations=replace(
            head.observations,
            signal=head.observations.signal or "last_to_first_activation" in asked,
            outputs=head.observations.outputs or bool({"zero_activations", "off_center"} & set(asked)),
        ),
    )


def _read(kind: type, plain: Any, under: KeyPath, faults: list[Fault]) -> Any:
    """Return the value that a table describes, or None after adding what is wrong with it."""
    # Pydantic takes a tenth of a second, and most starts read no file.
    from koubai.train.schema import read_plain

    try:
        return read_plain(kind, plain)
    except Faults as found:
        faults += [Fault((*under, *fault.place), fault.message, fault.hint) for fault in found.faults]
        return None


def _strangers(table: dict[str, Any], names: list[str]) -> Iterator[Fault]:
    """Yield what names an arm, or a measure, that is not there."""
    claims = table.get("claims", [])
    asked: list[tuple[KeyPath, Any]] = [(("baseline",), table.get("baseline"))]
    measured: list[tuple[KeyPath, Any]] = [(("measure",), table.get("measure"))]
    for i, claim in enumerate(claims if isinstance(claims, list) else []):
        if isinstance(claim, dict):
            asked += [(("claims", i, key), claim.get(key)) for key in ("arm", "over")]
            measured.append((("claims", i, "measure"), claim.get("measure")))
    for place, name in asked:
        if isinstance(name, str) and name not in names and names:
            yield Fault(place, phrase("no_arm_is_named", name=name), suggestion(name, names))
    for place, name in measured:
        if isinstance(name, str) and name not in MEASURES:
            near = next((measure for measure in MEASURES if name and name in measure), name)
            yield Fault(
                place, phrase("no_run_has_such_a_number", name=name), suggestion(near, list(MEASURES))
            )


def _crowds(table: dict[str, Any]) -> Iterator[Fault]:
    """Yield a number of seeds that no memory holds."""
    seeds = table.get("seeds")
    if isinstance(seeds, int) and seeds > MOST_SEEDS:
        yield Fault(("seeds",), phrase("too_many_seeds", most=MOST_SEEDS, got=seeds))


def _unknown(table: dict[str, Any]) -> Iterator[Fault]:
    known = ["recipe", *(field.name for field in fields(_Head)), AXES, ARMS]
    for key in table:
        if key not in known:
            hint = phrase("belongs_under_recipe", key=key) if key in SETTINGS else suggestion(key, known)
            yield Fault((key,), phrase("experiment_has_no_setting", key=key), hint)
    if "recipe" not in table:
        yield Fault((), phrase("there_is_no_recipe"), phrase("recipe_that_all_arms_share"))
    if AXES not in table and not table.get(ARMS):
        yield Fault((), phrase("nothing_is_compared"), phrase("axes_or_arms"))
