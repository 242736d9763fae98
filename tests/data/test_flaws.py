"""What each flaw does to sound data, and what it leaves alone."""

from dataclasses import replace

import numpy as np
import pytest

from koubai.core.errors import ConfigError, DataError, SettingError
from koubai.data import (
    Circles,
    ConstantFeatures,
    Digits,
    Flawed,
    Imbalance,
    MissingValues,
    Regression,
    RepeatedSamples,
    ShiftedLabels,
    UnevenScales,
)
from koubai.data.flaws import FLAWS, Flaw
from koubai.train.recipe_file import read_recipe

DIGITS = Digits(validation=100)
SOUND = DIGITS.load()
ONE_OF_EACH = {
    "constant_features": ConstantFeatures(),
    "imbalance": Imbalance(),
    "missing_values": MissingValues(),
    "repeated_samples": RepeatedSamples(),
    "shifted_labels": ShiftedLabels(),
    "uneven_scales": UnevenScales(),
}


def spoiled(*flaws: Flaw, **settings):
    return Flawed(DIGITS, flaws, **settings).load()


@pytest.fixture(params=sorted(FLAWS))
def flaw(request) -> Flaw:
    if request.param not in ONE_OF_EACH:
        pytest.fail(f"a new flaw: add a line for {request.param} to ONE_OF_EACH")
    return ONE_OF_EACH[request.param]


def test_every_flaw_leaves_what_a_run_is_judged_by_alone(flaw):
    data = spoiled(flaw)
    assert data.sha256 != SOUND.sha256
    np.testing.assert_array_equal(data.t_val, SOUND.t_val)
    np.testing.assert_array_equal(data.t_test, SOUND.t_test)
    of_inputs = not np.array_equal(data.x_test, SOUND.x_test, equal_nan=True)
    assert of_inputs == np.array_equal(data.t_train, SOUND.t_train), (
        "inputs of all parts, or the training part"
    )
    if not of_inputs:
        np.testing.assert_array_equal(data.x_val, SOUND.x_val)


def test_every_flaw_is_the_same_each_time_and_follows_the_seed_if_it_draws(flaw):
    again, other = (spoiled(flaw, seed=seed, noise_seed=7) for seed in (0, 1))
    assert again.sha256 == spoiled(flaw).sha256, "the noise seed is for label noise"
    drawn = type(flaw) in (ConstantFeatures, MissingValues, UnevenScales)
    assert (other.sha256 != again.sha256) == drawn


def test_every_flaw_can_be_written_in_a_file_by_its_name(flaw):
    data = f'{{ type = "flawed", source = "digits", flaws = ["{flaw.registry_name}"] }}'
    text = f'network = ["flatten"]\ndata = {data}'
    recipe = read_recipe(text)
    assert recipe.data == Flawed(Digits(), [flaw])
    assert read_recipe(recipe.to_toml()) == recipe


def test_mistakes_in_a_file_are_told_together_with_their_lines():
    text = """network = ["flatten"]
data.type = "flawed"
data.source = "digit"
data.flaws = ["imbalans", { type = "missing_values", share = 2 }]
"""
    with pytest.raises(ConfigError) as caught:
        read_recipe(text)
    found = {problem.path: problem for problem in caught.value.problems}
    assert found["data.source"].hint == "did you mean 'digits'?"
    assert found["data.flaws.0"].hint == "did you mean 'imbalance'?"
    assert found["data.flaws.1.share"].line == 4


def test_imbalance_is_a_long_tail_of_each_class_s_first_samples():
    data = spoiled(Imbalance(ratio=16))
    before, after = np.bincount(SOUND.t_train), np.bincount(data.t_train)
    np.testing.assert_allclose(after / before, np.geomspace(1, 1 / 16, 10), atol=0.5 / before.min())
    rows = np.flatnonzero(SOUND.t_train == 9)[: after[9]]
    np.testing.assert_array_equal(data.x_train[data.t_train == 9], SOUND.x_train[rows])


def test_imbalance_can_name_the_rare_classes_and_never_empties_one():
    data = spoiled(Imbalance(ratio=1e6, rare=[3, 8]))
    before, after = np.bincount(SOUND.t_train), np.bincount(data.t_train)
    assert after[[3, 8]].tolist() == [1, 1]
    np.testing.assert_array_equal(np.delete(after, [3, 8]), np.delete(before, [3, 8]))


@pytest.mark.parametrize("rare", [(10,), (-1,), tuple(range(10))])
def test_classes_that_cannot_be_rare_are_an_error(rare):
    with pytest.raises(DataError, match=r"(?s)rare: no such choice.*0 \.\. 9"):
        spoiled(Imbalance(rare=rare))


def test_values_have_no_imbalance():
    with pytest.raises(DataError, match="two classes or more"):
        Flawed(Regression(), [Imbalance()]).load()


