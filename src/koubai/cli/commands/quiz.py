"""`koubai quiz`: check questions in the terminal, answered by koubai's own code; `--json` for teachers."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Annotated, Any

from koubai.cli.output import option, print_json, style, whole
from koubai.core.errors import KoubaiError
from koubai.words import LANGUAGES, say

if TYPE_CHECKING:
    from koubai.study.quiz import Asked

_SEEDS = 2**31


def quiz(
    name: Annotated[str | None, option("study.quiz.name")] = None,
    *,
    count: Annotated[int, whole("study.quiz.count")] = 5,
    seed: Annotated[int | None, whole("study.quiz.seed")] = None,
) -> None:
    """Ask check questions."""
    if count < 1:
        raise KoubaiError("too_few_questions", where="--count", got=count)
    asked = _drawn(name, count, secrets.randbelow(_SEEDS) if seed is None else seed)
    if style.json:
        print_json([_facts(one) for one in asked])
        return
    right = tried = 0
    for number, one in enumerate(asked, start=1):
        answer = _put(one, number, len(asked))
        if answer is None:
            break
        tried += 1
        right += answer == one.right
    print(say("study.quiz.score", right=right, count=tried))


def _drawn(name: str | None, count: int, seed: int) -> list[Asked]:
    """Return questions: of one name or about one word, as often as asked; else some of all, each once."""
    from koubai.core.random import generator
    from koubai.study.quiz import QUESTIONS, ask

    names = sorted(QUESTIONS) if name is None else _about(name)
    order = [names[i] for i in generator(seed, "quiz order").permutation(len(names))]
    if name is None:
        return [ask(chosen, seed) for chosen in order[:count]]
    return [ask(order[i % len(order)], seed + i) for i in range(count)]


def _about(text: str) -> list[str]:
    from koubai.study.glossary import find_meanings
    from koubai.study.quiz import ABOUT, QUESTIONS

    plain = text.replace("-", "_")
    if plain in QUESTIONS:
        return [plain]
    meant = find_meanings(text)
    keys = {term.key for term in meant.terms} | set(meant.diagnoses)
    found = [name for name, about in ABOUT.items() if keys & set(about)]
    if not found:
        hint = say("report.list").join(sorted(QUESTIONS))
        raise KoubaiError(say("study.quiz.unknown", text=text), where="koubai quiz", hint=hint)
    return found


def _put(one: Asked, number: int, count: int) -> str | None:
    """Ask one question; return the choice that was made, None where the learner stops."""
    names = list(one.choices)
    print(f"{say('study.quiz.numbered', number=number, count=count)}\n{one.text()}")
    for i, name in enumerate(names, start=1):
        print(f"  {i}) {one.choice(name)}")
    chosen = _read(len(names))
    if chosen is None:
        return None
    answer = names[chosen - 1]
    print(f"{say('study.quiz.right' if answer == one.right else 'study.quiz.wrong')} {one.why(answer)}")
    if answer != one.right:
        place = names.index(one.right) + 1
        print(f"{say('study.quiz.answer', number=place, answer=one.choice(one.right))} {one.why(one.right)}")
    _show_source(one)
    return answer


def _read(count: int) -> int | None:
    while True:
        try:
            text = input(say("study.quiz.prompt", count=count)).strip()
        except EOFError:
            print()
            return None
        if text.lower() in ("q", "quit", "exit"):
            return None
        if text.isdecimal() and 1 <= int(text) <= count:
            return int(text)
        print(say("study.quiz.again", count=count))


def _show_source(one: Asked) -> None:
    """Print the formula and the line of code behind an answer, and where to read on."""
    from koubai.study.term import code_of

    print(f"  {say('study.heading.formula')}: {one.formula}")
    print(f"  {say('study.heading.code')}: koubai/{code_of(one.code).place}")
    commands = say("report.list").join(f"koubai explain {key}" for key in one.about)
    print(f"  {say('study.quiz.more', commands=commands)}\n")


def _facts(one: Asked) -> dict[str, Any]:
    """Return a question as plain values, in every language."""
    from koubai.study.term import code_of

    return {
        "name": one.name,
        "question": {lang: one.text(lang) for lang in LANGUAGES},
        "choices": [
            {
                "text": {lang: one.choice(name, lang) for lang in LANGUAGES},
                "right": name == one.right,
                "why": {lang: one.why(name, lang) for lang in LANGUAGES},
            }
            for name in one.choices
        ],
        "formula": one.formula,
        "code": f"koubai/{code_of(one.code).place}",
        "about": list(one.about),
    }
