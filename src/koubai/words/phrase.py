"""Phrases: texts that know how they are said in every language.

An error is raised far below any knowledge of who reads it. So its texts are no strings but phrases, made
of a key of the areas `errors*` of the catalog and of values::

    [window_does_not_fit]                       # phrase("window_does_not_fit", axis=term("axis", "height"))
    en = "the window does not fit the {axis}"   # 'the window does not fit the height'
    ja = "窓が入力の{axis}に収まりません"         # .say("ja"): '窓が入力の高さに収まりません'

A phrase is a `str`, its English text, and can be used as one; only what is made of it by `+` or an f-string
is English for good. A value that is itself a phrase (or anything with `say`, such as an error) is said in the
language of the whole. The keys of all these areas are one namespace, and the catalog is read when
the first phrase is made.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

from koubai.words import LANGUAGES, areas, entries, filled, language


class Phrase(str):
    """A text in every language; as a `str` it is the English one."""

    __slots__ = ("texts",)
    texts: dict[str, str]

    def __new__(cls, texts: Mapping[str, str]) -> Phrase:
        """Make a phrase of its text in every language."""
        made = super().__new__(cls, texts["en"])
        made.texts = dict(texts)
        return made

    def say(self, lang: str | None = None) -> str:
        """Return the text in a language (None = the one in use)."""
        return self.texts[lang or language()]

    def __reduce__(self) -> tuple[type[Phrase], tuple[dict[str, str]]]:
        return Phrase, (self.texts,)


def phrase(key: str, /, **values: object) -> Phrase:
    """Return the phrase of an entry with its placeholders filled.

    >>> phrase("unknown_name", kind=term("kind", "layer"), name="rleu").say("ja")
    "'rleu' という層はありません"

    Raises:
        KeyError: no such entry, or a placeholder has no value.
    """
    texts = catalog()[key]
    return composed(lambda lang: filled(key, texts[lang], lang, values))


def term(group: str, name: str) -> str:
    """Return the word for one of a group of things ("axis.height"); a name not in it is its own word."""
    key = f"{group}.{name.replace(' ', '_')}"
    return phrase(key) if key in catalog() else name


def joined(items: Iterable[object], between: str = "comma") -> Phrase:
    """Return several things as one phrase; between them stands an entry ("comma", "or"), or `between` itself.

    >>> joined([3, term("axis", "width")]).say("ja")
    '3、幅'
    """
    parts = list(items)
    texts = catalog().get(between, {})
    return composed(lambda lang: texts.get(lang, between).join(told(item, lang) for item in parts))


def composed(say: Callable[[str], str]) -> Phrase:
    """Return the phrase that `say` gives, which is asked once for every language."""
    return Phrase({lang: say(lang) for lang in LANGUAGES})


def told(thing: object, lang: str | None = None) -> str:
    """Return anything as text: in the language if it can be said in it, else as it is."""
    said: Any = getattr(thing, "say", None)
    return said(lang) if said is not None else str(thing)


@cache
def catalog() -> Mapping[str, dict[str, str]]:
    """Return the entries of all areas of errors, by key."""
    return ChainMap(*(entries(area) for area in areas() if area.startswith("errors")))
