"""The axes and arms of an experiment file, read with every mistake at its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from koubai.core.errors import ConfigError
from koubai.lab.declare.experiment import Arm, Axis, brief, grid
from koubai.lab.declare.mending import Ground
from koubai.train.faults import Fault
from koubai.train.plain import suggestion
from koubai.train.recipe import Recipe
from koubai.train.toml_lines import KeyPath
from koubai.words.phrase import phrase

AXES, ARMS = "axes", "arms"
SETTINGS = tuple(field.name for field in fields(Recipe))


def arms_of(table: dict[str, Any], ground: Ground, faults: list[Fault]) -> tuple[Arm, ...]:
    """Return the grid of all axes and the arms that stand alone; their edits are tried on the recipe."""
    axes = table.get(AXES, {})
    if not isinstance(axes, dict):
        faults.append(Fault((AXES,), phrase("expected_tables_of_axes")))
        axes = {}
    read_axes = [_axis(name, axis, ground, faults) for name, axis in axes.items()]
    arms = list(grid(*read_axes)) if read_axes else []
    places: list[KeyPath] = [(AXES,)] * len(arms)
    listed = table.get(ARMS, [])
    if not isinstance(listed, list):
        faults.append(Fault((ARMS,), phrase("expected_tables_of_arms")))
        listed = []
    for i, item in enumerate(listed):
        arms += _arm(item, (ARMS, i), ground, faults)
        places += [(ARMS, i)] * (len(arms) - len(places))
    if not faults:
        faults += _twins(arms, places, ground.recipe)
    return tuple(arms)


def _twins(arms: list[Arm], places: list[KeyPath], recipe: Recipe) -> Iterator[Fault]:
    """Yield arms that have the name of another, and lone arms that have its recipe.

    In a grid one axis may well undo what another did: that costs nothing, as a recipe is trained once.
    """
    names: set[str] = set()
    recipes: dict[str, str] = {}
    for arm, place in zip(arms, places, strict=True):
        first = recipes.setdefault(recipe.edit(**arm.edits).hash, arm.name)
        if arm.name in names:
            yield Fault(place, phrase("two_arms_have_one_name", name=arm.name))
        elif first != arm.name and place[0] == ARMS:
            yield Fault(
                place,
                phrase("arm_has_the_same_recipe", other=arm.name, one=first),
                phrase("change_or_remove_it"),
            )
        names.add(arm.name)


def _axis_hint(name: Any) -> str:
    return phrase("what_an_axis_is", name=name)


def _axis(name: str, plain: Any, ground: Ground, faults: list[Fault]) -> Axis:
    place = (AXES, name)
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
    plain: dict[str, Any], place: KeyPath, ground: Ground, faults: list[Fault]
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


def _arm(plain: Any, place: KeyPath, ground: Ground, faults: list[Fault]) -> list[Arm]:
    if not isinstance(plain, dict):
        faults.append(Fault(place, phrase("expected_tables_of_arms")))
        return []
    for key in plain:
        if key not in ("name", "edits"):
            of_recipe = phrase("write_it_in_edits", key=key) if key in SETTINGS else None
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
    edits: dict[str, Any], place: KeyPath, ground: Ground, faults: list[Fault], *, of_value: bool = False
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
                faults.append(Fault((*place, *place_in_file(problem.path)), problem.message, problem.hint))


def place_in_file(path: str) -> KeyPath:
    """Return a dotted path as a place in a file."""
    return tuple(int(step) if step.isdigit() else step for step in path.split(".") if step)
