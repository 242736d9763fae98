"""Asked: one question with its numbers drawn, its choices in the order shown, and the right one computed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from koubai.core.random import generator
from koubai.words import say


@dataclass(frozen=True)
class Asked:
    """A question as it is put to a learner.

    | field   | meaning                                                                                |
    |---------|----------------------------------------------------------------------------------------|
    | name    | its entries in words/quiz.toml                                                         |
    | values  | numbers that its texts speak of                                                        |
    | choices | name of a choice -> its answer; the words' own text where the answer is None           |
    | right   | name of the right choice                                                               |
    | formula | what the answer follows from                                                           |
    | code    | where koubai computes it, as in terms.toml                                             |
    """

    name: str
    choices: Mapping[str, str | None]
    right: str
    formula: str
    code: str
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def about(self) -> tuple[str, ...]:
        """Terms of the glossary."""
        return ABOUT[self.name]

    def text(self, lang: str | None = None) -> str:
        """Return the question."""
        return say(f"quiz.{self.name}.question", lang, **self.values)

    def choice(self, name: str, lang: str | None = None) -> str:
        """Return a choice as the learner reads it."""
        answer = self.choices[name]
        return say(f"quiz.{self.name}.{name}", lang, **self.values) if answer is None else answer

    def why(self, name: str, lang: str | None = None) -> str:
        """Return why a choice is right or wrong."""
        values = {**self.values, "answer": self.choice(self.right, lang)}
        return say(f"quiz.{self.name}.{name}_because", lang, **values)


QuestionMaker = Callable[[np.random.Generator], Asked]
QUESTIONS: dict[str, QuestionMaker] = {}
ABOUT: dict[str, tuple[str, ...]] = {}
"""Terms of the glossary that each question is about."""
_TRIES = 50


def question(*about: str) -> Callable[[QuestionMaker], QuestionMaker]:
    """Decorator: make a question about these terms known by its function's name."""

    def known(make: QuestionMaker) -> QuestionMaker:
        QUESTIONS[make.__name__], ABOUT[make.__name__] = make, about
        return make

    return known


def ask(name: str, seed: int) -> Asked:
    """Return a question with numbers drawn from a seed, its choices shuffled and all different."""
    for attempt in range(_TRIES):
        random = generator(seed, "quiz", name, attempt)
        asked = QUESTIONS[name](random)
        given = [answer for answer in asked.choices.values() if answer is not None]
        if len(set(given)) == len(given):
            order = random.permutation(len(asked.choices))
            names = list(asked.choices)
            shuffled = {names[i]: asked.choices[names[i]] for i in order}
            return Asked(**{**vars(asked), "choices": shuffled})
    raise AssertionError(f"question {name}: no draw gave choices that differ")
