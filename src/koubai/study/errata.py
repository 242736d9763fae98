"""Errata: where the course's notes and programs slip, what is right, who says so, which command shows it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from koubai.words import say


@dataclass(frozen=True)
class Erratum:
    """One slip: `notes` number the notes it stands in (none: in the programs), `run` shows what is right."""

    key: str
    notes: tuple[str, ...]
    source: str
    run: str

    def written(self, lang: str | None = None) -> str:
        """Return what the notes say."""
        return say(f"errata.{self.key}.written", lang)

    def right(self, lang: str | None = None) -> str:
        """Return what is right."""
        return say(f"errata.{self.key}.right", lang)


@cache
def errata() -> dict[str, Erratum]:
    """Return all slips by their keys: E1 ... are of the notes, D1 to D8 of the programs."""
    facts = tomllib.loads((files("koubai.study") / "errata.toml").read_text(encoding="utf-8"))
    return {key: Erratum(key, tuple(t["notes"]), t["source"], t["run"]) for key, t in facts.items()}
