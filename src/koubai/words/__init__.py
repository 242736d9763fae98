"""The one catalog of what a learner reads, in every language koubai speaks.

One TOML file per area, one table per entry, one line per language; a table may hold further tables::

    # words/doctor.toml                          say("doctor.dead_units.title")
    [dead_units.title]
    en = "Dead units"
    ja = "死んだユニット"

    [dead_units.evidence]                        # say("doctor.dead_units.evidence", share=0.4, layer="3")
    en = "{share:.0%} of the units of {layer} never fire."
    ja = "{layer} のユニットの {share:.0%} が一度も発火しません。"

Texts are plain (whoever writes HTML escapes them); placeholders are those of `str.format`. Where a word
follows a number, `{count:seed|seeds}` is the word for it: the first for 1, the second for all else. What the
areas `errors*` hold is said by phrases: see `koubai.words.phrase`. An area is read when its first
word is asked for. The tests hold every entry to: all languages, the same placeholders in each, no empty
text; and a text with a number or a comparison needs a source (`tests/words/test_sources.py`).
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from string import Formatter
from typing import Any

LANGUAGES = ("en", "ja")
_chosen: str | None = None
_spoken: ContextVar[str | None] = ContextVar("spoken", default=None)


def set_language(lang: str | None) -> None:
    """Choose the language of everything said from here on; None goes back to the environment's."""
    global _chosen  # noqa: PLW0603 - one process speaks to one person: the language is its one setting
    _chosen = None if lang is None else _known(lang, "language")


@contextmanager
def speaking(lang: str | None) -> Iterator[None]:
    """Say everything inside in `lang`; None changes nothing.

    It holds for this thread or this task of asyncio only, so a server can answer in two languages at once. A
    thread that is started inside does not inherit it.

    >>> with speaking("ja"):
    ...     say("data.part.test")
    'テスト'
    """
    if lang is None:
        yield
        return
    token = _spoken.set(_known(lang, "language"))
    try:
        yield
    finally:
        _spoken.reset(token)


def language() -> str:
    """Return the language in use: the one spoken, the one set, KOUBAI_LANG, the locale's, or English."""
    if (chosen := _spoken.get() or _chosen) is not None:
        return chosen
    if wanted := os.environ.get("KOUBAI_LANG"):
        return _known(wanted, "KOUBAI_LANG")
    locale = next(
        (found for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (found := os.environ.get(name))), ""
    )
    return "ja" if locale.lower().startswith("ja") else "en"


def say(key: str, /, lang: str | None = None, **values: Any) -> str:
    """Return the text of `key` ("area.name") with its placeholders filled.

    Values that a text does not use are ignored, so one set of evidence serves several texts.

    >>> say("data.constant", lang="en", count=67)
    'inputs that are the same in every sample: 67'
    >>> say("data.part.test", lang="ja")
    'テスト'
    >>> say("cli.error.problems", lang="en", count=1)
    '1 problem in this configuration'

    Raises:
        KeyError: no such entry (with the nearest one), or a placeholder has no value.
        ValueError: no such language.
    """
    area, _, name = key.partition(".")
    if area not in areas():
        raise KeyError(_unknown("area of words", area, areas()))
    texts = entries(area)
    if name not in texts:
        raise KeyError(_unknown(f"entry of words/{area}.toml", name, tuple(texts)))
    spoken = language() if lang is None else _known(lang, "language")
    return filled(key, texts[name][spoken], spoken, values)


def filled(key: str, text: str, lang: str, values: Mapping[str, Any]) -> str:
    """Return a text of the catalog with its placeholders filled; a value with `say` is said in `lang`."""
    try:
        return _joined(_WRITERS[lang].vformat(text, (), values))
    except KeyError as missing:
        raise KeyError(f"{key}: no value for {{{missing.args[0]}}} in {text!r}") from None


@cache
def areas() -> tuple[str, ...]:
    """Return the names of all areas: one a TOML file."""
    found = (entry.name for entry in files(__name__).iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in found if name.endswith(".toml")))


@cache
def entries(area: str) -> dict[str, dict[str, str]]:
    """Return all entries of an area: dotted name -> language -> text."""
    found: dict[str, dict[str, str]] = {}
    _collect(tomllib.loads((files(__name__) / f"{area}.toml").read_text(encoding="utf-8")), "", found)
    return found


def add(area: str, toml: str) -> None:
    """Add the words of a part that is written elsewhere (a diagnosis, say), in the form of an area's file.

    Raises:
        ValueError: an entry that is there already, or that lacks a language; nothing is added then.
    """
    new: dict[str, dict[str, str]] = {}
    _collect(tomllib.loads(toml), "", new)
    texts = entries(area)
    for name, text in new.items():
        if name in texts and texts[name] != text:
            raise ValueError(f"words/{area}.toml has an entry {name!r} already")
        if missing := [lang for lang in LANGUAGES if not text.get(lang)]:
            raise ValueError(f"{area}.{name}: no text in {', '.join(missing)}")
    texts.update(new)


class _Writer(Formatter):
    """Fills placeholders; "one|many" is a word that depends on the number."""

    def __init__(self, lang: str) -> None:
        self.lang = lang

    def format_field(self, value: Any, format_spec: str) -> str:
        one, bar, many = format_spec.partition("|")
        if not bar:
            value = value.say(self.lang) if hasattr(value, "say") else value
            return f"{_EDGE}{super().format_field(value, format_spec)}{_EDGE}"
        return one if value == 1 else many


_WRITERS = {lang: _Writer(lang) for lang in LANGUAGES}
_EDGE = "\ue000"  # where a value that was filled in begins or ends; a private character, in no text
_KANA = "[ぁ-んァ-ヶー一-龠々]"
_SPACED = re.compile(f"(?<={_KANA}){_EDGE} (?={_KANA})|(?<={_KANA}) {_EDGE}(?={_KANA})")


def _joined(text: str) -> str:
    """Return a text without edges; where Japanese was filled in beside Japanese, no space stands between."""
    return _SPACED.sub("", text).replace(_EDGE, "")


def _collect(table: dict[str, Any], path: str, found: dict[str, dict[str, str]]) -> None:
    texts = {name: value for name, value in table.items() if not isinstance(value, dict) and name != "source"}
    if texts:
        found[path] = texts
    for name, value in table.items():
        if isinstance(value, dict):
            _collect(value, f"{path}.{name}" if path else name, found)


def _known(lang: str, where: str) -> str:
    if lang not in LANGUAGES:
        raise ValueError(f"{where}: no language {lang!r}; one of {', '.join(LANGUAGES)}")
    return lang


def _unknown(kind: str, name: str, choices: tuple[str, ...]) -> str:
    near = get_close_matches(name, choices, n=1)
    return f"unknown {kind} {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")
