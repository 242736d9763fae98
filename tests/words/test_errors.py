"""Errors are told whole, in either language, wherever they come from."""

import errno
import os
import pickle
import re
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

import koubai as kb
from koubai.core.errors import ConfigError, KoubaiError, Problem, ShapeError, UnknownName, UnknownSetting
from koubai.core.memory import require_memory
from koubai.lab.perform.store import Store
from koubai.train.recipe_file import read_recipe
from koubai.words.phrase import Phrase, catalog, composed, joined, phrase, term, told
from koubai.words.system import advice, reason

JAPANESE = re.compile(r"[ぁ-んァ-ヶ一-龠]")
# What is code or a name in every language, and so no English sentence.
CODE = re.compile(
    r"(?:pip|apt) install \S+|koubai [a-z]+ [^、。）]*|'[^']*'|\"[^\"]*\"|\([^()]*\)|（[^（）]*）|\[[^\]]*\]"
)


def english_in(text: str) -> bool:
    """Return whether three English words follow each other, outside of code in brackets and quotes."""
    return re.search(r"(?:\b[A-Za-z][a-z]+\b[ ,;:]+){2}[A-Za-z][a-z]+\b", CODE.sub(" ", text)) is not None


def raised(call) -> KoubaiError:
    with pytest.raises(KoubaiError) as caught:
        call()
    return caught.value


def too_large() -> KoubaiError:
    parts = ("parameters", "gradients", "optimizer state", "activations", "workspace", "data")
    return raised(lambda: require_memory({part: 10**20 + i for i, part in enumerate(parts)}, "network"))


def misfit() -> KoubaiError:
    return raised(lambda: kb.Network(kb.Sequential(kb.ReLU(), kb.Conv2d(4, 9)), (1, 3, 3)).out_shape)


def several_problems() -> ConfigError:
    return raised(
        lambda: kb.Recipe.from_toml(
            "[network]\ntype='rleu'\n[data]\ntype='digits'\n[optimizer]\ntype='sgd'\nlearning_rate='x'\n"
        )
    )


def test_japanese_says_no_english_sentence():
    assert [key for key, texts in catalog().items() if english_in(texts["ja"])] == []


def test_an_error_says_where_what_was_expected_what_came_and_what_to_try():
    error = misfit()
    assert str(error).split("\n") == [
        "layer 1 (Conv2d): the window does not fit the height",
        "  expected: floor((3 + 2*0 - 1*(9 - 1) - 1) / 1) + 1 >= 1",
        "  got:      -5, for an input of 3 x 3",
        "  try:      a window of at most 3, or padding of at least 3",
    ]
    assert error.say("ja").split("\n") == [
        "層 1 (Conv2d): フィルタやプーリングの窓が、入力の高さに収まりません",
        "  期待: floor((3 + 2*0 - 1*(9 - 1) - 1) / 1) + 1 >= 1",
        "  実際: -5（入力 3 x 3）",
        "  対処: 窓を 3 以下にするか、パディングを 3 以上にしてください",
    ]
    assert error.key == "window_does_not_fit"
    assert error.values == {"axis": "height", "positions": -5, "shape": "3 x 3"}


def test_all_problems_of_a_configuration_are_told_in_either_language():
    error = several_problems()
    assert str(error).split("\n") == [
        "recipe: 2 problems",
        "  line 1: network: unknown layer 'rleu' (did you mean 'relu'?)",
        "  line 7: optimizer.learning_rate: expected a number, got 'x'",
    ]
    assert error.say("ja").split("\n") == [
        "recipe: 問題 2 件",
        "  1 行目: network: 'rleu' という層はありません（'relu' のことですか?）",
        "  7 行目: optimizer.learning_rate: 数が必要ですが、'x' になっています",
    ]
    assert str(ConfigError("x", error.problems[:1])).startswith("x: 1 problem\n")


def test_lists_are_told_in_the_words_of_the_language():
    error = too_large()
    assert re.fullmatch(r"600 EB in all: data 100 EB, workspace 100 EB, .*, parameters 100 EB", error.got)
    assert re.fullmatch(
        r"合計 600 EB: データ 100 EB、作業領域 100 EB、.*、パラメータ 100 EB", told(error.got, "ja")
    )


@pytest.mark.parametrize("make", [too_large, misfit, several_problems])
def test_an_error_comes_through_a_pickle_as_it_was(make):
    error = make()
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert vars(again) == vars(error)
    assert [again.say(lang) for lang in ("en", "ja")] == [error.say(lang) for lang in ("en", "ja")]
    assert not english_in(again.say("ja"))


def test_an_error_comes_out_of_another_process():
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        error = raised(pool.submit(misfit_of_shape).result)
    assert type(error) is UnknownName
    assert error.nearest == "relu"
    assert (
        error.say("ja")
        == "'rleu' という層はありません\n  期待: relu, tanh のいずれか\n  対処: 'relu' のことですか?"
    )


def misfit_of_shape() -> None:
    raise UnknownName("layer", "rleu", ["relu", "tanh"])


def test_a_name_of_another_kind_is_told_with_the_kind_as_it_is():
    error = UnknownName("gadget", "x", ["y"])
    assert error.message == "unknown gadget 'x'"
    assert told(error.message, "ja") == "'x' というgadgetはありません"


