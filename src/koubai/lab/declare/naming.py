"""Names of the catalog's arms and levels in the reader's language.

An arm is named once, in English, and that name is what claims and the command line say. What a Japanese
reader sees is put together from `words/names.toml`, part by part; a part that stands there not is a name of
the field (ReLU, Adam .01) and stays. Names that a user wrote are never touched.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

from koubai.lab.declare.experiment import Arm, Experiment, Text
from koubai.lab.declare.measures import factor_name
from koubai.words import LANGUAGES, entries

_NUMBER = r"[-+]?(?:\d[\d,]*\.?\d*|\.\d+)(?:e[-+]?\d+)?%?"
_JOINT = re.compile(r"(, | \+ )(?![^(]*\))")  # between parts; not inside brackets
_JOINED = {", ": "、", " + ": " + "}


def named(experiment: Experiment) -> Experiment:
    """Return the experiment with a title for every arm and level that has none in Japanese yet."""
    return replace(experiment, arms=tuple(_named(arm) for arm in experiment.arms))


def _named(arm: Arm) -> Arm:
    levels = {axis: level_text(axis, level) for axis, level in arm.factors.items()}
    if arm.label.ja:
        label = arm.label
    elif arm.name == " + ".join(arm.factors.values()):
        label = Text(*(" + ".join(text.say(lang) for text in levels.values()) for lang in LANGUAGES))
    else:
        label = Text(arm.title("en"), japanese(arm.name))
    return replace(arm, label=label, levels={**levels, **arm.levels})


def level_text(axis: str, level: str) -> Text:
    """Return a level as it is read; a number alone would not say what it is.

    >>> level_text("hidden layers", "5").ja, level_text("activation", "sigmoid").ja
    ('5 層', 'シグモイド')
    """
    if not re.fullmatch(_NUMBER, level):
        return Text(level, japanese(level))
    if counted := entries("names").get("count." + re.sub(r"\W+", "_", axis)):
        return Text(*(counted[lang].format(n=level) for lang in LANGUAGES))
    return Text(*(f"{factor_name(axis, lang)} {level}" for lang in LANGUAGES))


def japanese(name: str) -> str:
    """Return a name of the catalog in Japanese.

    >>> japanese("100 samples, 30% of labels wrong"), japanese("sigmoid + He")
    ('100 枚、ラベルの 30% が誤り', 'シグモイド + He')
    """
    parts = _JOINT.split(name)
    return "".join(_JOINED.get(part) or _phrase(part) for part in parts)


def _phrase(text: str) -> str:
    for pattern, said in _phrases():
        if found := pattern.fullmatch(text):
            return said.format(**found.groupdict())
    return text


@cache
def _phrases() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((_pattern(texts["en"]), texts["ja"]) for texts in entries("names").values())


def _pattern(text: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", text)
    return re.compile(
        "".join(f"(?P<{part}>{_NUMBER})" if i % 2 else re.escape(part) for i, part in enumerate(parts))
    )
