"""Plans that train several networks or compare with a closed form: each against another way to compute it."""

from dataclasses import replace

import numpy as np
import pytest

from koubai.core.errors import ConfigError, KoubaiError
from koubai.lab import start
from koubai.lab.catalog import catalog_experiment
from koubai.lab.course.settings import source
from koubai.lab.declare.experiment import Observations
from koubai.lab.perform.outcome import Context
from koubai.lab.perform.plans.ensemble import Ensemble
from koubai.lab.perform.plans.rates import Rates, good_rates
from koubai.lab.perform.plans.ridge import Ridge, ridge
from koubai.lab.perform.training import run_of, run_recipe
from koubai.models import Mlp
from koubai.optim import Adam
from koubai.penalties import L1
from koubai.report.sections.sweeps import rates as rate_pictures
from koubai.train.recipe import Recipe

QUIET = Context(Observations(taps=0, evaluations=0), exhibits=False)
SMALL = Recipe(Mlp((12,), dropout=0.5), source("digits", train=60), optimizer=Adam(0.01), steps=30)


def test_without_a_penalty_ridge_is_least_squares():
    draw = np.random.default_rng(0)
    x, t = draw.normal(size=(20, 4)), draw.normal(size=(20, 2))
    found = np.linalg.lstsq(np.hstack([x, np.ones((20, 1))]), t, rcond=None)[0]
    w, b = ridge(x, t, 0.0)
    assert w == pytest.approx(found[:-1])
    assert b == pytest.approx(found[-1])


def test_at_ridges_solution_the_gradient_of_the_whole_error_is_zero():
    draw = np.random.default_rng(1)
    x, t = draw.normal(size=(20, 4)), draw.normal(size=(20, 2))
    w, b = ridge(x, t, 0.7)
    over = x @ w + b - t
    assert 2 / over.size * x.T @ over + 0.7 * w == pytest.approx(np.zeros((4, 2)), abs=1e-12)
    assert over.sum(axis=0) == pytest.approx(np.zeros(2), abs=1e-12)
    shifted, moved = ridge(x, t + 5, 0.7)
    assert shifted == pytest.approx(w)
    assert moved == pytest.approx(b + 5)


def test_descent_ends_at_the_closed_form_and_every_seed_has_its_own_data():
    plan = catalog_experiment("ridge").base
    scores = [plan.edit(seed=seed).perform(QUIET).scores for seed in (0, 1)]
    assert all(own["from_exact"] < 1e-4 for own in scores)
    assert scores[0]["test_loss"] != scores[1]["test_loss"]
    with pytest.raises(ConfigError, match="mean squared error"):
        Ridge(recipe=plan.recipe.edit(penalties=(L1(0.1),)))


def test_good_rates_come_near_the_best_of_their_network():
    accuracies = np.array([[0.1, 0.88, 0.92, 0.5], [0.11, 0.1, 0.12, 0.1]])
    assert good_rates(accuracies, 0.15).tolist() == [[False, True, True, False], [False] * 4]


def test_rates_are_those_of_single_trainings_and_are_drawn():
    recipe = Recipe(Mlp((12,)), source("digits", train=100, validation=50), optimizer=Adam(0.01), steps=20)
    plan = Rates(recipe=recipe, rates=(0.001, 0.03))
    outcome = plan.perform(QUIET)
    alone = run_recipe(recipe.edit(optimizer=Adam(0.03)).edit(**{"network.activation": "sigmoid"}), QUIET)
    assert outcome.history.series("val_accuracy", "sigmoid")[1][1] == alone.scores["val_accuracy"]
    experiment = replace(catalog_experiment("optimizer-rates"), base=plan, seeds=(0, 1), claims=())
    result = start.run(replace(experiment, arms=experiment.arms[-1:]), threads=1)
    drawn = rate_pictures(result)
    assert [picture.name for picture in drawn] == ["rates-relu", "rates-sigmoid"]
    assert [row[0] for row in drawn[0].table.rows] == ["0.001", "0.03"]


def test_thinned_networks_without_dropout_are_the_whole_one():
    plain = SMALL.edit(**{"network.dropout": 0.0})
    whole = Ensemble(recipe=plain).perform(QUIET).scores
    thinned = Ensemble(recipe=plain, members="thinned", count=3).perform(QUIET).scores
    assert whole["test_loss"] == pytest.approx(run_recipe(plain, QUIET).scores["test_loss"], rel=1e-5)
    assert thinned["test_loss"] == pytest.approx(whole["test_loss"], rel=1e-5)


def test_each_thinned_network_has_a_mask_of_its_own():
    losses = [
        Ensemble(recipe=SMALL, members="thinned", count=count).perform(QUIET).scores["test_loss"]
        for count in (1, 2, 40)
    ]
    assert len(set(losses)) == 3
    assert losses[2] < losses[0]


def test_networks_trained_apart_are_averaged_by_their_probabilities():
    plan = Ensemble(recipe=SMALL, members="apart", count=2, seed=5)
    asked = []
    for recipe in plan.recipes():
        run, dataset = run_of(recipe, QUIET)
        asked.append(recipe.loss.probabilities(run.session.outputs(dataset.inputs("test"))))
    right = (asked[0] + asked[1]).argmax(axis=1) == dataset.t_test
    assert plan.perform(QUIET).scores["test_accuracy"] == right.mean()
    assert (asked[0] != asked[1]).any()


@pytest.mark.parametrize("wrong", [{"members": "thined"}, {"count": 0}])
def test_an_ensemble_of_nothing_is_refused(wrong):
    with pytest.raises(KoubaiError):
        Ensemble(recipe=SMALL, **wrong)