def test_a_setting_that_a_class_lacks_names_the_nearest():
    error = UnknownSetting("SGD", "lr", ["learning_rate"])
    assert error.say("ja").split("\n")[0] == "SGD に 'lr' という設定はありません"
    assert error.hint == "did you mean 'learning_rate'?"
    assert UnknownSetting("ReLU", "lr", []).say("en") == "ReLU has no setting 'lr'"


# ------------------------------------------------------------------------------------- texts of somebody else


def test_a_free_text_is_told_as_it_is():
    error = ShapeError("my layer wants squares", where="mine", expected=(3, 3), got=(3, 4), hint="crop it")
    assert (
        str(error)
        == "mine: my layer wants squares\n  expected: (3, 3)\n  got:      (3, 4)\n  try:      crop it"
    )
    assert error.say("ja") == "mine: my layer wants squares\n  期待: (3, 3)\n  実際: (3, 4)\n  対処: crop it"
    assert (error.key, error.expected, error.got) == (None, (3, 3), (3, 4))
    assert str(ShapeError("oops")) == "oops"


def test_a_free_text_takes_no_values():
    with pytest.raises(TypeError, match="no error 'my text' in words/errors"):
        ShapeError("my text", size=3)


def test_braces_and_quotes_of_a_value_are_told_as_they_came():
    error = UnknownName("layer", "{0}\n'%s'", ["relu"])
    assert repr("{0}\n'%s'") in error.say("ja")
    assert repr("{0}\n'%s'") in str(error)


def test_what_python_says_stays_english_behind_a_line_of_ours(tmp_path):
    file = tmp_path / "recipe.toml"
    file.write_text("steps = [1,")
    problem = raised(lambda: read_recipe(file)).problems[0]
    assert problem.message.startswith("not TOML: ")
    assert told(problem.message, "ja").startswith("TOML として読めません: ")


def test_what_the_system_refuses_is_told_in_the_language(tmp_path, monkeypatch):
    monkeypatch.setenv("KOUBAI_LANG", "ja")
    (tmp_path / "file").write_text("in the way")
    error = raised(Store(tmp_path / "file").check)
    assert error.message == "cannot write here: a part of this path is a file, not a folder"
    assert told(error.message) == "ここに書き込めません: このパスの途中がフォルダではなくファイルです"
    missing = raised(lambda: read_recipe(tmp_path / "none.toml")).problems[0]
    assert missing.message == "there is no such file or folder"
    assert told(missing.message) == "そのようなファイルやフォルダはありません"
    assert told(missing.hint).startswith("綴りと、今いるフォルダを確かめてください: ")


@pytest.mark.parametrize("number", errno.errorcode)
def test_what_the_catalog_does_not_know_is_told_as_the_system_says_it(number):
    error = OSError(number, os.strerror(number))
    assert str(reason(error)) == told(reason(error), "en")
    if advice(error) is None:
        assert reason(error) == os.strerror(number)
    else:
        assert JAPANESE.search(told(reason(error), "ja"))
        assert JAPANESE.search(told(advice(error), "ja"))


# --------------------------------------------------------------------------------------------------- phrases


def test_a_phrase_is_its_english_text_and_is_said_in_japanese():
    height = term("axis", "height")
    whole = phrase("window_does_not_fit", axis=height)
    assert whole == "the window does not fit the height"
    assert whole.say("ja") == "フィルタやプーリングの窓が、入力の高さに収まりません"
    assert pickle.loads(pickle.dumps(whole)).say("ja") == whole.say("ja")
    assert isinstance(whole, Phrase)
    assert term("axis", "depth") == told("depth", "ja") == "depth"


def test_an_error_is_a_value_of_a_phrase():
    inner = ShapeError("no_such_folder")
    assert phrase("at", where="x", problem=inner).say("ja").startswith("x: そのようなフォルダはありません")


def test_phrases_are_put_together_in_each_language():
    items = [term("axis", "height"), 3]
    assert joined(items) == "height, 3"
    assert joined(iter(items), "or").say("ja") == "高さか3"
    assert composed(lambda lang: lang).say("ja") == "ja"


def test_a_key_that_is_not_there_or_a_value_that_lacks_is_an_error_of_the_program():
    with pytest.raises(KeyError, match="no_such_key_at_all"):
        phrase("no_such_key_at_all")
    with pytest.raises(KeyError, match=r"window_does_not_fit: no value for \{axis\}"):
        phrase("window_does_not_fit")


def test_a_problem_names_its_line_its_place_and_what_to_try():
    problem = Problem("a.b", phrase("no_such_folder"), 3, "x")
    assert (str(problem), problem.say("ja")) == (
        "line 3: a.b: no such folder (x)",
        "3 行目: a.b: そのようなフォルダはありません（x）",
    )
    assert str(Problem("", "text")) == "text"


def test_a_value_is_kept_as_text_where_it_would_hold_on_to_something():
    error = KoubaiError("cannot_read_this_file", why=np.zeros(2))
    assert error.values == {"why": "[0. 0.]"}


def test_no_words_of_errors_are_read_before_one_is_made():
    code = "import koubai; from koubai.words.phrase import catalog; print(catalog.cache_info().currsize)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"