def test_shifted_labels_belong_to_the_neighbor():
    data = spoiled(ShiftedLabels(by=3))
    np.testing.assert_array_equal(data.t_train[3:], SOUND.t_train[:-3])
    np.testing.assert_array_equal(data.t_train[:3], SOUND.t_train[-3:])
    agreement = (data.t_train == SOUND.t_train).mean()
    assert agreement == pytest.approx(0.1, abs=0.03), "as often right as by chance"
    values = Flawed(Regression(outputs=2), [ShiftedLabels()]).load().t_train
    np.testing.assert_array_equal(values[1:], Regression(outputs=2).load().t_train[:-1])


def test_repeated_samples_are_few_different_ones():
    data = spoiled(RepeatedSamples(distinct=30))
    assert len(data.x_train) == len(SOUND.x_train)
    pairs = np.column_stack([data.x_train.reshape(len(data.x_train), -1), data.t_train])
    assert len(np.unique(pairs, axis=0)) == 30
    np.testing.assert_array_equal(data.x_train[60:90], SOUND.x_train[:30])
    with pytest.raises(DataError, match=r"(?s)not so many.*<= 1100"):
        spoiled(RepeatedSamples(distinct=1101))


def test_constant_features_are_the_same_ones_in_all_parts():
    data = spoiled(ConstantFeatures(share=0.25, value=5))
    for part in ("train", "val", "test"):
        now, before = (getattr(d, f"x_{part}").reshape(-1, 64) for d in (data, SOUND))
        constant = (now == 5).all(axis=0)
        assert constant.sum() == 16
        np.testing.assert_array_equal(now[:, ~constant], before[:, ~constant])


def test_uneven_scales_span_what_they_say_and_standard_undoes_them_in_a_table():
    table = Regression(inputs=5)
    flawed = Flawed(table, [UnevenScales(span=1e4)])
    factor = flawed.load().x_train / table.load().x_train
    np.testing.assert_allclose(factor, np.broadcast_to(factor[0], factor.shape), rtol=1e-5)
    np.testing.assert_allclose(sorted(factor[0]), [1, 10, 100, 1000, 10000], rtol=1e-5)
    undone, never = (replace(source, scale="standard").load().x_test for source in (flawed, table))
    np.testing.assert_allclose(undone, never, atol=1e-4)
    single = Flawed(Regression(inputs=1), [UnevenScales(span=7)]).load().x_train
    np.testing.assert_allclose(single, 7 * Regression(inputs=1).load().x_train, rtol=1e-6)


def test_missing_values_are_nan_or_the_number_that_stands_for_them():
    for filled_with, mark in ((None, np.isnan), (-999, lambda x: x == -999)):
        data = spoiled(MissingValues(share=0.05, filled_with=filled_with))
        for part in ("train", "val", "test"):
            now, before = (getattr(d, f"x_{part}") for d in (data, SOUND))
            missing = mark(now)
            assert missing.sum() == round(0.05 * now.size)
            np.testing.assert_array_equal(now[~missing], before[~missing])
    train, test = (mark(data.x_train)[:100], mark(data.x_test)[:100])
    assert (train != test).any(), "each part misses values of its own"


def test_flaws_come_one_after_the_other_and_each_draws_its_own():
    twice = Flawed(Digits(), [ConstantFeatures(0.25, value=2), ConstantFeatures(0.25, value=3)]).load()
    flat = twice.x_train.reshape(-1, 64)
    assert (flat == 3).all(axis=0).sum() == 16
    assert 0 < (flat == 2).all(axis=0).sum() <= 16
    tail_of_few = Flawed(Digits(), [RepeatedSamples(50), Imbalance(4)]).load()
    few_of_tail = Flawed(Digits(), [Imbalance(4), RepeatedSamples(50)]).load()
    assert tail_of_few.sha256 != few_of_tail.sha256


def test_what_stands_beside_the_flaws_prepares_the_flawed_samples():
    data = Flawed(DIGITS, [ShiftedLabels()], train=50, test=20, classes=[1, 0]).load()
    assert (len(data.t_train), len(data.t_test)) == (50, 20)
    assert set(data.t_val) == {0, 1}, "the validation part of the source loses the same classes"
    shifted = np.roll(SOUND.t_train, 1)
    np.testing.assert_array_equal(data.t_train, 1 - shifted[shifted < 2][:50])
    own = Flawed(Digits(), [Imbalance()], validation=30).load()
    assert len(own.x_val) == 30


@pytest.mark.parametrize(
    "make",
    [
        lambda: Imbalance(ratio=0.5),
        lambda: ShiftedLabels(by=0),
        lambda: RepeatedSamples(distinct=0),
        lambda: ConstantFeatures(share=1),
        lambda: UnevenScales(span=0),
        lambda: MissingValues(share=-0.1),
    ],
)
def test_settings_out_of_range_are_errors_of_ours(make):
    with pytest.raises(SettingError):
        make()


@pytest.mark.parametrize("given", [("digits", []), (Digits(), [Imbalance]), (Circles, [])])
def test_what_is_no_source_or_no_flaw_is_refused_at_the_door(given):
    with pytest.raises(DataError, match="Flawed: not a"):
        Flawed(*given)
