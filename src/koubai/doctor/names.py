"""Names: from what people call a diagnosis (code, name, alias, Japanese) to its registry name."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from koubai.core.errors import UnknownName
from koubai.doctor.diagnoses.diagnosis import known
from koubai.words import LANGUAGES, say


def resolve(text: str) -> frozenset[str]:
    """Return the registry names that `text` may mean; empty if it means none.

    >>> sorted(resolve("K003")), sorted(resolve("Dead ReLU")), sorted(resolve("勾配消失"))
    (['vanishing_gradient'], ['dead_units'], ['vanishing_gradient'])
    """
    wanted = _folded(text)
    return frozenset(name for name in known() if wanted in _spellings(name))


def named(text: str) -> list[str]:
    """Return the registry names that `text` may mean, sorted.

    Raises:
        UnknownName: with the nearest, whichever of its spellings that is.
    """
    found = sorted(resolve(text))
    if not found:
        error = UnknownName("diagnosis", text, known())
        error.nearest = nearest_of(text)
        code = known()[error.nearest].code
        error.hint = say(
            "doctor.nearest", code=code, name=error.nearest, title=say(f"diagnoses.{error.nearest}.title")
        )
        raise error
    return found


def nearest_of(text: str) -> str:
    """Return the registry name whose code, name, alias or title is most like a mistyped one.

    >>> nearest_of("K99"), nearest_of("overfit"), nearest_of("過学集")
    ('learning_rate_too_high', 'over_fitting', 'over_fitting')
    """
    wanted = _folded(text)
    likeness = {
        name: max(SequenceMatcher(None, wanted, spelling).ratio() for spelling in _spellings(name))
        for name in known()
    }
    return max(likeness, key=lambda name: likeness[name])


def _spellings(name: str) -> set[str]:
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
