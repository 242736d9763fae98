"""`koubai parts`: what a recipe is made of, straight from the registries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from importlib import import_module
from typing import Annotated, Any

from koubai.cli.output import option, print_json, print_table, style
from koubai.core.errors import UnknownName
from koubai.core.registry import Registry
from koubai.words import say
from koubai.words.part import about

_PACKAGES = (
    "models",  # before the layers: some of these are built of others, and register there
    "layers",
    "losses",
    "initializers",
    "optim",
    "schedules",
    "penalties",
    "data",
    "data.flaws",
    "data.augment",
    "probes",
)


def parts(kind: Annotated[str | None, option("cli.parts.kind")] = None) -> None:
    """List the registered parts: of one kind, of one name, or all."""
    found = {registry.kind.replace(" ", "-"): registry for registry in map(_registry, _PACKAGES)}
    wanted = None if kind is None or kind in found else _named(kind, found)
    rows: list[dict[str, Any]] = [
        {"kind": name, "name": part, "settings": _settings(cls), "what": about(part, cls.__doc__)}
        for name, registry in found.items()
        if wanted is not None or kind in (None, name)
        for part, cls in registry.items()
        if wanted is None or part in wanted
    ]
    if style.json:
        print_json(rows)
        return
    columns = ["kind", "name", "settings", "what"]
    table = [[row["kind"], row["name"], _brief(row["settings"]), row["what"]] for row in rows]
    print_table([say(f"cli.parts.column.{column}") for column in columns], table)


def _named(text: str, registries: Mapping[str, Registry]) -> set[str]:
    """Return the names of the parts that a name, an alias or a word of the glossary means."""
    from koubai.study.glossary import find_meanings

    known = {part for registry in registries.values() for part in registry}
    said = {registry.called(text) for registry in registries.values()}
    words = {
        folded
        for term in find_meanings(text).terms
        for spelling in term.spellings
        if (folded := _plain(spelling))
    }
    if found := known & (said | words):
        return found
    raise UnknownName(say("cli.parts.kinds"), text, registries)


def _plain(spelling: str) -> str:
    return spelling.lower().replace(" ", "_").replace("-", "_")


def _registry(package: str) -> Registry:
    module = import_module(f"koubai.{package}")
    own = (item for item in vars(module).values() if isinstance(item, Registry))
    return next(
        item for item in own if any(cls.__module__.startswith(module.__name__) for cls in item.values())
    )


def _settings(cls: type) -> dict[str, Any]:
    """Return the fields of a part with their defaults as text; None for one that must be given."""
    return {field.name: _default(field) for field in fields(cls)}


def _default(field: Field[Any]) -> str | None:
    if field.default_factory is not MISSING:
        return repr(field.default_factory())
    return None if field.default is MISSING else repr(field.default)


def _brief(settings: dict[str, Any]) -> str:
    return ", ".join(name if default is None else f"{name}={default}" for name, default in settings.items())
