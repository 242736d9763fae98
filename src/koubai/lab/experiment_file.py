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
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any

from koubai.core.errors import ConfigError, Problem
from koubai.lab.experiment import Arm, Axis, Claim, Experiment, Text, Watch, brief, grid
from koubai.train.plain import AtLeast, suggestion
from koubai.train.recipe import Recipe
from koubai.train.recipe_file import parse_toml, problem_of, toml_text
from koubai.train.schema import Fault, Faults, read
from koubai.train.toml_lines import Place

Seeds = Annotated[int, AtLeast(1)] | tuple[Annotated[int, AtLeast(0)], ...]
_AXES, _ARMS = "axes", "arms"


@dataclass(frozen=True)
class _Head:
    """An experiment file without its recipe, axes and arms."""

    name: str = ""
    question: str | Text = ""
    seeds: Seeds = 6
    baseline: str | None = None
    measure: str = "test_accuracy"
    budget: float | None = None
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
    arms = _arms(table, recipe, faults)
    if arms:
        faults += _strangers(table, [arm.name for arm in arms])
    if head is None or recipe is None or faults:
        problems = [problem_of(fault, lines) for fault in faults]
        raise ConfigError(place, sorted(problems, key=lambda problem: problem.line or 0))
    return Experiment(
        name=head.name or name or Path(place).stem,
        base=recipe,
        arms=arms,
        question=head.question if isinstance(head.question, Text) else Text(head.question),
        seeds=tuple(range(head.seeds)) if isinstance(head.seeds, int) else head.seeds,
        baseline=head.baseline,
        measure=head.measure,
        budget=head.budget,
        claims=head.claims,
        watch=head.watch,
    )


def _read(kind: type, plain: Any, under: Place, faults: list[Fault]) -> Any:
    """Return the value that a table describes, or None after adding what is wrong with it."""
    try:
        return read(kind, plain)
    except Faults as found:
        faults += [Fault((*under, *fault.place), fault.message, fault.hint) for fault in found.faults]
        return None


def _strangers(table: dict[str, Any], names: list[str]) -> Iterator[Fault]:
    """Yield what names an arm that is not there, or two arms of one name."""
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        yield Fault((_ARMS,), f"two arms are named {name!r}")
    claims = table.get("claims", [])
    asked: list[tuple[Place, Any]] = [(("baseline",), table.get("baseline"))]
    for i, claim in enumerate(claims if isinstance(claims, list) else []):
        if isinstance(claim, dict):
            asked += [(("claims", i, key), claim.get(key)) for key in ("arm", "over")]
    for place, name in asked:
        if isinstance(name, str) and name not in names:
            yield Fault(place, f"no arm is named {name!r}", suggestion(name, names))


def _unknown(table: dict[str, Any]) -> Iterator[Fault]:
    known = ["recipe", *(field.name for field in fields(_Head)), _AXES, _ARMS]
    for key in table:
        if key not in known:
            yield Fault((key,), f"an experiment has no setting {key!r}", suggestion(key, known))
    if "recipe" not in table:
        yield Fault((), "there is no [recipe]", "a network and data that all arms share")
    if not table.get(_AXES) and not table.get(_ARMS):
        yield Fault((), "nothing is compared", "add [axes.NAME] with path and values, or [[arms]] with edits")


def _arms(table: dict[str, Any], recipe: Recipe | None, faults: list[Fault]) -> tuple[Arm, ...]:
    """Return the grid of all axes and the arms that stand alone; their edits are tried on the recipe."""
    axes = table.get(_AXES, {})
    if not isinstance(axes, dict):
        faults.append(Fault((_AXES,), "expected tables [axes.NAME]"))
        axes = {}
    read_axes = [_axis(name, axis, recipe, faults) for name, axis in axes.items()]
    arms = list(grid(*read_axes)) if read_axes else []
    listed = table.get(_ARMS, [])
    if not isinstance(listed, list):
        faults.append(Fault((_ARMS,), "expected tables [[arms]], with two brackets"))
        listed = []
    for i, item in enumerate(listed):
        arms += _arm(item, (_ARMS, i), recipe, faults)
    return tuple(arms)


