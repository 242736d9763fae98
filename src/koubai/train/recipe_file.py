"""Recipes as TOML files: read with every mistake at its line, written so that people like to read them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from koubai.core.errors import ConfigError, DataError, Problem, did_you_mean, nearest
from koubai.data.files import open_regular
from koubai.train.faults import Fault, Faults
from koubai.train.plain import default_of
from koubai.train.recipe import Recipe
from koubai.train.toml_lines import KeyPath, lines_of
from koubai.train.toml_words import not_toml
from koubai.words.phrase import phrase
from koubai.words.system import advice, reason

if TYPE_CHECKING:
    from tomlkit.items import Item

MAX_BYTES = 256 * 1024
MAX_DEPTH = 32
_INT64 = 2**63
_NAME = r"""(?:[A-Za-z0-9_-]++|"[^"\n]*+"|'[^'\n]*+')"""
_DEEP_NAME = re.compile(rf"(?<![A-Za-z0-9_\"'-])(?:{_NAME}[ \t]*+\.[ \t]*+){{{MAX_DEPTH},}}")


def read_recipe(source: str | Path) -> Recipe:
    """Return the recipe in a TOML text, or in a file given by its path; all mistakes are reported at once.

    Raises:
        ConfigError: with every problem, its line, what is allowed and the nearest name.
    """
    text, name = toml_text(source)
    table, lines = parse_toml(text, name)
    return recipe_of(table, name, lines)


def recipe_of(
    table: Any, source: str, lines: dict[KeyPath, int] | None = None, under: KeyPath = ()
) -> Recipe:
    """Return the recipe that a parsed table describes; it stands at `under` in the file with these lines."""
    # Pydantic takes a tenth of a second, and most starts read no file.
    from koubai.train.schema import read_plain

    try:
        recipe: Recipe = read_plain(Recipe, table)
    except Faults as found:
        problems = [problem_of(fault, lines or {}, under) for fault in found.faults]
        raise ConfigError(source, sorted(problems, key=lambda problem: problem.line or 0)) from None
    return recipe


def problem_of(fault: Fault, lines: dict[KeyPath, int], under: KeyPath = ()) -> Problem:
    """Return a fault with its line: that of its place, or of the nearest table around it that has one."""
    place = (*under, *fault.place)
    known: KeyPath = ()
    for step in place:  # steps that only a spelled-out shorthand has are not in the file
        if (*known, step) in lines:
            known = (*known, step)
    return Problem(".".join(map(str, place)), fault.message, lines.get(known), fault.hint)


def toml_text(source: str | Path) -> tuple[str, str]:
    """Return a TOML text and its name; a string of one line that cannot be TOML is taken as a path."""
    if isinstance(source, str) and ("\n" in source or "=" in source or source.strip()[:1] in ("", "[", "#")):
        return source, "recipe"
    path = Path(source)
    try:
        with open_regular(path) as file:
            data = file.read(MAX_BYTES + 1)
        return data.decode("utf-8-sig"), str(path)
    except DataError as error:
        raise ConfigError(str(path), [Problem("", error.message)]) from None
    except UnicodeDecodeError as error:
        raise ConfigError(str(path), [Problem("", phrase("not_utf_8", byte=error.start))]) from None
    except ValueError:  # NUL, lone surrogates
        raise ConfigError(repr(str(source)), [Problem("", phrase("not_a_file_name"))]) from None
    except OSError as error:
        raise ConfigError(
            str(path), [Problem("", reason(error), hint=_neighbor(path) or advice(error))]
        ) from None


def parse_toml(text: str, source: str) -> tuple[dict[str, Any], dict[KeyPath, int]]:
    """Return the tables of a TOML text and the line of every place; refuse what is too large or too deep."""
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise ConfigError(source, [Problem("", phrase("larger_than_a_recipe", size=MAX_BYTES // 1024))])
    deep = ConfigError(source, [Problem("", phrase("nested_too_deep", levels=MAX_DEPTH))])
    if _DEEP_NAME.search(text):
        raise deep
    try:
        table = tomllib.loads(text)
    except RecursionError:
        raise deep from None
    except ValueError as error:  # TOMLDecodeError, and int()'s refusal of thousands of digits
        raise ConfigError(source, [not_toml(error, text)]) from None
    levels = list(_levels(table))
    if len(levels) > MAX_DEPTH:
        raise deep
    lines = lines_of(text)
    long = [
        Fault(place, phrase("whole_number_of_more_than_64_bits"))
        for level in levels
        for place, value in level
        if isinstance(value, int) and not -_INT64 <= value < _INT64
    ]
    if long:
        raise ConfigError(source, [problem_of(fault, lines) for fault in long])
    return table, lines


def _levels(table: Any) -> Iterator[list[tuple[KeyPath, Any]]]:
    """Yield what lies in a table, each with its place; then what lies in the tables and arrays of that ..."""
    level: list[tuple[KeyPath, Any]] = [((), table)]
    while level:
        inner = [
            ((*place, key), value)
            for place, item in level
            for key, value in (item.items() if isinstance(item, dict) else enumerate(item))
        ]
        yield inner
        level = [(place, item) for place, item in inner if isinstance(item, dict | list)]


def _neighbor(path: Path) -> str | None:
    try:
        near = nearest(path.name, (other.name for other in path.parent.glob("*.toml")))
    except OSError:
        return None
    return did_you_mean(str(path.with_name(near))) if near else None


# ------------------------------------------------------------------------------------------------- writing


_ALWAYS = ("network", "data", "loss", "optimizer", "initializer", "batch_size", "steps", "seed")


def write_recipe(recipe: Recipe, *, full: bool = False) -> str:
    """Return a recipe as TOML; without `full`, settings that are at their defaults are left out."""
    import tomlkit

    document = tomlkit.document()
    parts: dict[str, dict[str, Any]] = {}
    for field in fields(recipe):
        value = getattr(recipe, field.name)
        if value is None or not (full or field.name in _ALWAYS or value != default_of(field)):
            continue
        if is_dataclass(value) and len(settings := _settings(value, full)) > 1:
            parts[field.name] = settings
        else:  # one line, which must stand above all tables
            document.add(field.name, _item(value, full))
    for name in sorted(parts, key=lambda part: part == "network"):  # the longest last
        table = tomlkit.table()
        for setting, item in parts[name].items():
            table.add(setting, _item(item, full, multiline=True))
        document.add(tomlkit.nl())
        document.add(name, table)
    return tomlkit.dumps(document)


def _item(value: Any, full: bool, *, multiline: bool = False) -> Item:
    import tomlkit

    if is_dataclass(value) and not isinstance(value, type):
        settings = _settings(value, full)
        if list(settings) == ["type"]:
            return tomlkit.item(settings["type"])
        table = tomlkit.inline_table()
        for name, item in settings.items():
            table.append(name, _item(item, full))
        return table
    if isinstance(value, tuple):
        array = tomlkit.array()
        for item in value:
            array.append(_item(item, full))
        return array.multiline(multiline and any(is_dataclass(item) for item in value))
    return tomlkit.item(value)


def _settings(part: Any, full: bool) -> dict[str, Any]:
    """Return what must be written of a part: its type, and the settings that are not at their defaults."""
    name = getattr(type(part), "registry_name", "")
    settings: dict[str, Any] = {"type": name} if name else {}
    for field in fields(part):
        value, default = getattr(part, field.name), default_of(field)
        if value is None:
            if default not in (MISSING, None):
                settings[field.name] = "none"
        elif full or value != default:
            settings[field.name] = value
    return settings
