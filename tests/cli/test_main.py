"""The command line as a whole: help, languages, mistakes, codes."""

import importlib
import inspect
import json
import re
import subprocess
import sys
import warnings
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from koubai.cli import main as main_module
from koubai.cli import usage
from koubai.cli.failures import warnings_in_words
from koubai.cli.main import COMMANDS
from koubai.engines import choose
from koubai.layers import Dropout
from koubai.words import LANGUAGES, say, speaking
from koubai.words.part import about
from koubai.words.phrase import phrase

WORDS = {"where": "場所", "expected": "期待", "hint": "対処"}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_table_is_there_with_a_line_in_every_language(name):
    target, line = COMMANDS[name]
    module, function = target.split(":")
    assert callable(getattr(importlib.import_module(module), function))
    assert len({say(line, lang=lang) for lang in LANGUAGES}) == len(LANGUAGES)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_help_lists_every_command_in_the_reader_s_language(koubai, lang):
    shown = " ".join(koubai("--lang", lang, "--plain", "--help").out.split())
    assert koubai.code == 0
    for name, (_, line) in COMMANDS.items():
        assert f"{name}: {say(line, lang=lang)}" in shown or say(line, lang=lang) in shown
    assert say("cli.help.top", lang=lang) in shown


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(koubai, name, lang):
    koubai(name, "--help", "--lang", lang)
    assert koubai.code == 0
    assert say("cli.help.everywhere", lang=lang)[:20] in koubai.out


def test_without_a_command_there_is_help(koubai):
    assert "koubai COMMAND" in koubai().out
    assert koubai.code == 0


def test_the_version_is_the_package_s(koubai):
    from importlib.metadata import version

    assert koubai("--version").out.strip() == version("koubai")


MISTAKES = {
    ("prats",): ("no command 'prats'", "did you mean koubai parts?"),
    ("qqqq",): ("no command 'qqqq'", "koubai --help"),
    ("parts", "--kidn", "x"): ("no option --kidn", "did you mean --kind?"),
    ("parts", "layer", "model"): ("more arguments", "koubai parts --help"),
    ("train",): ("RECIPE: give a recipe, or a table", "koubai train --help"),
    ("train", "digits.toml", "--out", "half\ud800"): ("not a valid file name", "half"),
    ("run", "shortcuts", "--out", "null\0"): ("not a valid file name", "null"),
    ("train", "digits.toml", "--steps", "many"): ("--steps cannot have this value", "koubai train --help"),
    ("parts", "lyer"): ("unknown kind of part 'lyer'", "did you mean 'layer'?"),
    ("summary", "alexnt"): ("unknown model 'alexnt'", "did you mean 'alexnet'?"),
    ("summary", "alexnet", "--input", "3xq"): ("problem", "3x227x227"),
    ("summary", "alexnet", "--input", "3x10x10"): ("layer 0 (Conv2d)", "a window of at most 10"),
    ("resume", "nowhere"): ("there is no run here", "a folder with run.json"),
    ("train", "digit.toml"): ("there is no such file", "did you mean 'digits.toml'?"),
    ("train", "digits.toml", "--engine", "natve"): ("unknown engine", "did you mean 'native'?"),
    ("train", "digits.toml", "--threads", "-1"): ("needs threads", "threads >= 1"),
    ("parts", "--lang", "fr"): ("no language 'fr'", "en | ja"),
}


@pytest.mark.parametrize("words", MISTAKES, ids=" ".join)
def test_a_mistake_is_told_once_with_what_to_try(koubai, words):
    message, advice = MISTAKES[words]
    koubai(*words)
    assert koubai.code == 2
    assert message in koubai.err
    assert advice in koubai.err
    assert "Traceback" not in koubai.err
    assert koubai.err.count("error: ") == 1
    assert koubai.out == ""


def test_labels_of_an_error_are_in_the_reader_s_language(koubai):
    koubai("summary", "alexnt", "--lang", "ja")
    assert koubai.err.startswith("エラー: ")
    assert WORDS["expected"] in koubai.err
    assert WORDS["hint"] in koubai.err
    assert WORDS["where"] in koubai("resume", "nowhere", "--lang=ja").err


def test_errors_are_json_for_programs(koubai):
    error = json.loads(koubai("summary", "alexnt", "--json").out)["error"]
    assert koubai.code == 2
    assert error["hint"] == "did you mean 'alexnet'?"
    Path("bad.toml").write_text("steps = -1\nstepz = 2\n")
    error = json.loads(koubai("--json", "train", "bad.toml").out)["error"]
    assert [(problem["path"], problem["line"]) for problem in error["problems"]] == [
        *(("network", None), ("data", None)),
        *(("steps", 1), ("stepz", 2)),
    ]


