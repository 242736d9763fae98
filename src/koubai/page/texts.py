"""What the page says and teaches, as plain values: words, lessons, questions."""

from __future__ import annotations

from functools import cache
from typing import Any

from koubai.core.errors import KoubaiError
from koubai.lab.catalog import catalog_entries
from koubai.page.play.check import recipe_in
from koubai.page.play.shelf import Shelf
from koubai.study.lessons import Lesson, lessons
from koubai.study.mathml import formula
from koubai.study.quiz import ask
from koubai.study.term import code_of
from koubai.train.recipe import Recipe
from koubai.train.recipe_address import table_of, write_address
from koubai.words import LANGUAGES, entries

AREAS = ("page", "lessons", "play", "runs")
MOST_SEEDS = 2**31


def page_words(lang: str) -> dict[str, str]:
    """Return all texts of the page in one language: "area.name" -> text with its placeholders."""
    return {f"{area}.{name}": texts[lang] for area in AREAS for name, texts in entries(area).items()}


def cards() -> list[dict[str, Any]]:
    """Return every lesson, in order."""
    data = {entry.name(): entry.data for entry in catalog_entries()}
    return [
        {**lesson.card(), "play": _played(lesson), "mnist": "mnist" in data[lesson.experiment_name]}
        for lesson in lessons().values()
    ]


@cache
def _played(lesson: Lesson) -> str | None:
    """Return the address of a lesson's first arm in free play; None where it cannot be played with."""
    experiment = lesson.experiment((0,))
    if not isinstance(experiment.base, Recipe):
        return None
    recipe = experiment.plan(experiment.arms[0], 0)
    try:
        recipe_in(table_of(recipe), Shelf(None))
    except KoubaiError:
        return None
    return write_address(recipe)


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
