"""Errors that say where, what was expected, what came, and what to try.

Context is added once, at the door: a layer raises with the arithmetic, the network adds the path.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from koubai.core.spellings import ELSEWHERE
from koubai.words.phrase import Phrase, catalog, composed, joined, phrase, term, told


class KoubaiError(Exception):
    """Base of every error koubai raises on purpose.

    `message` is a key of the catalog (words/errors*.toml), whose text is filled with the values and can be
    told in every language; `str()` of an error is English. What was expected, what came and what to try
    stand beside that text in the catalog, with the same values, or are given here: as phrases, or as values
    that no language changes. A message that is no key is a text of its own, told as it is.

    >>> error = ShapeError("window_does_not_fit", axis="height", positions=0, shape="3 x 3")
    >>> print(error)
    the window does not fit the height
      got:      0, for an input of 3 x 3
    """

    def __init__(
        self,
        message: str,
        *,
        where: str | None = None,
        expected: object = None,
        got: object = None,
        hint: str | None = None,
        **values: object,
    ) -> None:
        known = message if isinstance(message, str) and message in catalog() else None
        if values and known is None:
            raise TypeError(f"no error {message!r} in words/errors*.toml, so it takes no {', '.join(values)}")

        def part(name: str) -> Phrase | None:
            key = f"{message}.{name}"
            return phrase(key, **values) if known and key in catalog() else None

        self.key, self.values = known, _plain(values)
        self.message: str = phrase(known, **values) if known else message
        self.where = where
        self.expected = part("expected") if expected is None else expected
        self.got = part("got") if got is None else got
        self.hint = hint or part("hint")
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.say("en")

    def __reduce__(self) -> tuple[object, ...]:
        return _again, (type(self), self.__dict__)

    def say(self, lang: str | None = None) -> str:
        """Return the whole error in a language (None = the one in use): one line each for what it says."""
        head: str = phrase("at", where=self.where, problem=self.message) if self.where else self.message
        lines = [told(head, lang)]
        parts = {"expected": self.expected, "got": self.got, "hint": self.hint or None}
        lines += [
            "  " + phrase(f"line_of.{name}", text=part).say(lang)
            for name, part in parts.items()
            if part is not None
        ]
        return "\n".join(lines)

    def whole(self) -> Phrase:
        """Return the whole error as a phrase."""
        return composed(self.say)

    def in_one_line(self) -> Phrase:
        """Return the whole error as a phrase without line breaks."""
        return composed(lambda lang: " ".join(self.say(lang).split()))

    def refusal(self) -> Phrase:
        """Return what is wrong, what was expected and what came, on one line."""
        given = (self.expected is not None, self.got is not None)
        form = {(True, True): "both", (True, False): "expected", (False, True): "got"}.get(given)
        if form is None:
            return composed(lambda lang: told(self.message, lang))
        return phrase(f"refused.{form}", problem=self.message, expected=self.expected, got=self.got)


def _again(kind: type[KoubaiError], state: dict[str, object]) -> KoubaiError:
    """Return an error as it was in another process."""
    error = Exception.__new__(kind, state["message"])
    error.__dict__.update(state)
    return error


def _plain(values: dict[str, object]) -> dict[str, object]:
    """Return values that hold on to nothing and can leave the process."""
    return {k: v if isinstance(v, str | int | float | None) else str(v) for k, v in values.items()}


class ShapeError(KoubaiError):
    """A tensor shape that the next layer cannot take."""


class SettingError(KoubaiError, ValueError):
    """A number given to a layer, a loss or an optimizer that lies outside its range."""


class TooLarge(KoubaiError, MemoryError):
    """Work that needs more memory than there is; raised before any of it is taken (koubai.core.memory)."""


class DataError(KoubaiError):
    """A data file or array that is not what it claims to be."""


class EngineError(KoubaiError):
    """An engine cannot run what it was asked to run."""


class ToldElsewhere(EngineError):
    """An error that another process of the same run tells: this one ends without a word."""


class RunError(KoubaiError):
    """A run folder that cannot be written, read or resumed."""


class UnknownName(KoubaiError, KeyError):
    """A name that is not in its registry; carries the nearest one.

    `kind` says what was named; the catalog has a word for it under `kind`.
    """

    def __init__(self, kind: str, name: str, choices: Iterable[str], *, where: str | None = None):
        names = sorted(choices)
        self.nearest = nearest(name, names)
        super().__init__(
            "unknown_name",
            kind=term("kind", kind),
            name=name,
            where=where,
            expected=phrase("one_of", names=", ".join(names)),
            hint=did_you_mean(self.nearest),
        )


class UnknownSetting(KoubaiError, TypeError):
    """A keyword that a class does not take; carries the nearest one it does."""

    def __init__(self, what: str, name: str, choices: Iterable[str]):
        names = list(choices)
        super().__init__(
            "has_no_setting",
            owner=what,
            name=name,
            expected=phrase("one_of", names=", ".join(names)) if names else None,
            hint=did_you_mean(nearest(name, names)),
        )


@dataclass(frozen=True)
class Problem:
    """One thing wrong in a configuration: where it stands, and what to try."""

    path: str
    message: str
    line: int | None = None
    hint: str | None = None

    def __str__(self) -> str:
        return self.say("en")

    def say(self, lang: str | None = None) -> str:
        """Return the problem in a language, on one line."""
        text: str = phrase("at", where=self.path, problem=self.message) if self.path else self.message
        text = text if self.line is None else phrase("at_line", line=self.line, problem=text)
        return told(phrase("hinted", problem=text, hint=self.hint) if self.hint else text, lang)


class ConfigError(KoubaiError):
    """Every problem of a configuration at once."""

    def __init__(self, source: str, problems: Iterable[Problem]):
        self.problems = tuple(problems)
        head = phrase("problems", count=len(self.problems))
        super().__init__(joined([head, *self.problems], "\n  "), where=source)


def did_you_mean(name: str | None) -> Phrase | None:
    """Return the question for the nearest name, if there is one."""
    return None if name is None else phrase("did_you_mean", name=name)


def nearest(name: str, choices: Iterable[str]) -> str | None:
    """Return the choice closest to a mistyped name, or None when nothing is close.

    Words of other libraries lead to those that are used here.

    >>> nearest("sigmoyd", ["relu", "sigmoid", "tanh"]), nearest("lr", ["learning_rate", "delta"])
    ('sigmoid', 'learning_rate')
    """
    by_folded = {choice.lower().replace("-", "_"): choice for choice in choices}
    folded = name.lower().replace("-", "_")
    for meant in ELSEWHERE.get(folded, ()):
        if meant in by_folded:
            return by_folded[meant]
    found = get_close_matches(folded, by_folded, n=1, cutoff=0.6)
    return by_folded[found[0]] if found else None
