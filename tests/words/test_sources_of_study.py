"""Areas whose entries have a source in the code already: it is followed, and the numbers must stand there.

| area     | source of an entry                                                                              |
|----------|-------------------------------------------------------------------------------------------------|
| parts    | English is the part's docstring; its numbers are those of its file, a paper, or a test          |
| errata   | `study/errata.toml`: who says so, or the command that shows it                                  |
| quiz     | the function that makes the question and computes its answer                                    |
| lessons  | the lesson's own file, whose runs fill its sentences; an entry `not` answers a wrong idea       |
| glossary | the code that `study/terms.toml` names                                                          |
| names    | the arms of the catalog, by `test_names.py`                                                     |

Where a number does not stand in that code, or a sentence compares, it has a `source` beside it as elsewhere.
"""

import importlib
import inspect
import pkgutil
import re
import tomllib
from functools import cache
from importlib.resources import files

import pytest

import koubai.study.lessons
import koubai.study.quiz
from koubai.cli.commands.parts import _PACKAGES, _registry
from koubai.cli.main import COMMANDS
from koubai.data import Digits
from koubai.lab.catalog import catalog_entries, catalog_experiment
from koubai.study.errata import errata
from koubai.study.glossary import find_meanings, terms
from koubai.study.lessons.lesson import LESSONS
from koubai.study.quiz.asked import QUESTIONS
from support.cited import COMPARISON, entries_of, missing, needs_a_source, said_numbers

for package in (koubai.study.lessons, koubai.study.quiz):
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")

PARTS = {name: cls for registry in map(_registry, _PACKAGES) for name, cls in registry.items()}
SMALL = {0.0, 1.0, 2.0}  # of formulas, in every file
DIGITS = Digits().load()
OF_DIGITS = f"{DIGITS.x_test[0].size} {DIGITS.classes}"


@cache
def numbers_of(*code):
    """The numbers that stand in code, in shares too: .15 is 15 %."""
    text = "\n".join(code).replace("_", "")
    found = {float(n) for n in re.findall(r"\d+\.?\d*(?:e-?\d+)?|\.\d+", text)}
    return found | {round(100 * n, 6) for n in found if n < 1} | SMALL


def code_of(place):
    """The source of a module or of what it holds; of a setting, its value."""
    module, _, name = place.partition(":")
    found = importlib.import_module(module)
    for part in filter(None, name.split(".")):
        found = getattr(found, part)
    try:
        return inspect.getsource(found)
    except TypeError:
        return repr(found)


def unsourced(entries, code, *, compares):
    """What is wrong with entries whose numbers stand in `code(key)`."""
    wrong = {}
    for key, entry in entries:
        if not needs_a_source(entry["en"]):
            if "source" in entry:
                wrong[key] = "has a source and no number or comparison"
        elif (source := entry.get("source", "")).startswith("computed: ") and not missing(source):
            wrong[key] = said_numbers(entry["en"]) - numbers_of(code_of(source[10:]), *code(key))
        elif source:
            wrong[key] = missing(source)
        else:
            lost = said_numbers(entry["en"]) - numbers_of(*code(key))
            judged = compares and COMPARISON.search(entry["en"])
            wrong[key] = lost or (judged and f"compares: {judged.group()}")
    return {key: fault for key, fault in wrong.items() if fault}


def test_the_numbers_of_check_questions_stand_in_what_makes_them():
    assert not unsourced(
        entries_of("quiz"), lambda key: [inspect.getsource(QUESTIONS[key.split(".")[0]])], compares=True
    )


def of_lesson(key):
    """The code of a lesson; of a wrong idea, nothing: it is answered by the entry that says what is right."""
    name = key.split(".")[0]
    return [inspect.getsource(inspect.getmodule(LESSONS[name])), OF_DIGITS] if name in LESSONS else [""]


def test_the_numbers_of_lessons_stand_in_them_and_wrong_ideas_are_answered():
    known = dict(entries_of("lessons"))
    faults = unsourced(known.items(), of_lesson, compares=False)
    wrong_ideas = [key for key in known if ".wrong." in key]
    assert all(key.replace(".wrong.", ".not.") in known for key in wrong_ideas)
    assert len(wrong_ideas) > 20
    assert not {key: fault for key, fault in faults.items() if ".wrong." not in key}


def of_term(key):
    term = terms()[key.split(".")[0]]
    return [code_of(term.code) if term.code else "", term.formula]


def test_the_numbers_of_the_glossary_stand_in_the_code_or_the_formula_it_names():
    assert not unsourced(entries_of("glossary"), of_term, compares=True)


def test_the_numbers_of_parts_stand_in_their_files():
    kept = tomllib.loads((files("koubai.words") / "parts.toml").read_text(encoding="utf-8"))
    told = {name: {**kept[name], "en": PARTS[name].__doc__.split("\n", 1)[0]} for name in kept}
    assert not unsourced(
        told.items(), lambda key: [inspect.getsource(inspect.getmodule(PARTS[key]))], compares=True
    )


def test_every_defect_that_an_arm_repeats_is_told_where_all_eight_are():
    repeated = {
        arm.defect
        for entry in catalog_entries()
        for arm in catalog_experiment(entry.name()).arms
        if arm.defect
    }
    told = {key for key, slip in errata().items() if not slip.notes}
    assert told == {f"D{number}" for number in range(1, 9)}
    assert repeated <= told


@pytest.mark.parametrize("key", list(errata()))
def test_a_slip_of_the_notes_has_who_says_so_or_the_command_that_shows_it(key):
    slip = errata()[key]
    program, command, *rest = slip.run.split()
    assert program == "koubai"
    assert command in COMMANDS
    if command == "explain":
        assert find_meanings(" ".join(rest))
    if command == "run":
        assert not missing(f"run: {rest[0]}")
    assert slip.source in ("computed", "measured", "NumPy", "Python") or re.search(
        r"\b(19|20)\d\d\b", slip.source
    )
