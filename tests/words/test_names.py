"""Arms, levels and axes of the catalog are named in Japanese but for names of the field."""

import re

import pytest

from koubai.lab.catalog import catalog_entries, catalog_experiment
from koubai.lab.declare.experiment import Arm, Axis, Experiment, grid
from koubai.lab.declare.measures import factor_name
from koubai.lab.declare.naming import japanese, named

OF_THE_FIELD = {
    *("ReLU", "leaky", "ELU", "SELU", "GELU", "tanh", "Xavier", "He", "Glorot", "LeCun", "n"),
    *("SGD", "Momentum", "AdaGrad", "RMSProp", "Adam", "BN", "L", "mixup", "XOR"),
    *("D", "x", "h"),  # defects D3, D4; windows 3x3; what AdaGrad sums up
}
BUILT = [catalog_experiment(entry.name(), data) for entry in catalog_entries() for data in entry.data]


def english(text):
    return set(re.findall(r"[A-Za-z]+", re.sub(r"\d+e-?\d+", "", text))) - OF_THE_FIELD


@pytest.mark.parametrize("experiment", BUILT, ids=lambda experiment: experiment.name)
def test_a_japanese_reader_meets_no_english_but_names_of_the_field(experiment):
    titles = [arm.title("ja") for arm in experiment.arms]
    levels = [arm.level(axis, "ja") for arm in experiment.arms for axis in arm.factors]
    axes = [factor_name(axis, "ja") for axis in experiment.axes]
    assert {text: english(text) for text in (*titles, *levels, *axes) if english(text)} == {}
    assert len(set(titles)) == len(titles), "two arms look alike"


@pytest.mark.parametrize("experiment", BUILT, ids=lambda experiment: experiment.name)
def test_no_level_is_a_bare_number(experiment):
    for arm in experiment.arms:
        for axis in arm.factors:
            for lang in ("en", "ja"):
                assert not re.fullmatch(r"[\d.e-]+", arm.level(axis, lang))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("sigmoid + He", "シグモイド + He"),
        ("100 samples, 30% of labels wrong", "100 枚、ラベルの 30% が誤り"),
        ("RMSProp .1, decay .9, from the cliff", "RMSProp .1、減衰率 .9、崖の上から"),
        ("none of ours", "none of ours"),
        ("L1 0.01 (soft threshold)", "L1 0.01（軟しきい値）"),
    ],
)
def test_a_name_is_said_part_by_part(name, said):
    assert japanese(name) == said


def test_a_title_of_its_own_is_kept_and_numbers_get_their_factor():
    arms = grid(Axis("activation", {"sigmoid": {}}), Axis("hidden layers", {"2": {}}))
    (arm,) = named(Experiment("e", None, arms)).arms
    assert arm.name == "sigmoid + 2"
    assert arm.title("en") == "sigmoid + 2 layers"
    assert arm.title("ja") == "シグモイド + 2 層"
    assert arm.level("hidden layers", "ja") == "2 層"


def test_what_a_user_wrote_stays():
    arm = Arm("none", factors={"kind": "none"})
    assert (arm.title("ja"), arm.level("kind", "ja")) == ("none", "none")


def test_a_varied_arm_is_named_in_both_languages():
    arms = catalog_experiment("first-net").vary("optimizer.learning_rate", [0.1]).arms
    assert arms[0].title("en") == "no hidden layer, learning_rate 0.1"
    assert arms[0].title("ja") == "中間層なし、学習率 0.1"
