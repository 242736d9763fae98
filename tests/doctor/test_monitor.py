"""The doctor beside a run: it reads only, it stops what is hopeless, it leads back from NaN."""

import itertools
import time

import numpy as np
import pytest

from koubai.data.sources.regression import Regression
from koubai.doctor import monitor as monitor_module
from koubai.doctor.monitor import Monitor, Rollback, hopeless, on_its_way, train_with_rollback
from koubai.doctor.visit.session_patient import session_patient
from koubai.engines.engine import Observation
from koubai.layers.linear import Linear
from koubai.optim.sgd import SGD
from koubai.schedules.warm_up import WarmUp
from koubai.train.train import train
from support.patients import SICK, digits, values


@pytest.mark.parametrize("engine", ["auto", "reference"])
@pytest.mark.parametrize(
    "recipe", [digits(steps=120), SICK["vanishing_gradient"].edit(steps=120)], ids=["healthy", "sick"]
)
def test_weights_are_bit_identical_with_the_doctor_on_and_off(recipe, engine):
    off = train(recipe, engine=engine, observation=Observation()).session.state()
    on = train(recipe, engine=engine, on_progress=Monitor(every=0.05)).session.state()
    for part in ("params", "buffers"):
        for path, w in getattr(off.weights, part).items():
            assert np.array_equal(w, getattr(on.weights, part)[path])
    assert all(np.array_equal(slot, on.slots[name]) for name, slot in off.slots.items())


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


def test_a_run_on_its_way_is_glanced_at_every_tenth_and_examined_at_its_end_only(monkeypatch):
    glances, examined = [], []
    monkeypatch.setattr(
        monitor_module, "on_its_way", lambda session: glances.append(session.step) or on_its_way(session)
    )
    monkeypatch.setattr(
        monitor_module,
        "session_patient",
        lambda session, **how: examined.append(session.step) or session_patient(session, **how),
    )
    train(digits(steps=200), on_progress=Monitor(), progress_every=5)
    assert glances == list(range(20, 200, 20))
    assert examined == [200]


def diverging(**changes):
    settings = {"data": Regression(low=0, high=10), "network": Linear(1), "optimizer": SGD(0.5), "steps": 200}
    return values(**settings | changes)


def test_nan_is_survived_and_rolled_back_to_a_lower_rate():
    rates = []
    recipe = diverging()
    run = train_with_rollback(
        recipe, on_rollback=lambda session: rates.append(session.recipe.optimizer.learning_rate)
    )
    assert rates == pytest.approx([0.5 / 10**i for i in range(1, len(rates) + 1)])
    assert 1 <= len(rates) <= 4
    assert run.stopped_by is None
    assert run.session.step == 200
    assert all(np.isfinite(w).all() for w in run.session.state().weights.params.values())


def test_a_run_goes_back_to_the_same_step_however_fast_the_machine_is(monkeypatch):
    def clock(seconds_a_look):
        now = itertools.count()
        return lambda: next(now) * seconds_a_look

    # The rate is fine at first and grows until the run breaks off somewhere in the middle.
    recipe = diverging(optimizer=SGD(0.05), schedule=WarmUp(400), steps=400)
    found = []
    for pace in (1e-6, 0.07, 10.0):
        monkeypatch.setattr(time, "perf_counter", clock(pace))
        back = []
        run = train_with_rollback(recipe, on_rollback=lambda session: back.append(session.step))  # noqa: B023 -- called within this round
        found.append((back, run.session.state().weights.params))
    (steps, weights), *others = found
    assert 0 < steps[0] < 400
    for their_steps, their_weights in others:
        assert their_steps == steps
        assert all(np.array_equal(their_weights[path], w) for path, w in weights.items())


def test_a_state_on_its_way_to_infinity_is_not_good():
    keeper = Rollback(every=5)
    recipe = diverging(optimizer=SGD(0.05), steps=40)  # grows, and is finite for a while
    run = train(recipe, on_progress=keeper, progress_every=keeper.every)
    losses = run.history.series("loss")[1]
    assert losses[-1] > 1e3 * losses[0]
    assert keeper.good is None
    assert keeper.resume(run.session).step == 0
