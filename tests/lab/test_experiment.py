"""Declaring experiments: arms, axes, mistakes."""

import pytest

from koubai.core.errors import ConfigError
from koubai.lab.declare.experiment import Arm, Axis, Claim, Experiment, Published, Text, grid


def test_a_grid_has_every_combination_with_its_factors(descents):
    assert [arm.name for arm in descents.arms] == ["0.1", "0.2", "0.3"]
    assert descents.axes == {"rate": ("0.1", "0.2", "0.3")}
    plan = descents.plan(descents["0.2"], seed=7)
    assert (plan.optimizer.learning_rate, plan.seed) == (0.2, 7)
    assert descents.base.optimizer.learning_rate == 0.1


def test_vary_multiplies_every_arm(descents):
    varied = descents.vary("steps", [1, 2])
    assert [arm.name for arm in varied.arms][:3] == ["0.1, steps 1", "0.1, steps 2", "0.2, steps 1"]
    assert varied.axes == {"rate": ("0.1", "0.2", "0.3"), "steps": ("1", "2")}
    assert varied.plan(varied["0.3, steps 2"], 0).steps == 2


def test_all_mistakes_come_at_once_with_the_nearest_name(descents):
    with pytest.raises(ConfigError) as error:
        Experiment(
            "x",
            descents.base,
            (Arm("sigmoid"), Arm("relu"), Arm("relu")),
            seeds=(),
            baseline="sigmoyd",
            claims=(Claim("rellu", "tanh"),),
        )
    text = str(error.value)
    assert len(error.value.problems) == 5
    assert "two arms are named 'relu'" in text
    assert "did you mean 'sigmoid'?" in text
    assert "claims.0.arm" in text
    assert "did you mean 'relu'?" in text
    assert "claims.0.over" in text
    assert "arms: sigmoid, relu" in text
    with pytest.raises(ConfigError, match="compares nothing"):
        Experiment("x", descents.base, ())


def test_wrong_paths_of_an_arm_name_the_arm_and_all_paths(descents):
    arm = Arm("bad", {"optimizer.rate": 1, "step": 2})
    with pytest.raises(ConfigError) as error:
        descents.plan(arm, 0)
    assert "arm 'bad'" in str(error.value)
    assert [problem.path for problem in error.value.problems] == ["optimizer.rate", "step"]


def test_a_text_in_one_language_is_shown_in_both():
    assert Text(en="why").say("ja") == "why"
    assert Text("why", "なぜ").say("ja") == "なぜ"
    assert Arm("a", label=Text(ja="あ")).title("en") == "あ"
    assert Arm("a").title("ja") == "a"


def test_published_spread_is_two_deviations_but_never_nothing():
    assert Published(0.9, 0.01).spread == 0.02
    assert Published(0.9).spread == 0.005


def test_levels_may_edit_several_paths():
    arms = grid(Axis("size", {"small": {"steps": 1, "seed": 2}}), Axis("b", {"x": {}, "y": {"steps": 9}}))
    assert dict(arms[0].edits) == {"steps": 1, "seed": 2}
    assert dict(arms[1].edits) == {"steps": 9, "seed": 2}
