"""The doctor beside a run: it reads only, it stops what is hopeless, it leads back from NaN."""

import numpy as np
import pytest

from koubai.data.sources.regression import Regression
from koubai.doctor.monitor import Monitor, Rollback, hopeless
from koubai.layers.linear import Linear
from koubai.optim.sgd import SGD
from koubai.train.train import finish, train
from support.patients import SICK, digits, values


@pytest.mark.parametrize("recipe", [digits(), SICK["vanishing_gradient"]], ids=["healthy", "sick"])
def test_weights_are_bit_identical_with_and_without_the_monitor(recipe):
    plain = train(recipe).session.state()
    watched = train(recipe, on_progress=Monitor(every=0.05)).session.state()
    for path, w in plain.weights.params.items():
        assert np.array_equal(w, watched.weights.params[path])


def test_a_hopeless_run_is_stopped_early_and_says_why():
    appeared = []
    monitor = Monitor(stop=True, on_finding=lambda finding: appeared.append(finding.name))
    run = train(SICK["symmetric_init"], on_progress=monitor)
    assert run.stopped_by == "doctor: K006 symmetric_init"
    assert run.session.step < run.recipe.steps
    assert appeared[0] == "symmetric_init"
    assert monitor.seen["symmetric_init"] == run.session.step


def test_a_run_that_may_still_learn_is_not_stopped():
    monitor = Monitor(stop=True)
    run = train(SICK["init_too_small"], on_progress=monitor)
    assert run.stopped_by is None
    assert hopeless(monitor.findings) is None


def test_a_healthy_run_shows_no_finding_while_it_trains():
    monitor = Monitor(every=0.05)
    train(digits(), on_progress=monitor)
    assert monitor.seen == {}


def test_nan_is_survived_and_rolled_back_to_a_lower_rate():
    recipe = values(data=Regression(low=0, high=10), network=Linear(1), optimizer=SGD(0.5), steps=200)
    keeper = Rollback()
    run = train(recipe, on_progress=keeper)
    assert run.stopped_by == "not finite"
    for _ in range(4):
        if run.stopped_by != "not finite":
            break
        session = keeper.resume(run.session)
        assert session.recipe.optimizer.learning_rate == pytest.approx(
            run.recipe.optimizer.learning_rate / 10
        )
        run = finish(session, keeper)
    assert run.stopped_by is None
    assert run.session.step == 200
    assert all(np.isfinite(w).all() for w in run.session.state().weights.params.values())
