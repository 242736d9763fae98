"""The glossary: from what a learner types to the terms and diagnoses that it may mean."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache
from importlib.resources import files

from koubai.core.errors import KoubaiError
from koubai.doctor.answer.names import resolve, spellings_of
from koubai.doctor.diagnoses.diagnosis import known
from koubai.study.term import Term
from koubai.words import say

NEAR = 0.75
"""Likeness from which on another word is taken for a mistyped one; below it the word is not known."""
_LISTED = 3


@dataclass(frozen=True)
class Meaning:
    """What a word may mean: terms of the glossary, and diagnoses by their registry names."""

    terms: tuple[Term, ...] = ()
    diagnoses: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.terms or self.diagnoses)


@cache
def terms() -> dict[str, Term]:
    """Return all terms by their keys."""
    facts = tomllib.loads((files("koubai.study") / "terms.toml").read_text(encoding="utf-8"))
    return {key: Term.read(key, table) for key, table in facts.items()}


def find_meanings(text: str) -> Meaning:
    """Return what a word may mean, in whichever language it is; empty if it is not known.

    >>> find_meanings("ドロップアウト").terms[0].key, find_meanings("BN").terms[0].key
    ('dropout', 'batch_normalization')
    >>> find_meanings("勾配消失").diagnoses
    ('vanishing_gradient',)
    >>> bool(find_meanings("xyzzy"))
    False
    """
    wanted = folded(text)
    found = _spelled(wanted) or _spelled(wanted.removesuffix("関数"))
    return Meaning(found, tuple(sorted(resolve(text))))


def _spelled(wanted: str) -> tuple[Term, ...]:
    return tuple(term for term in terms().values() if wanted in _folded_spellings()[term.key])


def meaning(text: str) -> Meaning:
    """Return what a word may mean.

    Raises:
        KoubaiError: not known, with the nearest word where one is near, else with the three nearest.
    """
    if found := find_meanings(text):
        return found
    ranked = sorted(_likeness(folded(text)).items(), key=lambda item: (-item[1], item[0]))[:_LISTED]
    best, likeness = ranked[0]
    if likeness >= NEAR:
        code = f"{known()[best].code} " if best in known() else ""
        hint = say("study.nearest", title=f"{code}{title(best)}", key=best)
    else:
        hint = say("study.three_nearest", titles=say("report.list").join(title(key) for key, _ in ranked))
    raise KoubaiError(say("study.unknown", text=text), where="koubai explain", hint=hint)


def experiment_named(text: str) -> str | None:
    """Return the experiment that shows a word, as `koubai run` takes it; None where there is none."""
    found = find_meanings(text)
    shown = [term.experiment for term in found.terms]
    shown += [known()[name].experiment for name in found.diagnoses]
    return next((name for name in shown if name), None)


def title(key: str) -> str:
    """Return the title of a term or a diagnosis."""
    return terms()[key].title() if key in terms() else say(f"diagnoses.{key}.title")


def folded(text: str) -> str:
    """Return a spelling without case, width, blanks, hyphens and what a question adds to a word.

    >>> folded("Batch-Norm"), folded("ＲｅＬＵ関数"), folded("ドロップアウトとは？")
    ('batchnorm', 'relu関数', 'ドロップアウト')
    """
    plain = unicodedata.normalize("NFKC", text).lower()
    plain = re.sub(r"[\s_\-/・'\"?!。、「」]+", "", plain)
    return re.sub(r"とは(何|なに)?(ですか|か)?$", "", plain)


@cache
def _folded_spellings() -> dict[str, frozenset[str]]:
    return {key: _all_folded(term.spellings) for key, term in terms().items()}


def _likeness(wanted: str) -> dict[str, float]:
    """Return how like a word the nearest spelling of every term and diagnosis is, between 0 and 1."""
    spelled = {**_folded_spellings(), **{name: _all_folded(spellings_of(name)) for name in known()}}
    return {
        key: max(SequenceMatcher(None, wanted, spelling).ratio() for spelling in spellings)
        for key, spellings in spelled.items()
    }


def _all_folded(spellings: Iterable[str]) -> frozenset[str]:
    return frozenset(folded(spelling) for spelling in spellings)
