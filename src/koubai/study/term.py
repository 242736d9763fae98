"""Term: a word of the course, and all that is known of it."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from textwrap import dedent
from typing import Any

from koubai.words import LANGUAGES, say


@dataclass(frozen=True)
class Term:
    """One entry of the glossary.

    | field   | meaning                                                                    |
    |---------|----------------------------------------------------------------------------|
    | key     | its name in the catalog of words                                         |
    | also    | other spellings, in any language                                           |
    | formula | in plain letters                                                           |
    | code    | where it is computed: module, or module:name                               |
    | run     | the command that shows it                                                  |
    | picture | the picture's kind, and what of it after a colon (see koubai.study.pictures) |
    | errata  | slips of the course's notes about it                                       |
    | see     | other terms and diagnoses                                                  |
    """

    key: str
    also: tuple[str, ...] = ()
    formula: str = ""
    code: str = ""
    run: str = ""
    picture: str = ""
    errata: tuple[str, ...] = ()
    see: tuple[str, ...] = ()

    @classmethod
    def read(cls, key: str, facts: dict[str, Any]) -> Term:
        """Return a term from its table in terms.toml."""
        plain: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in facts.items()
        }
        return cls(key, **plain)

    def title(self, lang: str | None = None) -> str:
        """Return what it is called."""
        return say(f"glossary.{self.key}.title", lang)

    def text(self, lang: str | None = None) -> str:
        """Return what it is, in one sentence or two."""
        return say(f"glossary.{self.key}", lang)

    @property
    def spellings(self) -> tuple[str, ...]:
        """All that it may be called by: key, titles, the words in their brackets, other spellings."""
        titles = [self.title(lang) for lang in LANGUAGES]
        return tuple(dict.fromkeys([self.key, *titles, *_inside(titles), *self.also]))

    @property
    def experiment(self) -> str | None:
        """The experiment that shows it, as `koubai run` takes it."""
        words = self.run.split()
        return words[2] if words[1:2] == ["run"] else None


@dataclass(frozen=True)
class Code:
    """Lines of koubai's own source: where they stand, and what they say without the docstring."""

    place: str
    text: str


def code_of(target: str) -> Code:
    """Return the source of "module" or "module:name.of.thing"; of a module or a class only the place."""
    module_name, _, name = target.partition(":")
    module = import_module(module_name)
    file = Path(inspect.getfile(module))
    place = "/".join(file.parts[file.parts.index("koubai") + 1 :])
    if not name:
        return Code(place, "")
    thing: Any = module
    for part in name.split("."):
        thing = getattr(thing, part)
    thing = thing.fget if isinstance(thing, property) else inspect.unwrap(thing)
    lines, first = inspect.getsourcelines(thing)
    return Code(f"{place}:{first}", "" if inspect.isclass(thing) else _without_docstring("".join(lines)))


def _without_docstring(source: str) -> str:
    """Return a function's source without its decorators and its docstring."""
    import ast

    source = dedent(source)
    function = ast.parse(source).body[0]
    assert isinstance(function, ast.FunctionDef)
    lines = source.splitlines()
    first = function.body[0]
    told = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    head = lines[function.lineno - 1 : (first.lineno - 1)]
    return "\n".join([*head, *lines[(first.end_lineno or first.lineno) if told else first.lineno - 1 :]])


def _inside(titles: list[str]) -> list[str]:
    """Return the parts of titles outside and inside their brackets, at commas.

    >>> _inside(["Adam (a, b)"])
    ['Adam', 'a', 'b']
    """
    parts: list[str] = []
    for title in titles:
        head, _, rest = title.replace("（", "(").replace("）", ")").partition("(")
        inner = rest.rstrip(")").replace("、", ",").split(",") if rest else []
        parts += [part.strip() for part in (head, *inner) if part.strip()]
    return parts
