"""Descents against closed forms and against fifty digits."""

import numpy as np
import pytest

from koubai.lab import start
from koubai.lab.golden import golden_path
from koubai.lab.outcome import Context
from koubai.lab.plans.descent import Descent
from koubai.lab.plans.surfaces import Parabola, Valley
from koubai.optim import SGD, AdaGrad, Adam, Momentum
from koubai.schedules import StepDecay


@pytest.mark.parametrize("rate", [0.05, 0.3, 0.5, 0.9, 1.0, 1.05])
def test_on_a_parabola_the_error_shrinks_by_one_minus_two_eps(rate):
    plan = Descent(surface=Parabola(a=2, b=1), optimizer=SGD(rate), start=(-3.0,), steps=20)
    points = plan.points()[:, 0]
    assert points - 2 == pytest.approx(-5 * (1 - 2 * rate) ** np.arange(21), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("optimizer", [SGD(0.95), Momentum(0.1), AdaGrad(1.5), Adam(0.3)])
def test_the_valley_is_descended_on_the_golden_path(optimizer):
    plan = Descent(surface=Valley(), optimizer=optimizer, start=(-7.0, 2.0), steps=30)
    golden = np.array(golden_path(optimizer.registry_name, str(optimizer.learning_rate)))
    assert np.abs(plan.points() - golden).max() < 1e-13


def test_golden_paths_themselves_start_as_worked_by_hand():
    assert golden_path("sgd", "0.95", 1)[1] == pytest.approx((-7 + 0.95 * 0.7, 2 - 0.95 * 4))
    assert golden_path("momentum", "0.1", 2)[2] == pytest.approx(
        (-6.93 + 0.1 * 0.693 + 0.9 * 0.07, 1.6 - 0.1 * 3.2 - 0.9 * 0.4)
    )
    assert golden_path("adagrad", "1.5", 1)[1] == pytest.approx((-5.5, 0.5), abs=1e-6)
    assert golden_path("adam", "0.3", 1)[1] == pytest.approx((-6.7, 1.7), abs=1e-6)


@pytest.mark.parametrize("surface", [Parabola(a=0.5, b=-1), Valley(flatness=7)])
def test_gradients_of_surfaces_agree_with_central_differences(surface):
    dimensions = len(surface.minimum)
    point = np.array([0.7, -1.3])[:dimensions]
    for axis in range(dimensions):
        h = np.eye(dimensions)[axis] * 1e-5
        difference = (surface.value(point + h) - surface.value(point - h)) / 2e-5
        assert surface.gradient(point)[axis] == pytest.approx(difference, abs=1e-8)
    best = np.array(surface.minimum)
    assert surface.gradient(best) == pytest.approx(np.zeros(dimensions))
    assert surface.value(best) < surface.value(best + 0.1)


def test_a_schedule_and_a_divergence_are_followed():
    plan = Descent(
        surface=Parabola(), optimizer=SGD(0.5), start=(1.0,), steps=2, schedule=StepDecay(ratio=0.5, every=1)
    )
    assert plan.points()[:, 0] == pytest.approx([1.0, 0.0, 0.0])
    wild = Descent(surface=Parabola(), optimizer=SGD(1e6), start=(1.0,), steps=200).perform(Context())
    assert wild.scores["distance"] == float("inf") or np.isnan(wild.scores["distance"])
    assert all(np.isfinite(e.arrays["x"]).all() for e in wild.exhibits if e.kind == "surface")


def test_sentences_tell_convergence_oscillation_and_divergence():
    said = [sentence.say("en") for sentence in start.run("parabola", threads=1).sentences]
    assert "one step leads exactly" in said[2]
    assert "side to side and still converges" in said[3]
    assert "side to side forever" in said[4]
    assert "runs away" in said[5]


def test_the_picture_holds_the_path():
    outcome = start.run("valley", threads=1).of("SGD .95")[0]
    path, surface = outcome.exhibits
    assert path.arrays["points"].shape == (31, 2)
    assert surface.arrays["values"].shape == (len(surface.arrays["y"]), len(surface.arrays["x"]))
    assert surface.arrays["x"][0] < path.arrays["points"][:, 0].min()
    y, x = 3, 70
    expected = surface.arrays["x"][x] ** 2 / 20 + surface.arrays["y"][y] ** 2
    assert surface.arrays["values"][y, x] == pytest.approx(expected)
