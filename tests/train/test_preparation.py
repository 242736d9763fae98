"""Preparation travels with what was trained: predict takes inputs as stored, whatever the source of data."""

from dataclasses import replace

import numpy as np
import pytest

import koubai as kb
from koubai.core.errors import DataError, RunError
from koubai.data import DATA
from koubai.data.scale import SCALES
from koubai.data.sources.flawed import Flawed
from koubai.train.model_file import save
from koubai.train.train import train
from support.sources import SAMPLES


@pytest.fixture(params=sorted(DATA))
def source(request, tmp_path):
    if request.param not in SAMPLES:
        pytest.fail(f"a new source: add a line for {request.param} to support/sources.py")
    return SAMPLES[request.param](tmp_path)


def as_stored(source, folder):
    """The test inputs as somebody has them who never heard of scales."""
    while isinstance(source, Flawed) and not any(flaw.of_inputs for flaw in source.flaws):
        source = source.source
    return np.asarray(source.read(folder).x_test)


def trained(source, outputs, data_dir, **more):
    net = kb.Sequential(kb.Flatten(), kb.Linear(outputs))
    settings = {"data_dir": data_dir, "engine": "reference", "steps": 3, "batch_size": 5, "progress": False}
    return kb.fit(net, source, **settings, **more)


@pytest.mark.parametrize("scale", SCALES)
def test_predict_on_stored_inputs_gives_the_scores_reported_and_so_does_what_was_saved(
    source, scale, tmp_path
):
    values = source.load(tmp_path).classes is None
    source = replace(source, scale=scale, target_scale="standard" if values else "raw")
    data = source.load(tmp_path)
    outputs = data.t_test.shape[1] if values else data.classes
    run = trained(source, outputs, tmp_path, folder=tmp_path / "run")
    x, score = as_stored(source, tmp_path), run.scores["test"]
    y = run.predict(x)
    if values:
        units = data.target_units
        np.testing.assert_allclose(
            np.square((y - units.shift) / units.width - data.t_test).mean(), score.loss
        )
    else:
        assert run.recipe.loss.value(y, data.t_test) == score.loss
        assert (run.decide(x) == data.t_test).mean() == score.accuracy
        called = np.array(data.class_names or range(data.classes))
        assert (run.predict_classes(x) == called[data.t_test]).mean() == score.accuracy
    for again in (kb.load(run.save(tmp_path / "net")), kb.load(tmp_path / "run"), kb.resume(tmp_path / "run",
                  data_dir=tmp_path, progress=False)):  # fmt: skip
        np.testing.assert_array_equal(again.predict(x), y)
        np.testing.assert_array_equal(again.predict(data.inputs("test")), y)
        if not values:
            np.testing.assert_array_equal(again.predict_classes(x), run.predict_classes(x))


def test_classes_that_were_chosen_keep_their_names(tmp_path):
    source = replace(kb.data.digits(), classes=(3, 8), scale="standard")
    run = trained(source, 2, tmp_path)
    x = kb.data.digits().read(None).x_test
    for one in (run, kb.load(run.save(tmp_path / "net"))):
        assert set(one.predict_classes(x)) <= {"3", "8"}
        assert set(one.decide(x)) <= {0, 1}


@pytest.fixture(scope="module")
def table():
    """A run on features of very different sizes, and the features."""
    random = np.random.default_rng(0)
    x = random.normal((1e6, -3, 0), (1e4, 0.01, 1), (80, 3))
    data = kb.data.arrays(x, 2e5 + x[:, 2], scale="standard", target_scale="standard")
    net = kb.Sequential(kb.Linear(1))
    run = kb.fit(net, data, optimizer=kb.Adam(0.05), batch_size=20, steps=400, progress=False, seed=0)
    return run, x


def test_values_come_in_their_own_units(table):
    run, x = table
    np.testing.assert_allclose(run.predict(x)[:, 0], 2e5 + x[:, 2], atol=0.1)


def test_a_run_that_goes_on_from_its_checkpoint_predicts_as_one_that_was_never_interrupted(tmp_path):
    def stop(session):
        if session.step >= 2:
            session.stopped_by = "interrupted"

    data = kb.data.moons(n=60, scale="robust")
    x = data.read(None).x_test
    recipe = kb.Recipe(kb.Sequential(kb.Linear(2)), data, steps=5, batch_size=5)
    part = train(recipe, engine="reference", folder=tmp_path / "run", on_progress=stop, save_every=1)
    assert part.stopped_by == "interrupted"
    again = kb.resume(tmp_path / "run", progress=False)
    np.testing.assert_array_equal(again.predict(x), train(recipe, engine="reference").predict(x))


def test_prepared_inputs_are_not_prepared_again(table):
    run, _ = table
    data = run.session.dataset
    expected = run.predict(data.x_test)
    np.testing.assert_array_equal(run.predict(data.x_test[::2]), expected[::2])
    np.testing.assert_array_equal(run.predict(data.x_test.astype(np.float64)), expected)
    np.testing.assert_array_equal(run.predict(np.asarray(data.x_test), prepared=True), expected)


def test_what_cannot_be_told_apart_is_asked(table):
    run, _ = table
    data = run.session.dataset
    with pytest.raises(DataError, match="computed from prepared inputs"):
        run.predict(data.x_test + 1)
    assert run.predict(data.x_test + 1, prepared=True).shape == (24, 1)
    other = kb.data.moons(n=40, scale="standard").load()
    with pytest.raises(DataError, match="not prepared in the way"):
        run.predict(other.x_test[:, [0, 1, 1]])
    images = trained(kb.data.digits(scale="unit"), 10, None)
    with pytest.raises(DataError, match="look prepared already"):
        images.predict(np.asarray(images.session.dataset.x_test))


def test_a_file_that_does_not_say_how_inputs_were_prepared_says_so(table, tmp_path):
    run, x = table
    path = save(tmp_path / "old", run.recipe, run.session.network, run.session.state().weights)
    with pytest.raises(RunError, match="do not say how"):
        kb.load(path).predict(x)
    prepared = np.asarray(run.session.dataset.x_test)
    y = run.session.dataset.as_stored(kb.load(path).predict(prepared, prepared=True))
    np.testing.assert_allclose(y, run.predict(prepared, prepared=True), rtol=1e-6)
