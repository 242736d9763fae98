"""What went wrong, in every language: the page says it in the one that is chosen then."""

from __future__ import annotations

from koubai.core.errors import KoubaiError
from koubai.words import LANGUAGES, say
from koubai.words.phrase import Phrase, told

_MOST = 2000  # characters


def in_every_language(why: Exception | str) -> dict[str, str]:
    """Return an error, or the sentence that tells of one, by language.

    What koubai says on purpose is in the catalog; what Python or a library says stays as it is, behind a
    line that says so.
    """
    if isinstance(why, KoubaiError | Phrase):
        return {lang: told(why, lang)[:_MOST] for lang in LANGUAGES}
    text = why if isinstance(why, str) else f"{type(why).__name__}: {why}"
    return {lang: say("page.run.unforeseen", lang, why=text)[:_MOST] for lang in LANGUAGES}