def _axis(name: str, plain: Any, recipe: Recipe | None, faults: list[Fault]) -> Axis:
    place = (_AXES, name)
    if not isinstance(plain, dict):
        faults.append(Fault(place, "expected a table with path and values, or one table a level"))
        return Axis(name, {})
    if not isinstance(plain.get("path", {}), dict) or not isinstance(plain.get("values", {}), dict):
        return Axis(name, _values(plain, place, recipe, faults))
    levels = {}
    for level, edits in plain.items():
        if isinstance(edits, dict):
            levels[level] = _flat(edits)
            _try(levels[level], (*place, level), recipe, faults)
        else:
            faults.append(Fault((*place, level), "expected a table of edits, such as { steps = 100 }"))
    return Axis(name, levels)


def _values(
    plain: dict[str, Any], place: Place, recipe: Recipe | None, faults: list[Fault]
) -> dict[str, dict[str, Any]]:
    """Return a level for every value of one path."""
    for key in plain:
        if key not in ("path", "values"):
            advice = suggestion(key, ["path", "values"])
            faults.append(Fault((*place, key), f"an axis of values has no setting {key!r}", advice))
    path, values = plain.get("path"), plain.get("values")
    if not isinstance(path, str) or not isinstance(values, list) or not values:
        faults.append(Fault(place, "expected a path in quotes and a list of values"))
        return {}
    found: list[Fault] = []
    for i, value in enumerate(values):
        _try({path: value}, (*place, "values", i), recipe, found)
    faults += {(fault.message, fault.hint): fault for fault in reversed(found)}.values()
    return {brief(value): {path: value} for value in values}


def _arm(plain: Any, place: Place, recipe: Recipe | None, faults: list[Fault]) -> list[Arm]:
    if not isinstance(plain, dict) or not isinstance(plain.get("name"), str):
        faults.append(Fault((*place, "name"), "an arm needs a name in quotes"))
        return []
    for key in plain:
        if key not in ("name", "edits"):
            advice = suggestion(key, ["name", "edits"])
            faults.append(Fault((*place, key), f"an arm has no setting {key!r}", advice))
    edits = plain.get("edits", {})
    if not isinstance(edits, dict):
        faults.append(Fault((*place, "edits"), "expected a table of edits, such as { steps = 100 }"))
        return []
    flat = _flat(edits)
    _try(flat, (*place, "edits"), recipe, faults)
    return [Arm(plain["name"], flat)]


def _flat(edits: dict[str, Any], under: str = "") -> dict[str, Any]:
    """Return edits by dotted path; a table with a `type` describes a whole part and stays together."""
    found: dict[str, Any] = {}
    for key, value in edits.items():
        path = f"{under}{key}"
        found |= (
            _flat(value, f"{path}.") if isinstance(value, dict) and "type" not in value else {path: value}
        )
    return found


def _try(edits: dict[str, Any], place: Place, recipe: Recipe | None, faults: list[Fault]) -> None:
    if recipe is None:
        return
    try:
        recipe.edit(**edits)
    except ConfigError as error:
        for problem in error.problems:
            where = place if "values" in place else (*place, *_place(problem.path))
            faults.append(Fault(where, f"{problem.path}: {problem.message}", problem.hint))


def _place(path: str) -> Place:
    return tuple(int(step) if step.isdigit() else step for step in path.split(".") if step)


def with_data(experiment: Experiment, name: str) -> Experiment:
    """Return an experiment of one's own on another data set, given by its name."""
    from dataclasses import replace

    return replace(experiment, base=experiment.base.edit(data=name))


def parse_vary(text: str) -> tuple[str, list[Any]]:
    """Return path and values of `path=v1,v2`; values are read as in a file, bare words as text.

    >>> parse_vary("optimizer.learning_rate=.1,1e-2"), parse_vary("network.activation=relu,tanh")
    (('optimizer.learning_rate', [0.1, 0.01]), ('network.activation', ['relu', 'tanh']))
    """
    path, _, listed = text.partition("=")
    if not path or not listed:
        raise ConfigError("--vary", [Problem("", f"cannot read {text!r}", hint="PATH=VALUE,VALUE,...")])
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
        except tomllib.TOMLDecodeError:
            continue
    return word
