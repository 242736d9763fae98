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

from koubai.core.errors import ConfigError, Problem
from koubai.lab.declare.experiment import MOST_SEEDS, Arm, Axis, Claim, Experiment, Text, Watch, brief, grid
from koubai.lab.declare.measures import MEASURES
from koubai.lab.declare.mending import Ground, mended
from koubai.train.plain import AtLeast, suggestion
from koubai.train.recipe import Recipe
from koubai.train.recipe_file import parse_toml, problem_of, toml_text
from koubai.train.schema import Fault, Faults, read
from koubai.train.toml_lines import Place
from koubai.words.phrase import phrase

Seeds = Annotated[int, AtLeast(1)] | tuple[Annotated[int, AtLeast(0)], ...]
_AXES, _ARMS = "axes", "arms"
_SETTINGS = tuple(field.name for field in fields(Recipe))


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
    watch: Watch = Watch()


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
    arms = _arms(table, Ground(recipe) if recipe is not None else mended(table.get("recipe")), faults)
    faults += _strangers(table, [arm.name for arm in arms])
    faults += _crowds(table)
    if head is not None and recipe is not None and not faults:
        try:
            return _experiment(head, recipe, arms, head.name or name or Path(place).stem)
        except ConfigError as error:
            faults += [Fault(_place(p.path), p.message, p.hint) for p in error.problems]
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
        watch=replace(
            head.watch,
            signal=head.watch.signal or "last_to_first_activation" in asked,
            outputs=head.watch.outputs or bool({"zero_activations", "off_center"} & set(asked)),
        ),
    )


def _read(kind: type, plain: Any, under: Place, faults: list[Fault]) -> Any:
    """Return the value that a table describes, or None after adding what is wrong with it."""
    try:
        return read(kind, plain)
    except Faults as found:
        faults += [Fault((*under, *fault.place), fault.message, fault.hint) for fault in found.faults]
        return None


def _strangers(table: dict[str, Any], names: list[str]) -> Iterator[Fault]:
    """Yield what names an arm, or a measure, that is not there."""
    claims = table.get("claims", [])
    asked: list[tuple[Place, Any]] = [(("baseline",), table.get("baseline"))]
    measured: list[tuple[Place, Any]] = [(("measure",), table.get("measure"))]
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
    known = ["recipe", *(field.name for field in fields(_Head)), _AXES, _ARMS]
    for key in table:
        if key not in known:
            hint = phrase("belongs_under_recipe", key=key) if key in _SETTINGS else suggestion(key, known)
            yield Fault((key,), phrase("experiment_has_no_setting", key=key), hint)
    if "recipe" not in table:
        yield Fault((), phrase("there_is_no_recipe"), phrase("recipe_that_all_arms_share"))
    if _AXES not in table and not table.get(_ARMS):
        yield Fault((), phrase("nothing_is_compared"), phrase("axes_or_arms"))


def _arms(table: dict[str, Any], ground: Ground, faults: list[Fault]) -> tuple[Arm, ...]:
    """Return the grid of all axes and the arms that stand alone; their edits are tried on the recipe."""
    axes = table.get(_AXES, {})
    if not isinstance(axes, dict):
        faults.append(Fault((_AXES,), phrase("expected_tables_of_axes")))
        axes = {}
    read_axes = [_axis(name, axis, ground, faults) for name, axis in axes.items()]
    arms = list(grid(*read_axes)) if read_axes else []
    places: list[Place] = [(_AXES,)] * len(arms)
    listed = table.get(_ARMS, [])
    if not isinstance(listed, list):
        faults.append(Fault((_ARMS,), phrase("expected_tables_of_arms")))
        listed = []
    for i, item in enumerate(listed):
        arms += _arm(item, (_ARMS, i), ground, faults)
        places += [(_ARMS, i)] * (len(arms) - len(places))
    if not faults:
        faults += _twins(arms, places, ground.recipe)
    return tuple(arms)


def _twins(arms: list[Arm], places: list[Place], recipe: Recipe) -> Iterator[Fault]:
    """Yield arms that have the name of another, and lone arms that have its recipe.

    In a grid one axis may well undo what another did: that costs nothing, as a recipe is trained once.
    """
    names: set[str] = set()
    recipes: dict[str, str] = {}
    for arm, place in zip(arms, places, strict=True):
        first = recipes.setdefault(recipe.edit(**arm.edits).hash, arm.name)
        if arm.name in names:
            yield Fault(place, phrase("two_arms_have_one_name", name=arm.name))
        elif first != arm.name and place[0] == _ARMS:
            yield Fault(
                place,
                phrase("arm_has_the_same_recipe", other=arm.name, one=first),
                phrase("change_or_remove_it"),
            )
        names.add(arm.name)


def _axis_hint(name: Any) -> str:
    return phrase("what_an_axis_is", name=name)


