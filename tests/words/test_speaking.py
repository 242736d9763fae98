"""`speaking`: what language a text is in, where nobody hands the language on."""

import ast
import asyncio
from pathlib import Path
from threading import Barrier, Thread

import pytest

import koubai
from koubai.words import language, say, set_language, speaking

SRC = Path(koubai.__file__).parent
WORDS = {"en": "training", "ja": "訓練"}  # say("data.part.train")


@pytest.fixture(autouse=True)
def english():
    set_language("en")
    yield
    set_language(None)


def test_all_that_is_said_inside_is_in_that_language_and_then_no_longer():
    with speaking("ja"):
        assert say("data.part.train") == WORDS["ja"]
        assert say("data.part.train", "en") == WORDS["en"]
        with speaking("en"):
            assert language() == "en"
        with speaking(None):
            assert language() == "ja"
    assert say("data.part.train") == WORDS["en"]


def test_an_error_inside_ends_it_and_an_unknown_language_never_begins():
    with pytest.raises(ZeroDivisionError), speaking("ja"):
        1 / 0  # noqa: B018 -- it is what raises
    assert language() == "en"
    with pytest.raises(ValueError, match="one of en, ja"), speaking("jp"):
        pass


def test_threads_speak_side_by_side():
    both_inside, said = Barrier(2, timeout=30), {}

    def answer(lang):
        with speaking(lang):
            both_inside.wait()
            said[lang] = say("data.part.train")
            both_inside.wait()

    threads = [Thread(target=answer, args=(lang,)) for lang in WORDS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said == WORDS


def test_tasks_of_one_thread_speak_side_by_side():
    async def answer(lang, others):
        with speaking(lang):
            await others.wait()
            return say("data.part.train")

    async def all_answers():
        others = asyncio.Barrier(len(WORDS))
        return await asyncio.gather(*(answer(lang, others) for lang in WORDS))

    assert asyncio.run(all_answers()) == list(WORDS.values())


def test_in_a_report_only_who_is_asked_from_outside_takes_a_language():
    takes = {
        function.name
        for file in (SRC / "report").rglob("*.py")
        for function in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(function, ast.FunctionDef)
        and any(argument.arg == "lang" for argument in (*function.args.args, *function.args.kwonlyargs))
    }
    assert takes == {"write_html", "experiment_page", "run_page"}
