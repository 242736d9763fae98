import json
from dataclasses import replace

import pytest

from koubai.cli.main import main
from koubai.cli.output import style
from koubai.lab.order import Order
from koubai.words import set_language

EXPERIMENT = """\
name = "two-rates"
question = "Which rate?"
seeds = 2
[recipe]
data = "digits"
steps = 20
batch_size = 20
network = ["flatten", { type = "linear", out_features = 8 }, "relu", { type = "linear", out_features = 10 }]
[axes.rate]
path = "optimizer.learning_rate"
values = [0.01, 0.1]
"""


@pytest.fixture
def koubai(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def call(*words):
        code = main([str(word) for word in words])
        return code, *capsys.readouterr()

    yield call
    set_language(None)
    style.json = style.plain = False


def test_a_run_folder_gets_its_report(koubai, run_folder, tmp_path):
    code, out, _ = koubai("report", run_folder, "-o", "run.html", "--lang", "ja")
    assert code == 0
    assert "run.html" in out
    assert '<html lang="ja">' in (tmp_path / "run.html").read_text(encoding="utf-8")


def test_an_experiment_folder_gets_its_report_and_its_curves_without_training(koubai, tmp_path):
    (tmp_path / "mine.toml").write_text(EXPERIMENT)
    assert koubai("run", "mine.toml", "--engine", "reference", "--threads", "1", "--out", "runs")[0] == 0
    (tmp_path / "mine.toml").unlink()
    before = sorted((tmp_path / "runs" / "runs").iterdir())
    code, out, _ = koubai("report", "runs", "--out", "new.html", "--json")
    assert code == 0
    assert json.loads(out) == {"report": "new.html"}
    text = (tmp_path / "new.html").read_text(encoding="utf-8")
    assert "<h1>Which rate?</h1>" in text
    assert "2 × 2 = 4" in text
    code, out, _ = koubai("export", "runs", "--to", "csv", "--json")
    assert json.loads(out)["runs"] == 4
    assert sorted((tmp_path / "runs" / "runs").iterdir()) == before


def test_an_order_says_which_file_a_mistake_is_in(koubai, tmp_path):
    (tmp_path / "mine.toml").write_text(EXPERIMENT.replace("steps", "stepps"))
    code, _, err = koubai("run", "mine.toml", "--lang", "en")
    assert code == 2
    assert "mine.toml" in err
    assert "did you mean 'steps'?" in err


def test_an_order_survives_its_file(tmp_path):
    order = Order("vanishing-gradient", data="digits", seeds=2, vary=("steps=10,20",))
    order.keep(tmp_path)
    assert Order.read(tmp_path) == order
    assert len(order.experiment().arms) == 18


def test_a_folder_of_something_else_is_a_clear_error(koubai, tmp_path):
    code, _, err = koubai("report", tmp_path, "--lang", "en")
    assert code == 2
    assert "neither a run nor an experiment" in err


@pytest.mark.parametrize(
    "text", ['{"target": "x", "surprise": 1, "vary": []}', '{"target": 1, "file": "a"}', "[" * 100_000]
)
def test_an_order_that_was_changed_is_a_clear_error(koubai, tmp_path, text):
    (tmp_path / "order.json").write_text(text)
    code, _, err = koubai("report", tmp_path, "--lang", "en")
    assert code == 2
    assert "order.json" in err


@pytest.mark.parametrize("text", ["[" * 100_000, '{"environment": 1, "seconds": "x"}', "{}"])
def test_what_a_folder_tells_of_its_making_is_not_needed(tmp_path, text):
    order = Order("vanishing-gradient", seeds=2)
    order.keep(tmp_path)
    (tmp_path / "result.json").write_text(text)
    result = order.result(tmp_path)
    assert result.environment == {}
    assert result.seconds == 0.0


def test_an_unknown_format_is_told_before_anything_is_read(koubai, tmp_path):
    code, _, err = koubai("export", tmp_path, "--to", "cvs", "--lang", "en")
    assert code == 2
    assert "did you mean 'csv'?" in err


def test_a_run_folders_curves_are_exported(koubai, run_folder, tmp_path):
    code, _, _ = koubai("export", run_folder, "-o", "curves.csv")
    assert code == 0
    assert "gradient_norm" in (tmp_path / "curves.csv").read_text()


def test_the_worst_arm_is_the_stuck_one_with_the_smallest_gradient_in_front(grid_result):
    from koubai.lab.worst import worst_arm

    assert worst_arm(grid_result).name == "sigmoid + normal .01"
    assert worst_arm(replace(grid_result, summaries={})) is None
