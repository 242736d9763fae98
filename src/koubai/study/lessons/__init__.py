"""Lessons: a learner guesses, sees, and is put right. One file a lesson; words in words/lessons.toml."""

from koubai.core.registry import discover
from koubai.study.lessons.lesson import LESSONS, Lesson

discover(__name__, __path__)


def lessons() -> dict[str, Lesson]:
    """Return all lessons by name, in the order in which they are taught."""
    made: list[Lesson] = [cls() for cls in LESSONS.values()]
    return {lesson.registry_name: lesson for lesson in sorted(made, key=lambda lesson: lesson.number)}


__all__ = ["LESSONS", "Lesson", "lessons"]
