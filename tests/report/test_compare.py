"""Loose runs side by side: their own numbers, their differences, and no claim."""

import json

import pytest

from koubai.cli.main import main
from koubai.core.errors import KoubaiError
from koubai.report.compare import _environment, side_by_side
from koubai.report.experiment import experiment_page
from koubai.report.run import RunRecord
from koubai.train.folder import RunFolder

RECIPE = """
steps = 12
network = ["flatten", { type = "linear", out_features = 10 }]
data = { type = "digits", train = 100 }
optimizer = { type = "sgd", learning_rate = 0.1 }
"""


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    place = tmp_path_factory.mktemp("runs")
    (place / "recipe.toml").write_text(RECIPE)
    made = []
    for name, rate in (("one/run", "0.1"), ("two/run", "0.5")):
        words = ["train", str(place / "recipe.toml"), "--set", f"optimizer.learning_rate={rate}"]
        assert main([*words, "--out", str(place / name), "--json"]) == 0
        made.append(place / name)
    return made


def test_the_page_has_both_runs_their_scores_and_what_differs(folders):
    records = [RunRecord.read(RunFolder(folder)) for folder in folders]
    result = side_by_side(records)
    assert list(result.arms) == ["run", "run (2)"], "runs of one name are told apart"
    assert not result.verdicts
    assert not result.comparisons
    for record, run in zip(records, result.runs, strict=True):
        assert run.scores["test_accuracy"] == record.scores["test"].accuracy
    plans = [result.experiment.plan(arm, 0).optimizer.learning_rate for arm in result.experiment.arms]
    assert plans == [0.1, 0.5]
    for lang in ("en", "ja"):
        page = experiment_page(result, lang)
        assert page.lead is not None
        assert {"outcome", "learning", "recipe"} <= {section.name for section in page.sections}


def test_the_command_writes_the_page_and_tells_the_scores(folders, tmp_path, capsys):
    out = tmp_path / "c.html"
    assert main(["compare", *map(str, folders), "--out", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["report"] == str(out)
    assert set(told["runs"]) == {"run", "run (2)"}
    assert "0.5" in out.read_text(encoding="utf-8")


def test_one_run_is_no_comparison(folders):
    with pytest.raises(KoubaiError, match="two runs or more"):
        side_by_side([RunRecord.read(RunFolder(folders[0]))])


def test_what_runs_were_made_with_stands_there_for_each_where_it_differs():
    first = {"threads": 1, "engine": "native", "versions": {"numpy": "2.0", "torch": "2.13"}}
    second = {"threads": 2, "engine": "native", "versions": {"numpy": "2.1"}}
    assert _environment([first, second]) == {
        "threads": "1 / 2",
        "engine": "native",
        "versions": {"numpy": "2.0 / 2.1", "torch": "2.13 / –"},
    }
