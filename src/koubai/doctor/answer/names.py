"""Names: from what people call a diagnosis (code, name, alias, Japanese) to its registry name."""

from __future__ import annotations

import re

from koubai.doctor.diagnoses.diagnosis import known
from koubai.words import LANGUAGES, say


def resolve(text: str) -> frozenset[str]:
    """Return the registry names that `text` may mean; empty if it means none.

    >>> sorted(resolve("K003")), sorted(resolve("Dead ReLU")), sorted(resolve("勾配消失"))
    (['vanishing_gradient'], ['dead_units'], ['vanishing_gradient'])
    """
    wanted = _folded(text)
    return frozenset(name for name in known() if wanted in spellings_of(name))


def spellings_of(name: str) -> set[str]:
    """Return all that a diagnosis may be called, folded: code, registry name, aliases, titles."""
    diagnosis = known()[name]
    titles = [say(f"diagnoses.{name}.title", lang=lang) for lang in LANGUAGES]
    return {_folded(text) for text in (name, diagnosis.code, *diagnosis.aliases, *titles)}


def _folded(text: str) -> str:
    """Lower case, British spelling, punctuation and the zeros of a code ironed out."""
    plain = re.sub(r"^k0+(?=\d)", "k", re.sub(r"[\s_\-/・]+", " ", text.strip().lower()))
    return (
        plain.replace("normalis", "normaliz")
        .replace("regularis", "regulariz")
        .replace("initialis", "initializ")
    )
