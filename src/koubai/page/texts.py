"""What the page says and teaches, as plain values: words, lessons, questions."""

from __future__ import annotations

from typing import Any

from koubai.study.lessons import lessons
from koubai.study.mathml import formula
from koubai.study.quiz import ask
from koubai.study.term import code_of
from koubai.words import LANGUAGES, entries

AREAS = ("page", "lessons", "play", "runs")
MOST_SEEDS = 2**31


def words(lang: str) -> dict[str, str]:
    """Return all texts of the page in one language: "area.name" -> text with its placeholders."""
    return {f"{area}.{name}": texts[lang] for area in AREAS for name, texts in entries(area).items()}


def cards() -> list[dict[str, Any]]:
    """Return every lesson, in order."""
    return [lesson.card() for lesson in lessons().values()]


def question(name: str, seed: int) -> dict[str, Any]:
    """Return a check question with its numbers, in every language.

    Raises:
        KeyError: no such question.
    """
    asked = ask(name, seed)
    code = code_of(asked.code)
    return {
        "name": name,
        "seed": seed,
        "text": {lang: asked.text(lang) for lang in LANGUAGES},
        "choices": [
            {
                "text": {lang: asked.choice(choice, lang) for lang in LANGUAGES},
                "because": {lang: asked.why(choice, lang) for lang in LANGUAGES},
                "right": choice == asked.right,
            }
            for choice in asked.choices
        ],
        "formulas": [formula(part) for part in asked.formula.replace(":", " : ").split(";") if part.strip()],
        "place": f"koubai/{code.place}",
    }
