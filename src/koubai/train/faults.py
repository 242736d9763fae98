"""Mistakes in plain values, each once, at its place, in plain words."""

from __future__ import annotations

import types
from dataclasses import dataclass, fields, is_dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from koubai.core.errors import nearest
from koubai.train.kinds import KINDS, spelled_out
from koubai.train.plain import hints_of, suggestion
from koubai.train.toml_lines import KeyPath
from koubai.words.phrase import joined, phrase, term

SCALARS = {int: "whole number", float: "number", bool: "truth", str: "text"}


@dataclass(frozen=True)
class Fault:
    """One mistake at one place of a plain value."""

    place: KeyPath
    message: str
    hint: str | None = None
    lacks: bool = False  # whether nothing stands there


class Faults(Exception):
    """All mistakes of one plain value."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(fault.message for fault in faults))
        self.faults = faults


def faults_of(root: Any, plain: Any, errors: list[Any]) -> list[Fault]:
    """Return pydantic's errors as faults, each once; a misspelled key is not also a missing one."""
    found, lacking, meant = [], [], set()
    for item in errors:
        place, hint, value = _follow(root, plain, item["loc"])
        match item["type"]:
            case "refused":
                found += [Fault((*place, *at), *words) for at, *words in item["ctx"]["refusals"]]
            case "missing" if value is None:  # else a table that may also be a scalar lacks something
                missing = phrase("is_missing_but_expected", expected=describe(hint))
                lacking.append(Fault(place, missing, lacks=True))
            case "extra_forbidden" if isinstance(hint, type) and is_dataclass(hint):
                name, names = str(place[-1]), [field.name for field in fields(hint)]
                what = getattr(hint, "registry_name", "") or hint.__name__.lower()
                found.append(
                    Fault(
                        place,
                        phrase("has_no_setting", owner=term("owner", what), name=name),
                        suggestion(name, names),
                    )
                )
                meant.add((*place[:-1], nearest(name, names)))
            case "union_tag_invalid" | "union_tag_not_found" if isinstance(value, dict):
                found.append(Fault(place, *_wrong_type(hint, value.get("type"))))
            case _:
                choices = list(map(str, get_args(hint))) if get_origin(hint) is Literal else []
                advice = suggestion(str(value), choices) if choices else None
                found.append(
                    Fault(place, phrase("expected_but_got", expected=describe(hint), got=repr(value)), advice)
                )
    return list(dict.fromkeys([*found, *(fault for fault in lacking if fault.place not in meant)]))


def without(plain: Any, place: KeyPath) -> Any:
    """Return plain values without what stands at a place: the setting that it is, or is in."""
    if not place:
        return plain
    first, rest = place[0], place[1:]
    if isinstance(plain, list):
        if not isinstance(first, int) or first >= len(plain) or not _holds(plain[first], rest):
            return plain
        return [without(item, rest) if i == first else item for i, item in enumerate(plain)]
    if not isinstance(plain, dict) or first not in plain:
        return plain
    if _holds(plain[first], rest):
        return {name: without(item, rest) if name == first else item for name, item in plain.items()}
    return {name: item for name, item in plain.items() if name != first}


def _holds(plain: Any, place: KeyPath) -> bool:
    """Whether a place lies in a setting further inside."""
    for step in place:
        if isinstance(plain, dict):
            return step in plain
        if not (isinstance(plain, list) and isinstance(step, int) and step < len(plain)):
            return False
        plain = plain[step]
    return False


def _wrong_type(base: type, name: Any) -> tuple[str, str]:
    kind, names = KINDS[base].kind, list(KINDS[base])
    if name is None:
        return phrase("has_no_type", noun=describe(base)), suggestion("", names)
    hint = suggestion(str(name), names)
    other = next((r for b, r in KINDS.items() if b is not base and r.called(str(name)) in r), None)
    if other is not None and nearest(str(name), names) is None:
        hint = phrase("name_of_another_kind", name=str(name), kind=term("kind", other.kind), rest=hint)
    return phrase("unknown_name", kind=term("kind", kind), name=name), hint


def _follow(hint: Any, plain: Any, steps: tuple[str | int, ...]) -> tuple[KeyPath, Any, Any]:
    """Walk down an error's place; return it as it stands in the file, with the type and value found there.

    Tags and the branches of unions are pydantic's own steps, not the file's.
    """
    place: list[str | int] = []
    for step in steps:
        hint = _without_none(hint)
        if hint in KINDS:
            plain = spelled_out(hint, plain)
        if isinstance(step, str) and step.startswith("<"):
            hint = KINDS[hint][step[1:-1]]
            continue
        if is_dataclass(hint):
            inner = hints_of(hint).get(str(step))
        elif get_origin(hint) is tuple and isinstance(step, int):
            inner = get_args(hint)[0 if Ellipsis in get_args(hint) else step]
        else:  # inside a union of scalars: the whole value is meant
            break
        place.append(step)
        plain = _at(plain, step)
        if inner is None:  # a key that the class does not have: the class is what the reader needs
            break
        hint = inner
    hint = _without_none(hint)
    return tuple(place), hint, spelled_out(hint, plain) if hint in KINDS else plain


def _at(plain: Any, step: str | int) -> Any:
    try:
        return plain[step]
    except (LookupError, TypeError):
        return None


def _without_none(hint: Any) -> Any:
    if get_origin(hint) in (Union, types.UnionType):
        rest = tuple(item for item in get_args(hint) if item is not type(None))
        return rest[0] if len(rest) == 1 else Union[rest]  # noqa: UP007 -- of a tuple
    return hint


def describe(hint: Any) -> str:
    """Return what values a type takes, in words.

    >>> from koubai.losses.loss import Loss
    >>> describe(int | tuple[int, ...] | None), describe(Literal["a", "b"]), describe(Loss)
    ('a whole number or a list of whole numbers', '"a" or "b"', 'a loss')
    """
    hint = _without_none(hint)
    if get_origin(hint) is Annotated:
        return phrase("at_least", noun=describe(_bare(hint)), least=get_args(hint)[1].least)
    if get_origin(hint) in (Union, types.UnionType):
        return joined((describe(item) for item in get_args(hint)), "or")
    if get_origin(hint) is Literal:
        return joined((f'"{item}"' for item in get_args(hint)), "or")
    if get_origin(hint) is tuple:
        return phrase("list_of", noun=_noun(_bare(get_args(hint)[0])))
    noun = _noun(hint)
    if hint is bool:
        return noun
    return phrase("an_thing" if noun[0] in "aeiou" else "a_thing", noun=noun)


def _bare(hint: Any) -> Any:
    """Return a type without what stands beside it."""
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint


def _noun(hint: Any) -> str:
    if hint in SCALARS:
        return term("noun", SCALARS[hint])
    if hint in KINDS:
        return term("kind", KINDS[hint].kind)
    return phrase("table_with", fields=", ".join(f.name for f in fields(hint)))
