"""Every entry of the catalog, on every data set it names: it can be declared, run, and spoken about."""

import itertools
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from koubai.core.errors import ConfigError, UnknownName
from koubai.lab import start
from koubai.lab.catalog import catalog_entries, catalog_experiment
from koubai.lab.conclude.result import ExperimentResult
from koubai.lab.declare.experiment import Observations
from koubai.lab.experiments.entry import catalog
from koubai.lab.perform import estimate as estimating
from koubai.lab.perform.estimate import estimate
from koubai.lab.perform.training import run_recipe
from koubai.report.experiment import experiment_page
from koubai.train.recipe import Recipe
from koubai.words import LANGUAGES
from support.data_files import real_folder
from support.marks import long

NAMES = sorted(catalog())
COMPILING = ("activations", "alexnet", "batch_normalization_scales", "depth", "padding_modes", "pooling")
PAIRS = [(entry.name(), data) for entry in catalog_entries() for data in entry.data]


@pytest.mark.parametrize(("name", "data"), PAIRS)
def test_every_arm_of_every_entry_is_a_valid_plan(name, data):
    experiment = catalog_experiment(name, data)
    assert experiment.family == name.replace("-", "_")
    hashes = {arm.name: experiment.plan(arm, 0).hash for arm in experiment.arms}
    assert len(set(hashes.values())) == len(hashes), "two arms are the same"
    assert all(experiment.question.say(lang).endswith(("?", "か。")) for lang in LANGUAGES)
    for arm in experiment.arms:
        if arm.published:
            assert data == "mnist"
        assert arm.title("en")
        assert arm.title("ja")


@pytest.mark.parametrize("name", [*(name for name in NAMES if name not in COMPILING), *long(*COMPILING)])
def test_every_entry_runs_and_is_put_into_words(name):
    experiment = catalog_experiment(name)
    if isinstance(experiment.base, Recipe):
        experiment = replace(experiment, base=experiment.base.edit(steps=3))
    elif hasattr(experiment.base, "recipe"):
        fewer = {"trials": 4} if hasattr(experiment.base, "trials") else {}
        experiment = replace(experiment, base=experiment.base.edit(**{"recipe.steps": 3}, **fewer))
    seeds = experiment.seeds[:2]
    observations = replace(experiment.observations, taps=min(experiment.observations.taps, 2), evaluations=1)
    result = start.run(replace(experiment, seeds=seeds, observations=observations), threads=1)
    assert not [run.failure for run in result.runs if run.failure]
    assert len(result.runs) == len(experiment.arms) * len(seeds)
    assert len(result.sentences) >= 2
    for lang in LANGUAGES:
        said = [item.say(lang) for item in (*result.sentences, *result.verdicts)]
        assert all(text.strip() and "nan" not in text for text in said), said
    watched = experiment.observations
    kinds = {exhibit.kind for run in result.runs for exhibit in run.exhibits}
    wanted = {"histogram": watched.histograms, "weights": watched.weights, "filters": watched.filters}
    assert {kind for kind, asked in wanted.items() if asked} <= kinds
    page = experiment_page(result)
    pictures = [page.lead, *(picture for section in page.sections for picture in section.pictures)]
    panels = [panel for picture in pictures if picture for panel in picture.panels]
    assert all(panel.figure.plotly() for panel in panels), "Plotly's package checks every name and value"


def test_names_may_have_hyphens_and_typos_are_answered():
    assert catalog_experiment("vanishing-gradient") == catalog_experiment("vanishing_gradient")
    assert (
        catalog_experiment("vanishing-gradient", "fashion-mnist").name == "vanishing-gradient-fashion_mnist"
    )
    with pytest.raises(UnknownName, match="did you mean 'vanishing-gradient'"):
        catalog_experiment("vanishing-gradent")
    with pytest.raises(ConfigError, match="did you mean 'digits'"):
        catalog_experiment("vanishing-gradient", "digit")


@pytest.mark.parametrize("entry", catalog_entries(), ids=lambda entry: entry.name())
def test_sentences_wait_for_the_runs_that_are_not_there_yet(entry):
    result = ExperimentResult(catalog_experiment(entry.name()), (), {}, (), (), ())
    assert all(sentence.say(lang) for sentence in entry.sentences(result) for lang in LANGUAGES)


def test_other_names_lead_to_their_experiment_and_hide_no_word_of_the_glossary():
    from koubai.cli.experiments import catalog_name as called
    from koubai.study.glossary import find_meanings

    named = [(name, entry) for entry in catalog_entries() for name in entry.also]
    assert ("バッチ正規化の位置", "batch-normalization-place") in [
        (name, entry.name()) for name, entry in named
    ]
    for name, entry in named:
        assert called(name) == entry.name()
        assert not find_meanings(name)
    assert called("鞍点") == "saddle"


def test_an_estimate_counts_runs_and_grows_with_seeds_and_steps(monkeypatch):
    ticks = itertools.count(step=0.01)  # a clock that no load of the machine slows
    monkeypatch.setattr(estimating, "time", SimpleNamespace(perf_counter=lambda: next(ticks)))
    experiment = catalog_experiment("first-net")
    small = estimate(replace(experiment, seeds=(0,)), threads=1)
    large = estimate(replace(experiment, seeds=tuple(range(8))), threads=1)
    longer = estimate(replace(experiment, seeds=(0,), base=experiment.base.edit(steps=20_000)), threads=1)
    assert (small.runs, large.runs, large.arms, large.seeds) == (2, 16, 2, 8)
    assert large.seconds == pytest.approx(8 * small.seconds)
    assert longer.seconds > 3 * small.seconds
    quick = estimate(catalog_experiment("parabola"), threads=1)
    assert quick.seconds == pytest.approx(0.01 * quick.runs)
    assert estimate(catalog_experiment("search"), threads=2).runs == 24


