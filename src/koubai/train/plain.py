"""Frozen values as dicts, lists and scalars: what is hashed, compared and written to files."""

from __future__ import annotations

import hashlib
import inspect
import json
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from functools import cache
from typing import Any, ClassVar, get_origin, get_type_hints

from koubai.core.errors import did_you_mean, nearest
from koubai.words.phrase import Phrase, phrase


@dataclass(frozen=True)
class AtLeast:
    """The least value of a number, beside its type: `steps: Annotated[int, AtLeast(0)]`."""

    least: int


def hints_of(cls: Any) -> dict[str, Any]:
    """Return the types of a class's fields, with what stands beside them."""
    return _hints_of(cls)


@cache  # evaluating the names of types takes a while, and a lab edits thousands of recipes
def _hints_of(cls: Any) -> dict[str, Any]:
    hints = get_type_hints(cls, include_extras=True)
    return {name: hint for name, hint in hints.items() if ClassVar not in (hint, get_origin(hint))}


def to_plain(value: Any) -> Any:
    """Return a value as dicts, lists and scalars; every registered class carries its name as `type`."""
    if is_dataclass(value) and not isinstance(value, type):
        plain = {f.name: to_plain(getattr(value, f.name)) for f in fields(value)}
        name = getattr(type(value), "registry_name", "")
        return {"type": name, **plain} if name else plain
    if isinstance(value, tuple | list):
        return [to_plain(item) for item in value]
    return value


def normalized(plain: Any) -> Any:
    """Return plain values with whole floats as integers, as 1.0 == 1: equal values, equal text."""
    if isinstance(plain, dict):
        return {name: normalized(item) for name, item in plain.items()}
    if isinstance(plain, list):
        return [normalized(item) for item in plain]
    if isinstance(plain, float) and plain.is_integer():
        return int(plain)
    return plain


def flatten(plain: Any, prefix: str = "") -> dict[str, Any]:
    """Return nested dicts and lists as one dict of dotted paths.

    >>> flatten({"a": {"b": 1}, "c": [2, {"d": 3}], "e": []})
    {'a.b': 1, 'c.0': 2, 'c.1.d': 3, 'e': []}
    """
    items: list[tuple[str, Any]]
    if isinstance(plain, dict):
        items = list(plain.items())
    elif isinstance(plain, list) and plain:
        items = [(str(i), item) for i, item in enumerate(plain)]
    else:
        return {prefix: plain}
    return {k: v for name, item in items for k, v in flatten(item, f"{prefix}.{name}".lstrip(".")).items()}


def digest(plain: Any) -> str:
    """Return 16 hexadecimal digits that name plain values."""
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def differences(ours: Any, theirs: Any) -> dict[str, tuple[Any, Any]]:
    """Return what differs, by dotted path: (ours, theirs); None where one has no such field."""
    a, b = (flatten(normalized(to_plain(each))) for each in (ours, theirs))
    return {
        path: (a.get(path), b.get(path)) for path in dict.fromkeys([*a, *b]) if a.get(path) != b.get(path)
    }


def default_of(field: Field[Any]) -> Any:
    """Return the default of a field, MISSING if it has none."""
    return field.default_factory() if field.default_factory is not MISSING else field.default


def instance_of(cls: type, values: dict[str, Any]) -> Any:
    """Make an instance from its fields by name, also where the constructor takes one of them as *arguments.

    >>> from koubai.layers import ReLU, Sequential
    >>> instance_of(Sequential, {"layers": [ReLU()]})
    Sequential(layers=(ReLU(),))
    """
    rest = dict(values)
    several = spread_field(cls)
    return cls(*(rest.pop(several) if several else ()), **rest)


def suggestion(name: str, choices: list[str]) -> Phrase:
    """Return the nearest choice as a question (also the only one there is), or all of them."""
    near = choices[0] if len(choices) == 1 else nearest(name, choices)
    return did_you_mean(near) or phrase("one_of", names=", ".join(choices))


@cache
def spread_field(cls: type) -> str | None:
    """Return the field that the constructor takes as positional arguments, as Sequential takes `layers`."""
    parameters = inspect.signature(cls).parameters.values()
    return next((p.name for p in parameters if p.kind is inspect.Parameter.VAR_POSITIONAL), None)