def test_mistakes_in_a_file_are_listed_with_their_lines(koubai):
    Path("bad.toml").write_text('data = "digit"\nnetwork = "relu"\nsteps = -1\n')
    koubai("train", "bad.toml", "--lang", "ja")
    assert "問題が 2 件" in koubai.err
    assert "1 行目  data: 'digit' というデータセットはありません" in koubai.err
    assert "対処: 'digits' のことですか?" in koubai.err
    assert "3 行目  steps: 0 以上の整数が必要ですが、-1 になっています" in koubai.err


def test_a_language_in_the_environment_that_nobody_speaks_is_no_crash(koubai, monkeypatch):
    monkeypatch.setenv("KOUBAI_LANG", "fr")
    assert say("cli.help.top", lang="en") in koubai("--help").out


def test_the_environment_chooses_the_language(koubai, monkeypatch):
    monkeypatch.setenv("LANG", "ja_JP.UTF-8")
    assert say("cli.help.top", lang="ja") in koubai("--help").out


def test_global_options_stand_anywhere_but_not_behind_a_lone_dash(koubai):
    assert main_module._take_globals(["--json", "a", "--", "--json", "--lang"]) == [
        "a",
        "--",
        "--json",
        "--lang",
    ]
    assert main_module._take_globals(["a", "--lang", "ja", "b", "--plain"]) == ["a", "b"]


def test_ctrl_c_is_130(koubai, monkeypatch):
    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr("koubai.cli.commands.models.models", interrupt)
    koubai("models")
    assert koubai.code == 130
    assert "Traceback" not in koubai.err


def test_a_system_error_names_the_file(koubai, monkeypatch):
    def refuse():
        raise PermissionError(13, "Permission denied", "secret.txt")

    monkeypatch.setattr("koubai.cli.commands.models.models", refuse)
    koubai("models")
    assert koubai.code == 2
    assert koubai.err.startswith("error: no permission to read or write here\n  where: secret.txt\n  try: ")