def test_zeros_and_constants_keep_units_equal_and_he_does_not():
    experiment = catalog_experiment("initialization")
    base = experiment.base.edit(steps=20)
    from koubai.lab.perform.outcome import Context

    shares = {}
    for name in ("zeros", "constant .1", "He"):
        recipe = replace(experiment, base=base).plan(experiment[name], 0)
        shares[name] = run_recipe(recipe, Context(Observations(taps=0, evaluations=0))).scores[
            "distinct_units"
        ]
    assert shares == {"zeros": 1 / 40, "constant .1": 1 / 40, "He": 1.0}


def test_ridge_takes_all_weights_to_zero_and_leaves_biases():
    from koubai.lab.perform.outcome import Context

    experiment = catalog_experiment("l1-l2")
    scores = {
        name: run_recipe(
            experiment.plan(experiment[name], 0), Context(Observations(taps=0, evaluations=0))
        ).scores
        for name in ("none", "L2 10", "L1 0.01", "L1 0.01 (soft threshold)")
    }
    assert scores["L2 10"]["weight_norm"] < 1e-3
    assert scores["none"]["weight_norm"] > 10
    assert scores["L2 10"]["bias_norm"] > 0.1
    assert scores["L2 10"]["small_weights"] == 1.0
    assert scores["L1 0.01"]["small_weights"] > 0.5 > scores["none"]["small_weights"]
    zeros = {name: own["zero_weights"] for name, own in scores.items()}
    assert zeros.pop("L1 0.01 (soft threshold)") > 0.5
    assert max(zeros.values()) < 0.001, "a gradient step leaves no weight at exactly 0"


def test_a_search_never_looks_at_the_test_part_to_choose():
    from koubai.lab.perform.outcome import Context

    plan = catalog_experiment("search").base.edit(**{"recipe.steps": 40, "trials": 4})
    outcome = plan.perform(Context(Observations(taps=0, evaluations=0)))
    (table,) = outcome.exhibits
    trials = [
        run_recipe(recipe, Context(Observations(taps=0, evaluations=0), exhibits=False)).scores
        for recipe in plan.recipes()
    ]
    best = max(trials, key=lambda scores: scores["val_accuracy"])
    assert outcome.scores["test_accuracy"] == best["test_accuracy"]
    assert list(table.arrays["values"][:, -1]) == [scores["val_accuracy"] for scores in trials]
    grid = plan.edit(method="grid").candidates()
    assert len(grid) == 4
    assert len({edits["optimizer.learning_rate"] for edits in grid}) == 2
    drawn = plan.candidates()
    assert len({edits["optimizer.learning_rate"] for edits in drawn}) == 4
    assert all(1e-3 <= edits["optimizer.learning_rate"] <= 1 for edits in drawn)
    assert plan.edit(seed=1).candidates() != drawn


def test_the_unrolled_convolution_is_the_plain_sum_and_the_notes_sizes_come_out():
    result = start.run("im2col", threads=1)
    scores = {run.arm: run.scores for run in result.runs}
    assert all(score["error"] < 1e-12 for score in scores.values())
    assert scores["2x2, stride 1, padding 1"]["out"] == 7  # 6x6 -> 7x7
    assert scores["3x3, stride 2, padding 1"]["out"] == 4  # 8x8 -> 4x4, where the notes say 3x3
    assert scores["3x3, stride 1"]["most"] == 4


def test_generated_pictures_are_a_folder_of_four_classes():
    from koubai.lab.course.pictures import CLASSES, GeneratedPictures

    source = GeneratedPictures(size=24, count=6)
    dataset = source.load()
    assert dataset.class_names == tuple(sorted(CLASSES))
    assert dataset.in_shape == (3, 24, 24)
    assert (len(dataset.x_train), len(dataset.x_test)) == (16, 8)
    again = GeneratedPictures(size=24, count=6).read(None)
    assert np.array_equal(again.x_train, source.read(None).x_train)
    assert again.x_train.min() < 60
    assert again.x_train.max() > 200


@pytest.mark.skipif(not real_folder().exists(), reason="the published MNIST files are not here (KOUBAI_DATA)")
@pytest.mark.long
def test_the_main_job_on_mnist():
    experiment = catalog_experiment("vanishing-gradient", "mnist")
    names = ("sigmoid + normal .01", "ReLU + normal .01", "sigmoid + Xavier", "ReLU + He")
    arms = tuple(experiment[name] for name in names)
    claims = tuple(claim for claim in experiment.claims if {claim.arm, claim.over} <= set(names))
    observations = Observations(taps=4, evaluations=4)
    result = start.run(
        replace(experiment, arms=arms, claims=claims, seeds=(0, 1), observations=observations),
        threads=1,
        data_dir=real_folder(),
    )
    means = {name: result.summary(name).mean for name in names}
    dataset = experiment.base.data.load(real_folder())
    shares = set((np.bincount(dataset.t_test) / len(dataset.t_test)).tolist())
    assert set(result.summary(names[0]).values.values()) <= shares
    assert 0.90 <= means["ReLU + normal .01"] <= 0.93
    assert 0.855 <= means["sigmoid + Xavier"] <= 0.895  # two seeds of a deviation of .01
    assert 0.94 <= means["ReLU + He"] <= 0.96
    stuck = next(sentence for sentence in result.sentences if "never left chance" in sentence.say("en"))
    assert "never left chance (2 of 2 seeds)" in stuck.say("en")
