"""Descents against closed forms and against fifty digits."""

import numpy as np
import pytest

from koubai.lab import start
from koubai.lab.course.golden import golden_path
from koubai.lab.perform.outcome import Context
from koubai.lab.perform.plans.descent import Descent
from koubai.lab.perform.plans.starts import Starts
from koubai.lab.perform.plans.surfaces import Cliff, Parabola, Saddle, TwoMinima, Valley
from koubai.optim import SGD, AdaGrad, Adam, Momentum, RMSProp
from koubai.schedules import StepDecay


@pytest.mark.parametrize("rate", [0.05, 0.3, 0.5, 0.9, 1.0, 1.05])
def test_on_a_parabola_the_error_shrinks_by_one_minus_two_eps(rate):
    plan = Descent(surface=Parabola(a=2, b=1), optimizer=SGD(rate), start=(-3.0,), steps=20)
    points = plan.points()[:, 0]
    assert points - 2 == pytest.approx(-5 * (1 - 2 * rate) ** np.arange(21), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    "optimizer", [SGD(0.95), Momentum(0.1), AdaGrad(1.5), RMSProp(0.1), RMSProp(0.3), Adam(0.3)]
)
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
    assert golden_path("rmsprop", "0.1", 1)[1] == pytest.approx((-6.0, 1.0), abs=1e-5)  # 10 eps each
    assert golden_path("adam", "0.3", 1)[1] == pytest.approx((-6.7, 1.7), abs=1e-6)


@pytest.mark.parametrize(
    "surface",
    [Parabola(a=0.5, b=-1), Valley(flatness=7), Saddle(turn=30), Cliff(), TwoMinima(tilt=0.1)],
)
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


def test_left_of_the_edge_a_cliff_grows_like_its_steepness():
    cliff, x = Cliff(), np.array([-10.0])
    difference = (cliff.value(x + 1e-5) - cliff.value(x - 1e-5)) / 2e-5
    assert cliff.gradient(x)[0] == pytest.approx(difference, rel=1e-8)
    assert cliff.gradient(x)[0] < -cliff.steep * 1.9


def test_a_turned_saddle_turns_the_path_of_sgd_and_not_that_of_adagrad():
    straight, turned = Saddle(), Saddle(turn=45.0)
    for optimizer, same in ((SGD(0.1), True), (AdaGrad(0.1), False)):
        plan = Descent(surface=straight, optimizer=optimizer, start=straight.place(-2.0, 0.01), steps=20)
        ends = plan.points()[-1]
        again = plan.edit(surface=turned, start=turned.place(-2.0, 0.01)).points()[-1]
        assert (np.array(turned.place(*ends)) == pytest.approx(again, abs=1e-9)) is same


def test_steps_near_a_saddle_are_counted_on_the_path():
    plan = Descent(surface=Saddle(), optimizer=SGD(0.1), start=(-2.0, 0.01), steps=300)
    near = sum(bool(x * x + y * y < 0.25) for x, y in plan.points()[1:])
    assert plan.perform(Context()).scores["steps_near_saddle"] == near
    assert "steps_near_saddle" not in start.run("parabola", threads=1).runs[0].scores


def test_on_the_ridge_no_optimizer_leaves_the_saddle():
    for optimizer in (SGD(0.1), Momentum(0.1), AdaGrad(0.1), RMSProp(0.01), Adam(0.1)):
        points = Descent(surface=Saddle(), optimizer=optimizer, start=(-2.0, 0.0), steps=300).points()
        assert not points[:, 1].any()


def test_many_starts_are_single_descents_side_by_side():
    plan = Starts(surface=TwoMinima(), optimizer=Momentum(0.05), low=-2, high=2, count=9, steps=60, seed=3)
    one_by_one = [
        Descent(surface=TwoMinima(), optimizer=Momentum(0.05), start=(x,), steps=60).points()[-1, 0]
        for x in plan.starts()
    ]
    assert plan.ends() == pytest.approx(one_by_one, rel=1e-12)


def test_sgd_ends_in_the_minimum_on_the_side_where_it_starts():
    plan = Starts(surface=TwoMinima(), optimizer=SGD(0.05), low=-2, high=2)
    scores = plan.perform(Context()).scores
    assert (scores["passed_shallow"], scores["left_deep"]) == (0, 0)
    assert scores["global_share"] == (plan.starts() > TwoMinima().top).mean()


def test_what_momentum_leaves_a_step_is_what_its_path_shows():
    from koubai.lab.experiments.valley_momentum import FLAT, STEEP, left_of_a_step

    for optimizer, steps in ((SGD(0.95), 40), (SGD(0.1), 40), (Momentum(0.1), 400)):
        points = Descent(surface=Valley(), optimizer=optimizer, start=(-7.0, 2.0), steps=2 * steps).points()
        for axis, curvature in enumerate((FLAT, STEEP)):
            before, after = (np.abs(points[n - 30 : n + 1, axis]).max() for n in (steps, 2 * steps))
            assert (after / before) ** (1 / steps) == pytest.approx(
                left_of_a_step(optimizer, curvature), rel=0.01
            )


def test_the_common_surface_holds_every_path():
    from koubai.report.sections.exhibits import path_section

    (picture,) = path_section(start.run("valley-momentum", threads=1)).pictures
    for panel in picture.panels:
        figure = panel.figure.plotly()
        path = next(trace for trace in figure.data if len(trace.x) == 31)
        for values, axis in ((path.x, figure.layout.xaxis), (path.y, figure.layout.yaxis)):
            assert axis.range[0] <= min(values) <= max(values) <= axis.range[1]
