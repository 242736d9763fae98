"""A recipe as a Python script that makes and trains it."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

from koubai.data.augment.augmentation import Augmentation
from koubai.data.dataset import DataSource
from koubai.data.flaws.flaw import Flaw
from koubai.train.plain import default_of, spread_field
from koubai.train.recipe import Recipe

_WIDEST = 100
_STEP = "    "


def write_python(recipe: Recipe) -> str:
    """Return a script that trains a recipe and prints its scores; the same numbers as `koubai train` gives.

    Settings that are at their defaults are left out. Data files of one's own are found by KOUBAI_DATA, or
    `data_dir` of `train`.
    """
    return (
        "import koubai as kb\nfrom koubai.train.train import train\n\n"
        f"recipe = {_call(recipe, '')}\n"
        'if __name__ == "__main__":\n'
        f"{_STEP}run = train(recipe)\n"
        f"{_STEP}for part, score in run.scores.items():\n"
        f"{_STEP * 2}print(part, score.loss, score.accuracy)\n"
    )


def _call(value: Any, indent: str) -> str:
    """Return the expression that makes a value."""
    if isinstance(value, tuple):
        items = [_call(item, indent + _STEP) for item in value]
        return _wrapped("(", items, ")", indent, alone=len(items) == 1)
    if not is_dataclass(value) or isinstance(value, type):
        return repr(value)
    kind = type(value)
    home = "kb.data." if isinstance(value, DataSource | Augmentation | Flaw) else "kb."
    several = spread_field(kind)
    given: list[str] = []
    for field in fields(value):
        setting = getattr(value, field.name)
        if field.name == several:
            given = [_call(item, indent + _STEP) for item in setting] + given
        elif setting != default_of(field) or type(setting) is not type(default_of(field)):
            given.append(f"{field.name}={_call(setting, indent + _STEP)}")
    return _wrapped(f"{home}{kind.__name__}(", given, ")", indent)


def _wrapped(head: str, items: list[str], tail: str, indent: str, *, alone: bool = False) -> str:
    """Return a call on one line, or on a line for each argument where it would be long."""
    line = head + ", ".join(items) + ("," if alone else "") + tail
    if len(indent) + len(line) <= _WIDEST and "\n" not in line and head != "kb.Recipe(":
        return line
    return head + "".join(f"\n{indent}{_STEP}{item}," for item in items) + f"\n{indent}{tail}"
