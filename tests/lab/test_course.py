"""The course's table: what is judged inside, which arms it has, what stands in its rows."""

from dataclasses import asdict, replace

import numpy as np
import pytest
from scipy.stats import t as student

from koubai.lab.catalog import catalog_experiment
from koubai.lab.closing import conclude
from koubai.lab.conclude.summarize import summarize
from koubai.lab.course.parts import ActivatedSigmoid, CrossedReLU, ThetaAdaGrad, ThinnedDropout
from koubai.lab.declare.experiment import Published
from koubai.lab.replay import (
    EXPERIMENTS,
    course_rows,
    equal_means,
    inside,
    misfits,
    needed,
    rows_of,
    valley_rows,
)
from koubai.layers import Sigmoid
from koubai.network.network import Network
from koubai.optim import AdaGrad
from support.data_files import real_folder
from support.made_runs import series

PUBLISHED = {
    "first-net": ["0.9196 0.0016 7"],
    "vanishing-gradient": ["0.11 0.006 11", "0.876 0.006 12", "0.918 0.006 13", "0.952 0.01 11"],
    "batch-normalization": ["0.81 0.016 9", "0.826 None None"],
    "optimizers": [
        "0.1135 None 15",
        "0.1105 0.006 17",
        "0.933 0.004 8",
        "0.1135 None None",
        "0.926 0.008 8",
        "0.942 0.007 20",
        "0.945 0.003 17",
    ],
    "over-fitting": [
        "0.761 0.01 17",
        "0.706 0.024 12",
        "0.64 0.135 11",
        "0.713 0.02 8",
        "0.726 0.023 13",
    ],
    "simple-convnet": ["0.96 0.004 18"],
    "double-convnet": ["0.784 0.012 9"],
    "deep-convnet": ["0.979 0.004 9"],
}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_published_number_is_there_with_the_exact_settings_of_the_catalogue(name):
    experiment = needed(name, 3)
    known = [arm.published for arm in experiment.arms if arm.published]
    assert [f"{p.mean} {p.sd} {p.n}" for p in known] == PUBLISHED[name]
    full = catalog_experiment(name, "mnist")
    for arm in experiment.arms:
        assert experiment.plan(arm, 1) == full.plan(full[arm.name], 1)
    names = [arm.name for arm in experiment.arms]
    for i, arm in enumerate(experiment.arms):
        if arm.defect and arm.published and not full.arms[0].defect:
            assert i > 0, names  # the right arm stands before the one with the defect


def summary(*values):
    return summarize("a", "test_accuracy", series("a", values))


def is_inside(summary, published):
    return all(inside(summary, published))


def test_inside_is_two_published_deviations_from_the_published_mean():
    assert is_inside(summary(0.92, 0.93), Published(0.90, 0.013))
    assert not is_inside(summary(0.92, 0.94), Published(0.90, 0.013))
    near = summary(0.93, 0.934, 0.926, 0.929, 0.931)  # mean .93, interval down to .9281
    assert inside(near, Published(0.9, 0.0145)) == (False, True)
    assert is_inside(near, Published(0.9, 0.0151))
    assert not is_inside(summary(0.94, 0.944, 0.936, 0.939, 0.941), Published(0.9, 0.0145))
    assert is_inside(summary(0.1135, 0.1135), Published(0.1135))
    assert not is_inside(summary(0.2, 0.2), Published(0.1135))
    assert is_inside(
        summary(0.80, 0.84), Published(0.86)
    )  # where none is published, our own deviation counts


def test_a_row_inside_may_still_not_fit():
    """AdaGrad .1: .0155 from .926 +- .008 (n 8) lies within two deviations of a run; the means are others."""
    ours, published = summary(0.939, 0.941, 0.9415, 0.942, 0.944), Published(0.926, 0.008, 8)
    assert is_inside(ours, published)
    p = equal_means(ours, published)
    n, m, s, t = 8, 5, 0.008, ours.sd
    freedom = (s**2 / n + t**2 / m) ** 2 / ((s**2 / n) ** 2 / (n - 1) + (t**2 / m) ** 2 / (m - 1))
    distance = (ours.mean - 0.926) / (s**2 / n + t**2 / m) ** 0.5
    assert p == pytest.approx(2 * student.sf(distance, freedom))
    experiment = needed("optimizers", 5)
    made = [run for arm in ("AdaGrad .1", "RMSProp .01") for run in series(arm, list(ours.values.values()))]
    rows = list(rows_of("optimizers", conclude(experiment, tuple(made))))
    assert [row.arm for row in misfits(rows)] == ["AdaGrad .1"]
    assert {row.kind for row in rows} == {"quoted"}


