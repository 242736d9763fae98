"""Edits: a frozen value with some of its parts replaced, by dotted paths."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Annotated, Any, get_args, get_origin

import numpy as np

from koubai.core.errors import ConfigError, KoubaiError, Problem
from koubai.train.plain import AtLeast, hints_of, instance_of, suggestion
from koubai.words.phrase import phrase


def edit(value: Any, changes: Mapping[str, Any]) -> Any:
    """Return a copy of a frozen dataclass with what lies at each path replaced, in the order given.

    `__` stands for a dot. A position right after a chain of layers means one of its layers.

    Raises:
        ConfigError: every path that leads nowhere and every value that its place refuses.
    """
    problems: list[Problem] = []
    for path, new in changes.items():
        value = _replace_at(value, path.replace("__", ".").split("."), new, path, problems)
    if problems:
        raise ConfigError("edit", problems)
    return value


def _replace_at(node: Any, parts: list[str], value: Any, path: str, problems: list[Problem]) -> Any:
    """Return `node` with one value inside it replaced; whatever stands in the way becomes a problem."""
    head, rest = parts[0], parts[1:]
    if isinstance(node, tuple):
        if not head.isdigit() or int(head) >= len(node):
            problems.append(Problem(path, phrase("no_position", position=head), hint=_positions(node)))
            return node
        inner = _replace_at(node[int(head)], rest, value, path, problems) if rest else value
        return (*node[: int(head)], inner, *node[int(head) + 1 :])
    if node is None:
        outer = ".".join(path.replace("__", ".").split(".")[: -len(parts)])
        hint = phrase("give_the_whole_part", outer=outer, setting=head)
        problems.append(Problem(path, phrase("part_is_not_in_use"), hint=hint))
        return node
    names = [f.name for f in fields(node)] if is_dataclass(node) else []
    if head.isdigit() and "layers" in names:
        head, rest = "layers", parts
    if head not in names:
        message = phrase("has_no_field", owner=type(node).__name__, name=head)
        problems.append(Problem(path, message, hint=suggestion(head, names) if names else None))
        return node
    now = getattr(node, head)
    members = {name: getattr(node, name) for name in names}
    try:
        new = _replace_at(now, rest, value, path, problems) if rest else value
        members[head] = new if rest and is_dataclass(now) else _typed(node, head, new)
        return instance_of(type(node), members)
    except ConfigError as error:
        problems += [Problem(path, problem.message, hint=problem.hint) for problem in error.problems]
    except KoubaiError as error:
        problems.append(Problem(path, error.refusal(), hint=error.hint))
    return node


def _typed(node: Any, name: str, value: Any) -> Any:
    """Return a new value of a field, read as one in a file is: of its type, or the part it describes."""
    value = value.item() if isinstance(value, np.generic) else value
    hint = hints_of(type(node))[name]
    if _fits(hint, value):
        return value
    from koubai.train.faults import Faults
    from koubai.train.schema import read_plain

    try:
        return read_plain(hint, value)
    except Faults as found:
        problems = [Problem("", fault.message, hint=fault.hint) for fault in found.faults]
        raise ConfigError("edit", problems) from None


def _fits(hint: Any, value: Any) -> bool:
    """Return whether a value is plainly what is wanted; a schema takes a tenth of a second to make."""
    if get_origin(hint) is Annotated:
        hint, *marks = get_args(hint)
        return all(isinstance(mark, AtLeast) for mark in marks) and (
            _fits(hint, value) and all(value >= mark.least for mark in marks)
        )
    if hint in (int, float, bool, str):
        return type(value) is hint
    return isinstance(hint, type) and is_dataclass(value) and isinstance(value, hint)


def _positions(node: tuple[Any, ...]) -> str:
    """Return where one could go instead."""
    return (
        phrase("positions_are", last=len(node) - 1) if node else phrase("it_is_empty_so_there_is_no_position")
    )
