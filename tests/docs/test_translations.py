"""The documentation is whole in Japanese: every sentence is there, with the same numbers, code and links."""

import runpy
import sys

import pytest

from support.docs import DOCS, within_docs


@pytest.fixture(scope="module")
def module():
    with within_docs():
        import languages
        import translations

        translations.languages = languages
    return translations


@pytest.fixture(scope="module")
def pages(module):
    return module.collect()


def test_every_page_is_collected(module, pages):
    names = {file.relative_to(DOCS).with_suffix("").as_posix() for file in DOCS.rglob("*.md")}
    written = {name for name in names if not name.startswith("generated/")}
    assert set(pages) - {"docstrings"} | set(module.languages.ONE_LANGUAGE) == written
    files = {
        file.relative_to(module.JAPANESE).with_suffix("").as_posix() for file in module.JAPANESE.rglob("*.po")
    }
    assert files - {"sphinx"} == set(pages)


def test_every_sentence_has_a_translation_of_what_it_says_now(module, pages):
    """`scripts/translations` brings the files to the pages, and names what is left to do."""
    wrong = {}
    for page, messages in pages.items():
        kept = module.catalog(page)
        held = [message.id for message in kept if message.id]
        assert held == messages, f"{page}: run scripts/translations"
        assert not kept.obsolete
        for message in messages:
            told = kept[message]
            if found := ["fuzzy"] if told.fuzzy else module.faults(message, told.string):
                wrong[page, message] = found
    assert not wrong


@pytest.mark.parametrize(
    ("english", "japanese", "fault"),
    [
        ("It takes 5 steps.", "", "no translation"),
        ("It takes 5 steps.", "6 ステップかかります。", "missing: 5.0"),
        ("It takes steps.", "6 ステップかかります。", "has not: [6.0]"),
        ("It takes .5 s.", "0.05 s かかります。", "missing: 0.5"),
        ("Call `koubai run`.", "`koubai runs` を呼びます。", "code: koubai run in English only"),
        ("See [this](a.md).", "[これ](b.md)をご覧ください。", "links: a.md in English only"),
        ("**So it is.**", "**「そうです」**と言います。", "emphasis: ** in English only"),
        ("It is $x + 1$.", "$x + 2$ です。", "formulas"),
        ("Nothing of this was put into any other language.", "Nothing of this was.", "not Japanese"),
        ("It takes time (much).", "時間(多く)がかかります。", "beside Japanese"),
        ("run a  # why\nrun b\n", "run a  # 理由\nrun c\n", "code differs"),
    ],
)
def test_what_a_translation_gets_wrong_is_seen(module, english, japanese, fault):
    assert fault in "; ".join(module.faults(english, japanese))


@pytest.mark.parametrize(
    ("english", "japanese"),
    [
        ("It takes five steps, half a second each.", "1 つ 0.5 秒の更新を 5 回行います。"),
        ("Of two million numbers 60,000 are .5.", "200 万個の数のうち 60000 個が 0.5 です。"),
        ("![A page](page-en.png)", "![ページ](page-ja.png)"),
        ("run a  # why\nrun b\n", "run a  # 理由\nrun b\n"),
        ("See `a` and [this](b.md).", "[これ](b.md)と `a` をご覧ください。"),
    ],
)
def test_what_says_the_same_passes(module, english, japanese):
    assert module.faults(english, japanese) == []


def test_code_and_numbers_alone_need_no_translation(module):
    assert not any(map(module.needed, ["0.25 ms", "`koubai run`", "$x + y$", "koubai run\n", "1.2 GB"]))
    assert all(map(module.needed, ["on time", "koubai run  # all of them\n"]))


def test_a_sentence_that_changes_keeps_its_translation_as_one_to_mend(module, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "JAPANESE", tmp_path)
    monkeypatch.setattr(module.languages, "JAPANESE", tmp_path)
    module.update("page", ["A network learns in 5 steps.", "It goes away."])
    file = tmp_path / "page.po"
    translated = file.read_text(encoding="utf-8").replace(
        'msgstr ""\n\nmsgid "It', 'msgstr "学習します。"\n\nmsgid "It'
    )
    file.write_text(translated, encoding="utf-8")
    kept = module.update("page", ["New.", "A network learns in 6 steps."])
    assert [message.id for message in kept if message.id] == ["New.", "A network learns in 6 steps."]
    again = module.catalog("page")["A network learns in 6 steps."]
    assert again.fuzzy
    assert again.string == "学習します。"
    assert '#| msgid "A network learns in 5 steps."' in file.read_text(encoding="utf-8")
    assert "goes away" not in file.read_text(encoding="utf-8")


def test_what_is_looked_up_in_japanese_is_found_wherever_it_stands(module):
    splitter = module.languages.Japanese({})
    index = {
        splitter.stem(word)
        for word in splitter.split("深い層の勾配消失を ReLU で防ぎます")
        if splitter.word_filter(word)
    }
    for query in ("勾配消失", "消失", "層", "relu"):
        run = (
            [query[i : i + 2] for i in range(len(query) - 1)]
            if len(query) > 1 and query != "relu"
            else [query]
        )
        assert set(run) <= index
    assert "の" not in index


def test_the_command_names_what_is_left_and_ends_with_1_until_nothing_is(
    module, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(sys, "path", [*sys.path])  # the command adds its folder
    command = runpy.run_path(str(DOCS.parent / "scripts/translations"))["main"]
    monkeypatch.setattr(module, "JAPANESE", tmp_path)
    monkeypatch.setattr(module.languages, "JAPANESE", tmp_path)
    monkeypatch.setitem(command.__globals__, "collect", lambda: {"page": ["It is so.", "It is 5."]})
    assert command([]) == 1
    assert "page.po: no translation" in capsys.readouterr().out
    file = tmp_path / "page.po"
    text = file.read_text(encoding="utf-8").replace(
        '"It is so."\nmsgstr ""', '"It is so."\nmsgstr "そうです。"'
    )
    file.write_text(text.replace('"It is 5."\nmsgstr ""', '"It is 5."\nmsgstr "6 です。"'), encoding="utf-8")
    assert command([]) == 1
    told = capsys.readouterr().out
    assert "missing: 5.0" in told
    assert "It is so" not in told
    file.write_text(file.read_text(encoding="utf-8").replace("6 です", "5 です"), encoding="utf-8")
    assert command([]) == 0
    assert command(["another"]) == 0
