"""What predict takes, and what it refuses: in every engine, and from a file."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

import koubai as kb
from koubai.core.errors import DataError, EngineError, ShapeError
from koubai.data.levels import Levels
from koubai.engines.choose import why_not_native
from support.close import assert_close

LAYERS = kb.Flatten(), kb.Linear(16), kb.ReLU(), kb.Linear(10)


def run_on(engine, source=None, layers=LAYERS, **more):
    if engine == "torch":
        pytest.importorskip("torch")
    elif engine == "native" and (reason := why_not_native()):
        pytest.skip(reason)
    source = source or kb.data.digits()
    settings = {"steps": 5, "batch_size": 20, "progress": False, **more}
    return kb.fit(kb.Sequential(*layers), source, engine=engine, **settings)


@pytest.fixture(scope="module", params=["native", "reference", "torch", "file"])
def trained(request, tmp_path_factory):
    run = run_on("reference" if request.param == "file" else request.param)
    return run if request.param != "file" else kb.load(run.save(tmp_path_factory.mktemp("nets") / "net"))


@pytest.fixture(scope="module")
def x():
    return kb.data.digits().read(None).x_test


def test_every_layout_and_type_of_the_same_numbers_gives_the_same_outputs(trained, x):
    expected = trained.predict(x)
    whole = np.repeat(x, 2, axis=0)
    whole[1::2] = 7
    locked = x.copy()
    locked.setflags(write=False)
    for same in (
        whole[::2],
        np.asfortranarray(x),
        x[::-1].copy()[::-1],
        x.astype(">f8"),
        x.astype(np.int64),
        x.astype(np.float16),
        x.astype(np.longdouble),
        locked,
        x.tolist(),
    ):
        np.testing.assert_array_equal(trained.predict(same), expected)
    for rows in (0, 1, 3, len(x)):
        assert trained.predict(x[:rows]).shape == (rows, 10)
        assert_close(trained.predict(x[:rows]), expected[:rows], terms=100)


@pytest.mark.parametrize("engine", ["native", "reference", "torch"])
def test_rows_of_levels_are_the_right_rows(engine, x):
    run = run_on(engine, kb.data.digits(scale="unit"))
    levels = Levels(x.astype(np.uint8), np.float32(0), np.float32(16))
    expected = run.session.outputs(np.asarray(levels))
    assert_close(run.session.outputs(levels), expected, terms=100)
    for codes in (levels.codes[::2], np.asfortranarray(levels.codes)[::2], levels.codes[::-2][::-1]):
        rows = Levels(codes, levels.shift, levels.width)
        assert_close(run.session.outputs(rows), run.session.outputs(np.asarray(rows)), terms=100)


@pytest.mark.parametrize(
    ("shape", "hint"),
    [
        ((2_000_000, 1), None),
        ((3, 1, 8, 7), None),
        ((8, 8), "x.reshape(1, 1, 8, 8)"),
        ((1, 8, 8), "this is one sample; a batch of one is x[None]"),
        ((5, 8, 8), "bring it to that shape: x[:, None]"),
        ((5, 64), "bring it to that shape: x.reshape(-1, 1, 8, 8)"),
        ((5, 8, 8, 1), "bring it to that shape: x.transpose(0, 3, 1, 2)"),
        ((64,), "bring it to that shape: x.reshape(1, 1, 8, 8)"),
        ((), None),
        ((0,), None),
    ],
)
def test_another_shape_is_refused_with_both_shapes_and_a_way(trained, shape, hint):
    with pytest.raises(ShapeError) as raised:
        trained.predict(np.zeros(shape, np.float32))
    text = str(raised.value)
    assert "expected: (n, 1, 8, 8)" in text
    assert f"got:      {shape}" in text
    assert hint is None or hint in text
    assert "ネットワークの受け取る形と違います" in raised.value.say("ja")


@pytest.mark.parametrize(
    "x",
    [
        np.zeros((2, 1, 8, 8), complex),
        np.full((2, 1, 8, 8), "1"),
        np.zeros((2, 1, 8, 8), "datetime64[s]"),
        np.zeros((2, 1, 8, 8), object),
        np.zeros((2, 1, 8, 8), [("a", "f4")]),
        np.ma.masked_equal(np.zeros((2, 1, 8, 8)), 0),
        [[1, 2], [3]],
        None,
        "digits",
        {1: 2},
        lambda: 1,
        np.full((2, 1, 8, 8), 1e300),
    ],
    ids=lambda x: f"{type(x).__name__} {getattr(x, 'dtype', '')}",
)
def test_what_is_no_array_of_numbers_is_refused(trained, x):
    with pytest.raises(DataError):
        trained.predict(x)


def test_nan_stays_in_its_row(trained, x):
    spoiled = x[:3].copy()
    spoiled[1] = np.nan
    y = trained.predict(spoiled)
    assert np.isnan(y[1]).all()
    assert_close(y[[0, 2]], trained.predict(x[:3])[[0, 2]], terms=100)


@pytest.mark.parametrize("engine", ["native", "reference", "torch"])
@pytest.mark.parametrize("threads", [1, 2])
def test_threads_that_use_one_run_do_not_disturb_each_other(engine, threads, x):
    run = run_on(engine, threads=threads)
    parts = [x[i::7] for i in range(7)]
    expected = [run.predict(part) for part in parts]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(10):
            for got, right in zip(pool.map(run.predict, parts), expected, strict=True):
                np.testing.assert_array_equal(got, right)


@pytest.mark.parametrize("engine", ["native", "reference", "torch"])
def test_predictions_while_another_thread_trains_are_those_of_some_step(engine):
    program = run_on(engine).session.program
    x, start = program.job.x[:9], program.state()
    indices = np.random.default_rng(0).integers(0, len(program.job.x), (60, 20))
    steps = [program.predict(x)]
    for row in indices:
        program.advance(row[None])
        steps.append(program.predict(x))
    program.restore(start)
    with ThreadPoolExecutor(1) as pool:
        training = pool.submit(lambda: [program.advance(row[None]) for row in indices])
        seen = [program.predict(x) for _ in range(40)]
        training.result()
    for y in seen:
        assert any(np.array_equal(y, step) for step in steps)


@pytest.mark.parametrize("engine", ["native", "reference", "torch"])
def test_a_program_refuses_indices_and_states_that_do_not_fit(engine):
    program = run_on(engine).session.program
    n = len(program.job.x)
    bad = [np.zeros(shape, int) for shape in ((1, 19), (20,), (1, 1, 20))]
    for indices in (*bad, np.zeros((1, 20)), np.full((1, 20), n), np.full((1, 20), -1)):
        with pytest.raises(EngineError):
            program.advance(indices)
    state = program.state()
    path = next(iter(state.weights.params))
    whole = state.weights.params[path]
    for bad, text in (
        (whole[:-1], "another shape"),
        (whole.tolist(), "not an array"),
        (whole.astype(str), "not an array"),
    ):
        state.weights.params[path] = bad
        with pytest.raises(kb.KoubaiError, match=text):
            program.restore(state)


@pytest.mark.parametrize("engine", ["native", "reference", "torch"])
def test_a_program_takes_over_no_job_whose_labels_or_inputs_do_not_fit(engine):
    program = run_on(engine).session.program
    job, start = program.job, program.state()
    masked = np.ma.masked_equal(job.t, 3)
    for field, bad in (
        *(("t", t) for t in (job.t - 1, job.t + 10**6, job.t[1:], masked, job.t.tolist(), job.t.astype(str))),
        *(("x", x) for x in (job.x[:, :, 1:], job.x[1:], None, np.asarray(job.x).astype(">f4"))),
    ):
        with pytest.raises(kb.KoubaiError):
            program.replace(replace(job, **{field: bad}))
    program.restore(start)
    assert np.isfinite(program.advance(np.arange(20)[None])).all()


def test_labels_that_are_changed_afterwards_reach_no_compiled_code():
    run = run_on("native")
    program = run.session.program
    program.job.t.setflags(write=True)
    try:
        kept = program.job.t.copy()
        program.job.t[:] = 10**9
        assert np.isfinite(program.advance(np.arange(40).reshape(2, 20))).all()
        program.job.t[:] = kept
    finally:
        program.job.t.setflags(write=False)


def test_values_have_no_classes(tmp_path):
    random = np.random.default_rng(0)
    data = kb.data.arrays(random.normal(size=(30, 2)), random.normal(size=30))
    run = run_on("reference", data, (kb.Linear(1),))
    for one in (run, kb.load(run.save(tmp_path / "net"))):
        for ask in (one.decide, one.predict_classes):
            with pytest.raises(DataError, match="the targets are values"):
                ask(np.zeros((1, 2)))


def test_a_network_of_one_feature_takes_numbers():
    x = np.linspace(0, 1, 30)
    run = run_on("reference", kb.data.arrays(x, 2 * x), (kb.Linear(1),))
    np.testing.assert_array_equal(run.predict(x), run.predict(x[:, None]))