def test_a_reader_who_has_seen_enough_is_no_error():
    pipe = subprocess.Popen(
        [sys.executable, "-m", "koubai.cli.main", "parts", "--plain"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    pipe.stdout.readline()
    pipe.stdout.close()
    errors = pipe.stderr.read()
    assert pipe.wait(timeout=60) == 0
    assert errors == ""


def loaded_by(code):
    """Return which numerical libraries a piece of code loads in a fresh process."""
    heavy = (
        "{'numpy', 'pydantic', 'plotly.graph_objects', 'scipy', 'numba', 'torch', 'rich.markdown', 'tomlkit'}"
    )
    script = f"import sys; {code}; print(*sorted({heavy} & set(sys.modules)), file=sys.stderr)"
    words = [sys.executable, "-c", script]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=True).stderr.split()


def test_help_waits_for_no_numerical_library():
    assert loaded_by("from koubai.cli.main import main; main(['--help'])") == []


def test_importing_koubai_loads_next_to_nothing():
    assert loaded_by("import koubai") == []


def test_an_experiment_with_nothing_left_to_train_waits_for_no_engine(koubai, tmp_path):
    words = ["run", "optimizer-rates", "--steps", "2", "--seeds", "1", "--out", str(tmp_path)]
    koubai(*words)
    assert koubai.code == 0
    again = f"from koubai.cli.main import main; main({[*words, '--plain']})"
    assert not {"numba", "torch", "pydantic", "tomlkit", "plotly.graph_objects"} & set(loaded_by(again))


@pytest.mark.parametrize(
    ("lang", "text", "said"),
    [
        ("en", "data = 'digits'\nnetwork = ['relu']\nlyer = 1", "error: 1 problem in this configuration"),
        (
            "en",
            "data = 'digits'\nnetwork = ['relu']\nlyer = 1\nsteqs = 2",
            "error: 2 problems in this configuration",
        ),
        (
            "ja",
            "data = 'digits'\nnetwork = ['relu']\nlyer = 1\nsteqs = 2",
            "エラー: この設定には問題が 2 件あります",
        ),
    ],
)
def test_problems_are_counted_as_one_says_it(koubai, tmp_path, lang, text, said):
    (tmp_path / "bad.toml").write_text(text)
    koubai("train", "bad.toml", "--lang", lang)
    assert koubai.err.startswith(f"{said}\n")


@pytest.mark.parametrize(("lang", "said"), [("en", "there is no such file"), ("ja", "そのようなファイル")])
def test_a_missing_file_is_told_in_the_reader_s_language(koubai, lang, said):
    koubai("train", "qqqqqqqqqqqq.toml", "--lang", lang)
    assert said in koubai.err
    assert "No such file" not in koubai.err


@pytest.mark.parametrize("name", COMMANDS)
def test_no_word_of_japanese_help_is_the_parser_s_own(koubai, name):
    koubai(name, "--help", "--lang", "ja", "--plain")
    assert not re.search(
        r"Usage|Arguments|Parameters|default|required|env var|choices|InlineText", koubai.out
    )
    assert koubai.out.startswith("使い方: koubai")


def test_help_tells_defaults_choices_and_variables(koubai):
    koubai("doctor", "--help", "--plain", "--lang", "en")
    assert "[choices: info, warn, severe, unseen] [default: warn]" in koubai.out
    assert "[env var: KOUBAI_DATA]" in koubai.out
    assert "[required]" in koubai.out
    assert "False" not in koubai.out


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_warning_of_koubai_is_one_line_in_the_reader_s_language(koubai, monkeypatch, lang):
    refusal = phrase("native_engine_needs", package="numba", command="pip install numba")
    monkeypatch.setattr(choose, "why_not_native", lambda: refusal)
    choose._warn_once.cache_clear()
    koubai("train", "digits.toml", "--steps", "2", "--lang", lang)
    assert koubai.code == 0
    (line,) = (line for line in koubai.err.splitlines() if "numba" in line)
    why = refusal.say(lang)
    assert (
        line
        == f"{say('cli.error.warning', lang=lang)}: {say('engines.reference_instead', lang=lang, why=why)}"
    )
    assert ".py" not in koubai.err
    choose._warn_once.cache_clear()


def test_a_warning_of_others_takes_its_own_way(capsys):
    with pytest.warns(UserWarning, match="theirs"), warnings_in_words():
        warnings.warn("theirs", UserWarning, stacklevel=1)
    assert not capsys.readouterr().err


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_schema_describes_parts_in_the_reader_s_language(koubai, lang):
    parts = json.loads(koubai("schema", "--lang", lang).out)["$defs"]
    with speaking(lang):
        assert parts["Dropout"]["description"] == about("dropout", Dropout.__doc__)
    assert parts["Clipping"]["description"]


@pytest.mark.parametrize(
    ("typed", "meant"), [("experiments", "run"), ("watch", "doctor"), ("trian", "train")]
)
def test_a_command_that_is_not_leads_to_the_one_that_is(koubai, typed, meant):
    assert f"did you mean koubai {meant}?" in koubai(typed, "x").err
    assert koubai.code == 2


def test_the_words_of_other_tools_are_no_commands_and_lead_to_some():
    assert not set(usage._MEANT) & set(COMMANDS)
    assert set(usage._MEANT.values()) <= set(COMMANDS)


def test_a_name_is_never_broken_in_a_narrow_terminal(koubai, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    for line in ("batch-normalization-scales", "vanishing-gradient"):
        assert line in koubai("run").out


def test_no_command_rounds_what_should_be_a_whole_number(koubai):
    asked = []
    for command, (target, _) in COMMANDS.items():
        module, _, function = target.partition(":")
        called = getattr(importlib.import_module(module), function)
        needed = ["x" for p in inspect.signature(called).parameters.values() if p.default is p.empty]
        for name, hint in get_type_hints(called).items():
            if name != "return" and int in (hint, *get_args(hint)):
                koubai(command, *needed, f"--{name.replace('_', '-')}", "2.5")
                asked.append((command, name, koubai.code, "got: 2.5" in koubai.err))
    assert ("run", "seeds", 2, True) in asked
    assert [found for found in asked if found[2:] != (2, True)] == []


@pytest.mark.parametrize(
    ("words", "expected", "tried"),
    [
        (("train", "digits.toml", "--threads", "two"), "auto, 1, 2, ...", "koubai train --help"),
        (("train", "digits.toml", "--steps", "1.5"), "a whole number", "koubai train --help"),
        (("run", "valley", "--seeds", "1.5"), "a whole number", "koubai run --help"),
        (("doctor", "digits.toml", "--budget", "x"), "a number", "koubai doctor --help"),
        (
            ("doctor", "digits.toml", "--fail-on", "sever"),
            "info, warn, severe, unseen",
            "did you mean severe?",
        ),
    ],
)
def test_a_value_of_another_kind_is_told_what_was_expected(koubai, words, expected, tried):
    koubai(*words)
    assert koubai.code == 2
    assert f"expected: {expected}\n  got: {words[-1]}\n  try: {tried}" in koubai.err