def test_rows_have_the_agreed_fields():
    experiment = needed("first-net", 2)
    runs = series("one hidden layer", [0.919, 0.921], seconds=2.0)
    (row,) = rows_of("first-net", conclude(experiment, runs))
    plain = asdict(row)
    agreed = "experiment arm published_mean published_sd published_n mean low high seeds inside seconds"
    assert list(plain)[:11] == agreed.split()
    assert (plain["mean"], plain["seeds"], plain["inside"], plain["seconds"]) == (0.92, 2, True, 4.0)


def test_the_valley_is_exact():
    rows = list(valley_rows())
    assert [row.arm for row in rows] == [arm.name for arm in catalog_experiment("valley").arms]
    assert all(row.inside and row.mean < 1e-13 for row in rows)


def test_thinned_dropout_is_inverted_dropout_of_thinner_weights_and_scales_gradients():
    x = np.ones((50, 40))
    network = Network(ThinnedDropout(0.25), (40,))
    weights = network.initialize(0)
    training = network.bind(weights, training=True, seed=3)
    training.step = 1
    y = training.forward(x)
    assert set(np.unique(y)) == {0.0, 1.0}
    assert y.mean() == pytest.approx(0.75, abs=0.03)
    assert np.array_equal(training.backward(np.full_like(x, 2.0)), 2 * y)
    assert np.array_equal(network.bind(weights).forward(x), 0.75 * x)


def test_the_wrong_derivatives_are_wrong_as_described():
    u = np.linspace(-6, 6, 25)
    y = Sigmoid().value(u)
    wrong = ActivatedSigmoid().derivative(u, y)
    assert np.allclose(wrong, Sigmoid().derivative(y, Sigmoid().value(y)))
    assert wrong.min() > 0.19
    assert np.allclose(CrossedReLU().derivative(u, np.maximum(u, 0)), y * (1 - y))
    assert np.array_equal(CrossedReLU().value(u), np.maximum(u, 0))


def test_the_defective_adagrad_differs_in_its_first_step_only_by_theta():
    w, slots = np.array([1.0]), {"h": np.zeros(1)}
    ThetaAdaGrad(0.1).update(w, np.array([1e-3]), slots, 0.1, 1)
    assert w[0] == pytest.approx(1 - 0.1 * 1e-3 / 1e-2, rel=1e-4)  # the right one would step .1
    ThetaAdaGrad(0.1).update(w, np.array([1e-3]), slots, 0.1, 2)
    assert slots["h"][0] == pytest.approx(1e-4 + 1e-6)
    right, slots = np.array([1.0]), {"h": np.zeros(1)}
    AdaGrad(0.1).update(right, np.array([1e-3]), slots, 0.1, 1)
    assert right[0] == pytest.approx(0.9, rel=1e-4)


@pytest.mark.parametrize("part", [ThinnedDropout, ActivatedSigmoid, CrossedReLU])
def test_parts_with_defects_are_not_for_sale(part):
    from koubai.core.layer import LAYERS

    assert part not in LAYERS.values()
    assert part.registry_name not in LAYERS
    assert not part.has_lowering()


@pytest.mark.skipif(not real_folder().exists(), reason="the published MNIST files are not here (KOUBAI_DATA)")
def test_a_piece_of_the_course_runs(monkeypatch, tmp_path):
    def short(name, seeds):
        experiment = needed(name, seeds)
        return replace(experiment, base=experiment.base.edit(steps=400))

    monkeypatch.setattr("koubai.lab.replay.EXPERIMENTS", ("vanishing-gradient",))
    monkeypatch.setattr("koubai.lab.replay.needed", short)
    rows = list(course_rows(data_dir=real_folder(), seeds=1, out=tmp_path, threads=1))
    arms = [row.arm for row in rows]
    assert "ReLU + normal .01, update 200" in arms
    assert "Adam .3" in arms
    early = rows[arms.index("ReLU + normal .01, update 200")]
    assert early.mean == pytest.approx(0.1135, abs=0.04)
    assert (tmp_path / "vanishing-gradient-mnist" / "runs").is_dir()