def _axis(name: str, plain: Any, ground: Ground, faults: list[Fault]) -> Axis:
    place = (_AXES, name)
    if not isinstance(plain, dict):
        faults.append(Fault(place, phrase("axis_is_a_table"), _axis_hint(name)))
        return Axis(name, {})
    if not plain:
        faults.append(Fault(place, phrase("axis_is_empty"), _axis_hint(name)))
        return Axis(name, {})
    if not isinstance(plain.get("path", {}), dict) or not isinstance(plain.get("values", {}), dict):
        return Axis(name, _values(plain, place, ground, faults))
    levels = {}
    for level, edits in plain.items():
        if isinstance(edits, dict):
            levels[level] = _flat(edits)
            _try(levels[level], (*place, level), ground, faults)
        else:
            faults.append(Fault((*place, level), phrase("expected_table_of_edits"), phrase("what_edits_are")))
    return Axis(name, levels)


def _values(
    plain: dict[str, Any], place: Place, ground: Ground, faults: list[Fault]
) -> dict[str, dict[str, Any]]:
    """Return a level for every value of one path."""
    for key in plain:
        if key not in ("path", "values"):
            advice = suggestion(key, ["path", "values"])
            faults.append(Fault((*place, key), phrase("axis_has_no_setting", key=key), advice))
    path, values = plain.get("path"), plain.get("values")
    if not isinstance(path, str) or not isinstance(values, list):
        faults.append(Fault(place, phrase("expected_path_and_values"), _axis_hint(place[-1])))
        return {}
    if not values:
        faults.append(Fault((*place, "values"), phrase("there_are_no_values"), phrase("values_such_as")))
    found: list[Fault] = []
    levels: dict[str, dict[str, Any]] = {}
    for i, value in enumerate(values):
        level = brief(value)
        if level in levels:
            faults.append(Fault((*place, "values", i), phrase("value_is_there_twice", value=level)))
        levels[level] = {path: value}
        _try(levels[level], (*place, "values", i), ground, found, of_value=True)
    faults += {(fault.message, fault.hint): fault for fault in reversed(found)}.values()
    return levels


def _arm(plain: Any, place: Place, ground: Ground, faults: list[Fault]) -> list[Arm]:
    if not isinstance(plain, dict):
        faults.append(Fault(place, phrase("expected_tables_of_arms")))
        return []
    for key in plain:
        if key not in ("name", "edits"):
            of_recipe = phrase("write_it_in_edits", key=key) if key in _SETTINGS else None
            advice = of_recipe or suggestion(key, ["name", "edits"])
            faults.append(Fault((*place, key), phrase("arm_has_no_setting", key=key), advice))
    edits = plain.get("edits", {})
    if not isinstance(edits, dict):
        faults.append(Fault((*place, "edits"), phrase("expected_table_of_edits"), phrase("what_edits_are")))
        edits = {}
    flat = _flat(edits)
    _try(flat, (*place, "edits"), ground, faults)
    name = plain.get("name")
    if not isinstance(name, str) or not name:
        faults.append(Fault((*place, "name"), phrase("arm_needs_a_name"), 'name = "wide"'))
        return []
    return [Arm(name, flat)]


def _flat(edits: dict[str, Any], under: str = "") -> dict[str, Any]:
    """Return edits by dotted path; a table with a `type` describes a whole part and stays together."""
    found: dict[str, Any] = {}
    for key, value in edits.items():
        path = f"{under}{key}"
        found |= (
            _flat(value, f"{path}.") if isinstance(value, dict) and "type" not in value else {path: value}
        )
    return found


def _try(
    edits: dict[str, Any], place: Place, ground: Ground, faults: list[Fault], *, of_value: bool = False
) -> None:
    """Add what the recipe refuses of some edits; the place of a value does not tell whose value it is."""
    try:
        ground.recipe.edit(**ground.known(edits))
    except ConfigError as error:
        for problem in error.problems:
            if of_value:
                faults.append(
                    Fault(place, phrase("at", where=problem.path, problem=problem.message), problem.hint)
                )
            else:
                faults.append(Fault((*place, *_place(problem.path)), problem.message, problem.hint))


def _place(path: str) -> Place:
    return tuple(int(step) if step.isdigit() else step for step in path.split(".") if step)


def parse_vary(text: str) -> tuple[str, list[Any]]:
    """Return path and values of `path=v1,v2`; values are read as in a file, bare words as text.

    >>> parse_vary("optimizer.learning_rate=.1,1e-2"), parse_vary("network.activation=relu,tanh")
    (('optimizer.learning_rate', [0.1, 0.01]), ('network.activation', ['relu', 'tanh']))
    """
    path, _, listed = text.partition("=")
    if not path or not listed:
        raise ConfigError(
            "--vary", [Problem("", phrase("cannot_read_vary", text=text), hint="PATH=VALUE,VALUE,...")]
        )
    return path.strip(), [_value(word.strip()) for word in _split(listed)]


def _split(listed: str) -> list[str]:
    """Return the words between commas that stand outside brackets."""
    words, depth = [""], 0
    for letter in listed:
        depth += (letter in "[{") - (letter in "]}")
        if letter == "," and depth == 0:
            words.append("")
        else:
            words[-1] += letter
    return words


def _value(word: str) -> Any:
    import tomllib

    for text in (word, f"0{word}" if word.startswith(".") else f'"{word}"'):
        try:
            return tomllib.loads(f"v = {text}")["v"]
        except (tomllib.TOMLDecodeError, RecursionError):
            continue
    return word
