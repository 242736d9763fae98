import string

import pytest

from koubai import words
from koubai.words import LANGUAGES, areas, entries, language, say, set_language

LOCALE = ("KOUBAI_LANG", "LC_ALL", "LC_MESSAGES", "LANG")


@pytest.fixture
def no_locale(monkeypatch):
    for name in LOCALE:
        monkeypatch.delenv(name, raising=False)
    set_language(None)
    yield monkeypatch
    set_language(None)


def placeholders(text: str) -> set[str]:
    return {
        field.split(".")[0].split("[")[0]
        for _, field, _, _ in string.Formatter().parse(text)
        if field is not None
    }


FROM_DOCSTRINGS = {"parts"}  # areas without English


def faults(texts: dict[str, str], languages=LANGUAGES) -> list[str]:
    """What is wrong with the texts of one entry, language by language."""
    if set(texts) != set(languages):
        return [f"languages are {sorted(texts)}"]
    if not all(isinstance(text, str) and text.strip() for text in texts.values()):
        return ["a text is empty"]
    wanted = [placeholders(text) for text in texts.values()]
    found = ["languages have other placeholders"] if any(names != wanted[0] for names in wanted) else []
    # {} and {0} do not survive translation
    return [*found, "a placeholder has no name"] if any("" in names for names in wanted) else found


@pytest.mark.parametrize(
    "texts",
    [
        {"en": "one"},
        {"en": "one", "ja": " "},
        {"en": "{one}", "ja": "{two}"},
        {"en": "{}", "ja": "{}"},
    ],
)
def test_a_faulty_entry_is_seen(texts):
    assert faults(texts)


@pytest.mark.parametrize("area", areas())
def test_every_entry_has_every_language_with_the_same_placeholders(area):
    assert "" not in entries(area), f"words/{area}.toml: a text stands outside a table"
    languages = [lang for lang in LANGUAGES if lang != "en" or area not in FROM_DOCSTRINGS]
    assert {name: found for name, texts in entries(area).items() if (found := faults(texts, languages))} == {}


@pytest.mark.parametrize("area", areas())
def test_an_area_is_named_so_that_its_keys_can_be_split(area):
    assert area.isidentifier()
    assert entries(area)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "en"),
        ({"LANG": "ja_JP.UTF-8"}, "ja"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "ja_JP.UTF-8", "LC_MESSAGES": "C"}, "en"),
        ({"LANG": "C", "LC_ALL": "", "LC_MESSAGES": "ja_JP"}, "ja"),
        ({"LC_ALL": "ja_JP.eucJP", "LC_MESSAGES": "en_US"}, "ja"),
        ({"LC_ALL": "ja_JP.UTF-8", "KOUBAI_LANG": "en"}, "en"),
        ({"LANG": "en_US.UTF-8", "KOUBAI_LANG": "ja"}, "ja"),
    ],
)
def test_the_language_comes_from_the_environment_in_this_order(no_locale, environment, expected):
    for name, value in environment.items():
        no_locale.setenv(name, value)
    assert language() == expected


def test_a_language_set_wins_over_the_environment_until_unset(no_locale):
    no_locale.setenv("KOUBAI_LANG", "en")
    set_language("ja")
    assert say("data.part.train") == "訓練"
    assert say("data.part.train", lang="en") == "training"
    set_language(None)
    assert say("data.part.train") == "training"


def test_an_unknown_language_names_the_choices(no_locale):
    no_locale.setenv("KOUBAI_LANG", "fr")
    with pytest.raises(ValueError, match=r"KOUBAI_LANG: no language 'fr'; one of en, ja"):
        language()
    with pytest.raises(ValueError, match="one of en, ja"):
        set_language("jp")
    with pytest.raises(ValueError, match="one of en, ja"):
        say("data.part.train", lang="jp")


def test_unknown_keys_name_the_nearest():
    with pytest.raises(KeyError, match=r"unknown area of words 'dat'; did you mean 'data'\?"):
        say("dat.digest")
    with pytest.raises(KeyError, match=r"data\.toml 'dijest'; did you mean 'digest'\?"):
        say("data.dijest")
    with pytest.raises(KeyError, match=r"data\.toml ''"):
        say("data")


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0 problems in"), (1, "1 problem in"), (1.0, "1.0 problem in"), (2, "2 problems in")],
)
def test_a_word_behind_a_number_follows_it(count, said):
    assert say("cli.error.problems", lang="en", count=count).startswith(said)
    assert f"{count} 件" in say("cli.error.problems", lang="ja", count=count)


def test_a_missing_value_names_key_and_placeholder_and_extra_values_are_ignored():
    with pytest.raises(KeyError, match=r"data\.digest: no value for \{sha256\}"):
        say("data.digest")
    assert say("data.digest", lang="en", sha256="ab", unused=2) == "SHA-256 of all arrays: ab"


def test_tables_in_tables_have_dotted_names():
    found: dict[str, dict[str, str]] = {}
    words._collect(
        {"a": {"en": "x", "ja": "y", "b": {"en": "p", "ja": "q"}}, "c": {"d": {"en": "r"}}}, "", found
    )
    assert found == {"a": {"en": "x", "ja": "y"}, "a.b": {"en": "p", "ja": "q"}, "c.d": {"en": "r"}}
