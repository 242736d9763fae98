"""Errors in the reader's language: English texts recognized by their templates and said again.

Errors are raised in English, far below any knowledge of who reads them. Where one is shown, its texts are
looked up in the areas `errors*` of the catalog, whose entries hold gaps for what varies::

    [window]                                   # retold("the window does not fit the height", "ja")
    en = "the window does not fit the {axis}"
    ja = "窓が{axis:words}に収まりません"         # '窓が高さに収まりません'

A gap is filled as it came. `{axis:words}` in the Japanese says the value in Japanese where the catalog
knows it; in the English it lets the template fit only where the catalog knows the value (or no English
stands in it outside quotes), which keeps a template such as "{one:words} or {other:words}" to its own.

Where several templates fit, the one counts that leaves the fewest letters as they came, and of these the
one that needs the fewest others inside it. No gap begins or ends inside quotes, so what a user wrote is
never taken for a part of the sentence. A text that no template fits stays English.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from string import Formatter

from koubai.words import areas, entries, language

_WORDS = "words"
_QUOTED = re.compile(r"\"[^\"]*\"|(?<![A-Za-z0-9])b?'[^']*'")
# No error of ours comes near these; a value that somebody made up to be ambiguous does.
_LONGEST, _DEEPEST, _MOST_TEXTS, _MOST_SPLITS = 10_000, 12, 200, 20


def retold(text: str, lang: str | None = None) -> str:
    """Return the text of an error, line by line, in a language (None = the one in use).

    >>> print(retold("unknown layer 'rleu'", "ja"))
    'rleu' という層はありません
    >>> retold("unknown layer 'rleu'", "en"), retold("nobody knows this text", "ja")
    ("unknown layer 'rleu'", 'nobody knows this text')
    """
    wanted = lang or language()
    if wanted == "en":
        return text
    teller = _Teller(wanted)
    return "\n".join(_indent(line) + teller.tell(line.strip()).text for line in text.split("\n"))


def templates_of(text: str) -> frozenset[str]:
    """Return the keys of the entries that a text is said by; empty where no template fits it."""
    teller = _Teller("ja")
    return frozenset[str]().union(*(teller.tell(line.strip()).keys for line in text.split("\n")))


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


@dataclass(frozen=True)
class _Gap:
    """What lies between two literals: its name, and whether the catalog must know the value."""

    name: str
    known: bool


@dataclass(frozen=True)
class _Template:
    """An entry: the literals of its English text, the gaps between them, and the text in every language."""

    key: str
    literals: tuple[str, ...]  # one more than gaps
    gaps: tuple[_Gap, ...]
    texts: dict[str, str]


@dataclass(frozen=True)
class _Told:
    """A text said again: how many English letters stand as they came, and the entries that said it.

    `parts` is how many templates it was put together from, one inside the other.
    """

    text: str
    left: int
    parts: int = 0
    keys: frozenset[str] = frozenset()


class _Value(str):
    """The value of a gap, which a format like "{axis:words}" says in words."""

    __slots__ = ("words",)
    words: str

    def __format__(self, form: str) -> str:
        return self.words if form == _WORDS else str(self)


@cache
def _templates() -> tuple[_Template, ...]:
    """Return all templates, those with the most literal letters first."""
    found = [
        _template(f"{area}.{name}", texts)
        for area in areas()
        if area.startswith("errors")
        for name, texts in entries(area).items()
    ]
    return tuple(sorted(found, key=lambda template: -sum(map(len, template.literals))))


def _template(key: str, texts: dict[str, str]) -> _Template:
    literals, gaps = [""], []
    for literal, name, form, _ in Formatter().parse(texts["en"]):
        literals[-1] += literal
        if name is not None:
            gaps.append(_Gap(name, form == _WORDS))
            literals.append("")
    return _Template(key, tuple(literals), tuple(gaps), texts)


@dataclass
class _Teller:
    """Says texts in one language; remembers what it said, for values come again while templates are tried."""

    lang: str
    _told: dict[str, _Told] = field(default_factory=dict)
    _depth: int = 0

    def tell(self, text: str) -> _Told:
        """Return a text in the language, or as it came where no template fits it."""
        if text in self._told:
            return self._told[text]
        as_it_came = _Told(text, _letters(text))
        if len(text) > _LONGEST or self._depth >= _DEEPEST or len(self._told) >= _MOST_TEXTS:
            return as_it_came
        self._depth += 1
        inside = _inside_quotes(text)
        fits = [told for template in _templates() for told in self._fits(template, text, inside)]
        self._depth -= 1
        self._told[text] = min(fits, key=lambda told: (told.left, told.parts), default=as_it_came)
        return self._told[text]

    def _fits(self, template: _Template, text: str, inside: set[int]) -> Iterator[_Told]:
        said = template.texts[self.lang]
        in_words = {name for _, name, form, _ in Formatter().parse(said) if form == _WORDS}
        for parts in islice(_splits(template.literals, text, inside), _MOST_SPLITS):
            values: dict[str, _Value] = {}
            left, count, keys = 0, 1, {template.key}
            for gap, part in zip(template.gaps, parts, strict=True):
                told = self.tell(part) if gap.known or gap.name in in_words else _Told(part, _letters(part))
                if gap.known and not told.keys and _letters(_QUOTED.sub("", part)):
                    break
                values[gap.name] = _Value(part)
                values[gap.name].words = told.text
                left += told.left
                count += told.parts
                keys |= told.keys
            else:
                yield _Told(said.format(**values), left, count, frozenset(keys))


def _inside_quotes(text: str) -> set[int]:
    """Return the places where no gap may begin or end."""
    return {at for quoted in _QUOTED.finditer(text) for at in range(quoted.start() + 1, quoted.end())}


def _splits(literals: tuple[str, ...], text: str, inside: set[int]) -> Iterator[tuple[str, ...]]:
    """Yield every way in which a text is these literals with something between them."""
    if not (text.startswith(literals[0]) and text.endswith(literals[-1])):
        return

    def after(start: int, rest: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        if start in inside:
            return
        if not rest:
            yield from [()] if start == len(text) else []
            return
        end = text.find(rest[0], start) if len(rest) > 1 else len(text) - len(rest[0])
        while end >= start:
            if end not in inside:
                for others in after(end + len(rest[0]), rest[1:]):
                    yield (text[start:end], *others)
            end = text.find(rest[0], end + 1) if len(rest) > 1 else -1

    yield from after(len(literals[0]), literals[1:])


def _letters(text: str) -> int:
    return len(re.findall(r"[A-Za-z]", text))
