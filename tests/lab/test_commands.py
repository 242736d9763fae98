"""koubai run, demo, new, check, course as a user types them."""

import json

import pytest

from koubai.cli.main import main
from koubai.words import set_language


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KOUBAI_LANG", "en")
    yield tmp_path
    set_language(None)


def test_new_writes_a_file_that_checks_and_runs_and_never_overwrites(here, capsys):
    assert main(["new", "mine"]) == 0
    text = (here / "mine.toml").read_text()
    assert "koubai check mine.toml" in text
    assert main(["check", "mine.toml", "--threads", "2"]) == 0
    said = capsys.readouterr().out
    assert "2 arms x 6 seeds = 12 runs, about" in said
    assert "on 2 threads" in said
    assert main(["new", "mine"]) == 2
    assert (here / "mine.toml").read_text() == text
    assert "stays as it is" in capsys.readouterr().err
    words = ["run", "mine.toml", "--seeds", "2", "--steps", "20", "--threads", "1", "--json"]
    assert main(words) == 0
    printed = json.loads(capsys.readouterr().out)
    assert [arm["name"] for arm in printed["arms"]] == ["sgd", "adam"]
    arm = printed["arms"][1]
    assert arm["factors"] == {"optimizer": "adam"}
    assert set(arm["test_accuracy"]) >= {"mean", "low", "high", "per_seed"}
    assert len(arm["test_accuracy"]["per_seed"]) == 2
    assert 0 <= arm["train_accuracy"] <= 1
    assert list(arm["gradient_at_start"]) == ["1", "3", "5"]
    assert printed["verdicts"][0]["outcome"] == "cannot tell yet"
    assert (here / "koubai-runs" / "mine" / "report.html").exists(), "a file's runs lie under its name"


def test_new_speaks_japanese(here):
    assert main(["new", "--lang", "ja"]) == 0
    assert "実験ファイル" in (here / "experiment.toml").read_text()


def test_check_tells_every_mistake_and_estimates_nothing(here, capsys):
    main(["new", "mine"])
    broken = (here / "mine.toml").read_text().replace("seeds", "seedz").replace("mlp", "mpl")
    (here / "mine.toml").write_text(broken)
    assert main(["check", "mine.toml"]) == 2
    err = capsys.readouterr().err
    assert "did you mean 'seeds'?" in err
    assert "did you mean 'mlp'?" in err


def test_a_catalogue_run_with_everything_overridden(here, capsys):
    words = ["run", "first-net", "--data", "digits", "--seeds", "1", "--steps", "3", "--threads", "1"]
    words += ["--vary", "batch_size=10,20", "--engine", "reference", "--out", "out", "--json"]
    assert main(words) == 0
    printed = json.loads(capsys.readouterr().out)
    assert [arm["name"] for arm in printed["arms"]] == [
        "no hidden layer, batch_size 10",
        "no hidden layer, batch_size 20",
        "one hidden layer, batch_size 10",
        "one hidden layer, batch_size 20",
    ]
    assert printed["environment"]["engine"] == "reference"
    assert (here / "out" / "report.html").read_text(encoding="utf-8").startswith("<!")
    assert json.loads((here / "out" / "result.json").read_text())["experiment"] == "first-net-digits"


def test_plain_output_has_question_table_verdict_and_report(here, capsys):
    words = ["run", "first-net", "--seeds", "2", "--steps", "3", "--threads", "1", "--plain"]
    assert main(words) == 0
    captured = capsys.readouterr()
    assert "How well does a network with one hidden layer" in captured.out
    assert "Cannot tell yet" in captured.out
    assert "Report: koubai-runs/first-net-digits/report.html" in captured.out
    assert "\x1b" not in captured.out
    assert "4 of 4 runs" in captured.err
    assert main([*words, "--lang", "ja"]) == 0
    assert "まだ判断できません" in capsys.readouterr().out


def test_the_demo_is_the_main_job(here, capsys):
    assert main(["demo", "--seeds", "1", "--threads", "1", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert len(printed["arms"]) == 9
    stuck = next(arm for arm in printed["arms"] if arm["name"] == "sigmoid + normal .01")
    right = next(arm for arm in printed["arms"] if arm["name"] == "ReLU + He")
    assert stuck["collapsed"] == 1
    assert right["test_accuracy"]["mean"] > 0.9
    first, last = (list(stuck["gradient_at_start"].values())[i] for i in (0, -1))
    assert first < last / 10_000
    doctor = printed["doctor"]
    assert doctor["arm"] == "sigmoid + normal .01"
    assert doctor["findings"][0]["name"] == "vanishing_gradient"
    against = {row["rival"]: row for row in doctor["proof"]["comparisons"]}
    assert against["unchanged"]["low"] > 0.5, "the remedy works; whether it beats luck is the doctor's to say"


def test_without_a_name_the_catalogue_is_listed(capsys):
    assert main(["run", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert {"vanishing-gradient", "valley", "alexnet"} <= {item["name"] for item in listed}
    assert all(item["question"] for item in listed)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["run", "vanishing-gradent"], "did you mean 'vanishing-gradient'?"),
        (["run", "nowhere.toml"], "nowhere.toml"),
        (["run", "first-net", "--data", "mnis"], "did you mean 'mnist'?"),
        (["run", "first-net", "--steps", "-1"], "at least 0"),
        (["run", "first-net", "--threads", "-1"], "threads >= 1"),
        (["run", "first-net", "--threads", "0"], "threads >= 1"),
        (["run", "first-net", "--seeds", "99999999999"], "<= 100000"),
        (["run", "first-net", "--vary", "batch_sise=1"], "did you mean 'batch_size'?"),
        (["run", "first-net", "--engine", "nativ"], "did you mean 'native'?"),
    ],
)
def test_mistakes_are_answered_with_what_would_fit(words, expected, capsys):
    assert main(words) == 2
    captured = capsys.readouterr()
    assert expected in captured.err + captured.out


def test_the_course_prints_its_table(monkeypatch, capsys):
    monkeypatch.setattr("koubai.lab.replay.EXPERIMENTS", ())
    assert main(["course", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    arms = ["SGD .95", "Momentum .1", "AdaGrad 1.5", "Adam .3", "RMSProp .1", "RMSProp .3"]
    assert [row["arm"] for row in rows] == arms
    assert all(row["inside"] for row in rows)
    assert main(["course", "--plain"]) == 0
    out = capsys.readouterr().out
    assert "6 of 6 checks of our own are right to rounding." in out
    assert "quoted numbers" not in out, "a check is no number that somebody else measured"


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"\0" * 300_000, "larger than"), (b"\xff\xfe", "UTF-8"), (b"word", "not TOML"), (b"", "recipe")],
    ids=["huge", "no text", "no TOML", "empty"],
)
def test_a_hostile_experiment_file_is_one_clear_error(here, capsys, content, expected):
    (here / "odd.toml").write_bytes(content)
    assert main(["run", "odd.toml"]) == 2
    captured = capsys.readouterr()
    assert "odd.toml" in captured.err
    assert expected in captured.err
    assert captured.out == ""
