"""Cases: sick recipes with the right names and a fixed twin, and healthy controls; declared in files.

A file holds tables `[[case]]`:

| key     | meaning                                                                                     |
|---------|---------------------------------------------------------------------------------------------|
| id      | short name                                                                                  |
| family  | cases written by the same hand on the same kind of program; families are never split        |
| split   | "tune": thresholds were chosen with it in sight (default); any other name: kept apart       |
| title   | one line for the reader                                                                     |
| accept  | names (or codes, or aliases) of which each is right; absent for a healthy control           |
| layer   | path of the first bad layer, where there is one to name                                     |
| seeds   | how many seeds (from `first_seed`, default 0)                                               |
| recipe  | the recipe, as in a recipe file                                                             |
| fixed   | the twin: keys that replace those of the recipe                                             |
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from koubai.core.errors import ConfigError, Problem
from koubai.doctor.answer.names import resolve
from koubai.train.recipe import Recipe
from koubai.train.recipe_file import parse_toml, recipe_of, toml_text
from koubai.words.phrase import phrase

_KEYS = {"id", "family", "split", "title", "accept", "layer", "seeds", "first_seed", "recipe", "fixed"}


@dataclass(frozen=True)
class Case:
    """One sick recipe with its fixed twin, or one healthy control (`accept` empty, `fixed` None)."""

    id: str
    family: str
    recipe: Recipe
    accept: frozenset[str] = frozenset()
    fixed: Recipe | None = None
    title: str = ""
    split: str = "tune"
    layer: str | None = None
    seeds: tuple[int, ...] = (0,)

    @property
    def healthy(self) -> bool:
        """Whether this is a control."""
        return not self.accept

    def sick(self, seed: int) -> Recipe:
        """The recipe under a seed."""
        return replace(self.recipe, seed=seed)

    def twin(self, seed: int) -> Recipe:
        """The fixed recipe under a seed."""
        return replace(self.fixed if self.fixed is not None else self.recipe, seed=seed)


def own_cases() -> list[Case]:
    """Return the development cases that come with koubai."""
    folder = files("koubai_benchmarks.doctor") / "cases"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".toml"))
    return [case for name in names for case in parse_cases((folder / name).read_text(encoding="utf-8"), name)]


def read_cases(path: Path) -> list[Case]:
    """Return the cases of a file, or of all TOML files of a folder."""
    if path.is_dir():
        return [case for file in sorted(path.glob("*.toml")) for case in read_cases(file)]
    text, name = toml_text(path)
    return parse_cases(text, name)


def parse_cases(text: str, name: str) -> list[Case]:
    """Return the cases in a text; all mistakes of its tables are reported at once.

    Raises:
        ConfigError: with every problem.
    """
    table, lines = parse_toml(text, name)
    rows = table.get("case", [])
    problems = [problem for i, row in enumerate(rows) for problem in _problems(row, i, lines)]
    if not rows:
        problems.append(Problem("case", phrase("no_case_in_this_file")))
    if problems:
        raise ConfigError(name, problems)
    return [_case(row, i, name, lines) for i, row in enumerate(rows)]


def _problems(row: dict[str, Any], i: int, lines: dict[Any, int]) -> Iterable[Problem]:
    where, line = f"case.{i}", lines.get(("case", i))
    for key in sorted({"id", "recipe"} - set(row)):
        yield Problem(where, phrase("is_missing", key=key), line)
    for key in sorted(set(row) - _KEYS):
        yield Problem(
            f"{where}.{key}",
            phrase("no_such_key"),
            line,
            hint=phrase("keys_are", names=", ".join(sorted(_KEYS))),
        )
    if row.get("accept") and "fixed" not in row:
        yield Problem(where, phrase("sick_case_needs_its_fixed_twin"), line, hint=phrase("add_case_fixed"))
    for alias in row.get("accept", []):
        if not resolve(alias):
            yield Problem(f"{where}.accept", phrase("no_diagnosis_is_called", name=alias), line)


def _case(row: dict[str, Any], i: int, name: str, lines: dict[Any, int]) -> Case:
    recipe = recipe_of(row["recipe"], name, lines, ("case", i, "recipe"))
    fixed = None
    if "fixed" in row:
        fixed = recipe_of({**row["recipe"], **row["fixed"]}, name, lines, ("case", i, "fixed"))
    first = int(row.get("first_seed", 0))
    return Case(
        id=str(row["id"]),
        family=str(row.get("family", row["id"])),
        recipe=recipe,
        accept=frozenset(found for alias in row.get("accept", []) for found in resolve(alias)),
        fixed=fixed,
        title=str(row.get("title", "")),
        split=str(row.get("split", "tune")),
        layer=row.get("layer"),
        seeds=tuple(range(first, first + int(row.get("seeds", 5)))),
    )
