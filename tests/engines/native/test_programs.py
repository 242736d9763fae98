"""What a program promises beside its results: determinism, forks, taps, shards, formulas inside, listings."""

import os
import re
import subprocess
import sys
import threading
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

import koubai
from koubai.core.errors import EngineError
from koubai.core.layer import Layer
from koubai.core.params import ParamSpec
from koubai.core.taps import Magnitudes, Moments, Squares
from koubai.engines import Observation, compile_job
from koubai.engines.choose import kernels_of
from koubai.engines.native.instructions import Region
from koubai.engines.native.kernels import tiles
from koubai.initializers import Normal
from koubai.layers import (
    GELU,
    AveragePool2d,
    BatchNorm,
    Concatenate,
    Conv2d,
    Dropout,
    Flatten,
    GlobalAveragePool,
    Identity,
    LayerNorm,
    Linear,
    LocalResponseNorm,
    MaxPool2d,
    ReLU,
    Residual,
    Sequential,
    Softmax,
    Tanh,
)
from koubai.losses import Loss, SoftmaxCrossEntropy
from koubai.optim import SGD, Adam, Momentum, Optimizer
from koubai.optim.clipping import Clipping
from koubai.penalties import L2, Penalty
from support.close import assert_close
from support.jobs import batches, classes_job
from support.marks import long

with_both = pytest.mark.usefixtures("backend")

CONVNET = Sequential(
    *(Conv2d(20, 3), ReLU(), MaxPool2d(2), Conv2d(10, 3, padding=1), BatchNorm(), ReLU(), Dropout(0.2)),
    *(Flatten(), Linear(30), ReLU(), Dropout(0.5), Linear(10)),
)
SHAPE = (1, 12, 12)
SOME_STEPS = Observation(tap_every=3, first_until=2, units=True)


def trained(job, steps=8, taps=None, seed=5, on_tap=lambda record: None):
    """Losses and state after some steps."""
    program = compile_job(job, "native")
    losses = program.advance(batches(job, steps, seed), taps, on_tap)
    return losses, program.state()


def assert_same_bits(a, b):
    """Two training states are equal to the last bit."""
    for one, other in (
        (a.weights.params, b.weights.params),
        (a.weights.buffers, b.weights.buffers),
        (a.slots, b.slots),
    ):
        assert list(one) == list(other)
        for path in one:
            assert one[path].tobytes() == other[path].tobytes(), path
    assert a.step == b.step


# ---------------------------------------------------------------------------------------- determinism

IN_A_PROCESS = """
import sys
sys.path[:0] = {paths!r}
from engines.native.test_programs import CONVNET, SHAPE, SOME_STEPS, trained
from support.jobs import classes_job
from koubai.optim import Adam
import hashlib
records = []
job = classes_job(CONVNET, SHAPE, optimizer=Adam(), threads={threads})
losses, state = trained(job, taps=SOME_STEPS, on_tap=records.append)
digest = hashlib.sha256(losses.tobytes())
for array in (*state.weights.params.values(), *state.weights.buffers.values(), *state.slots.values()):
    digest.update(array.tobytes())
for record in records:
    for key, moments in record.moments.items():
        digest.update(repr((key, moments)).encode())
print(digest.hexdigest())
"""


@with_both
@pytest.mark.parametrize("threads", [*long(1), 2])
def test_the_same_job_gives_the_same_bits_in_every_process(threads):
    tests = Path(__file__).parents[2]
    code = IN_A_PROCESS.format(paths=[str(tests), str(tests / "support")], threads=threads)
    runs = [
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ)
        )
        for _ in range(2)
    ]
    assert runs[0].stdout == runs[1].stdout
    assert len(runs[0].stdout.strip()) == 64


@with_both
@pytest.mark.parametrize("threads", [1, 3])
def test_a_resumed_run_continues_bit_by_bit(threads):
    job = classes_job(CONVNET, SHAPE, optimizer=Adam(), threads=threads)
    indices = batches(job, 10)
    whole = compile_job(job, "native")
    losses = whole.advance(indices, SOME_STEPS, lambda record: None)
    first = compile_job(job, "native")
    first.advance(indices[:4])
    second = compile_job(job, "native")
    second.restore(first.state())
    assert np.array_equal(second.advance(indices[4:]), losses[4:])
    assert_same_bits(second.state(), whole.state())


@with_both
def test_how_a_stretch_is_cut_changes_nothing():
    job = classes_job(CONVNET, SHAPE, optimizer=Momentum())
    indices = batches(job, 9)
    program = compile_job(job, "native")
    parts = [program.advance(part) for part in (indices[:1], indices[1:6], indices[6:])]
    losses, state = trained(job, 9)
    assert np.array_equal(np.concatenate(parts), losses)
    assert_same_bits(program.state(), state)


@with_both
def test_programs_in_threads_do_not_interfere():
    jobs = [
        classes_job(CONVNET, SHAPE, optimizer=Adam(), seed=seed, threads=1 + seed % 2) for seed in range(4)
    ]
    alone = [trained(job, 30) for job in jobs]
    together = [None] * len(jobs)

    def work(number):
        together[number] = trained(jobs[number], 30)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for (losses, state), (other_losses, other_state) in zip(alone, together, strict=True):
        assert np.array_equal(losses, other_losses)
        assert_same_bits(state, other_state)


@with_both
@pytest.mark.parametrize("threads", [2, 3, 20])
def test_shards_agree_with_one_thread(threads):
    job = classes_job(CONVNET, SHAPE, threads=threads, batch=16 * threads)
    assert f"{threads} shards" in compile_job(job, "native").listing()
    np.testing.assert_allclose(trained(job)[0], trained(replace(job, threads=1))[0], rtol=1e-4)


@with_both
@pytest.mark.parametrize(
    ("batch", "shards"),
    [(20, "2 shards side by side, each with 10"), (100, "6 shards side by side, each with 16")],
)
def test_sixty_four_cores_get_no_more_shards_than_have_rows(batch, shards):
    """The plan alone: nothing runs, so it can be looked at on any machine."""
    job = classes_job(Sequential(Linear(8), ReLU(), Linear(3)), (9,), threads=64, batch=batch)
    assert f"{shards} of {batch} samples and one thread" in compile_job(job, "native").listing()


def test_many_parameters_run_in_one_shard_where_threads_can_share_a_product(backend):
    layer = Sequential(
        Flatten(), Linear(2100), BatchNorm(), ReLU(), Dropout(0.5), Linear(1000), ReLU(), Linear(10)
    )
    job = classes_job(layer, (10, 10), threads=2, clipping=Clipping(norm=0.5), penalties=(L2(1e-3),))
    way = {"onednn": "one shard, 2 threads", "blas": "2 shards side by side"}[backend]
    assert way in compile_job(job, "native").listing()
    native, reference = compile_job(job, "native"), compile_job(job, "reference")
    indices = batches(job, 5)
    np.testing.assert_allclose(native.advance(indices), reference.advance(indices), rtol=1e-4)
    np.testing.assert_allclose(native.predict(job.x), reference.predict(job.x), rtol=1e-3, atol=1e-4)


# ---------------------------------------------------------------------------------------- taps


def records(job, engine, steps=6, plan=SOME_STEPS):
    program = compile_job(job, engine)
    found = []
    program.advance(batches(job, steps), plan, found.append)
    return found


def assert_same_taken(got: Squares, expected: Squares, name: object) -> None:
    """Sums within rounding; counts of zeros where rounding cannot make or unmake one."""
    assert type(got) is type(expected), name
    assert got.count == expected.count, name
    assert got.nonfinite == expected.nonfinite, name
    if isinstance(got, Magnitudes) and isinstance(expected, Magnitudes):
        assert got.total_abs == pytest.approx(expected.total_abs, rel=2e-4, abs=1e-6), name
    assert got.total_square == pytest.approx(expected.total_square, rel=5e-4, abs=1e-9), name
    if not isinstance(got, Moments) or not isinstance(expected, Moments):
        return
    assert got.zeros == pytest.approx(expected.zeros, abs=2 + 1e-3 * expected.count), name
    small = 1.5e-4 * expected.norm * expected.count**0.5 + 1e-6  # at least the sum of magnitudes
    assert got.total == pytest.approx(expected.total, abs=small), name
    assert (got.units is None) == (expected.units is None), name
    if expected.units is not None:
        assert got.units.shape == expected.units.shape, name
        _, _, square = size = np.abs(expected.units).max(axis=0) + 1e-6
        size[1] = np.sqrt(square * expected.count)  # a sum may cancel
        assert (np.abs(got.units - expected.units) <= 1e-3 * size + [2, 0, 0]).all(), name


TAPPED = {
    "mlp": (Sequential(Flatten(), Linear(30), Tanh(), Linear(10)), (1, 4, 4)),
    "convnet": (
        Sequential(
            *(Conv2d(20, 3), ReLU(), MaxPool2d(2), Conv2d(10, 3), Tanh()),
            *(Flatten(), Dropout(0.2), Linear(10)),
        ),
        (1, 12, 12),
    ),
    "pools": (
        Sequential(
            *(Conv2d(18, 3), MaxPool2d(2), Conv2d(5, 3, padding=1), ReLU(), MaxPool2d(3, stride=2)),
            *(Conv2d(20, 1), ReLU(), MaxPool2d(2), ReLU(), Flatten(), Linear(10)),
        ),
        (1, 16, 16),
    ),
    "masks": (
        Sequential(
            *(ReLU(), Conv2d(4, 3, padding=1), ReLU(), Residual(ReLU()), Conv2d(4, 3), ReLU(), Flatten()),
            *(Linear(12), ReLU(), Concatenate(ReLU(), Linear(3)), Linear(10)),
        ),
        (2, 5, 5),
    ),
    "identity first": (Sequential(Identity(), Conv2d(3, 3), Tanh(), Flatten(), Linear(10)), (2, 5, 5)),
    "batch norm": (
        Sequential(Conv2d(5, 3, bias=False), BatchNorm(), ReLU(), Flatten(), Linear(10)),
        (3, 6, 6),
    ),
    "data in another form first": (
        Sequential(
            *(AveragePool2d(2), ReLU(), MaxPool2d(2), Residual(Sequential(GELU(), Conv2d(3, 1)))),
            *(Concatenate(Identity(), ReLU()), Flatten(), Linear(10)),
        ),
        (3, 8, 8),
    ),
    "branches": (
        Sequential(
            *(Conv2d(6, 3, padding=1), Residual(Conv2d(6, 3, padding=1)), LocalResponseNorm()),
            *(Concatenate(Identity(), Conv2d(4, 1)), AveragePool2d(2), GELU(), GlobalAveragePool()),
            *(LayerNorm(), Linear(10), Softmax(), Linear(10)),
        ),
        (3, 8, 8),
    ),
}


@with_both
@pytest.mark.parametrize("units", [True, False])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", TAPPED)
def test_taps_are_those_of_the_reference(name, threads, units):
    layer, shape = TAPPED[name]
    job = classes_job(layer, shape, threads=threads, penalties=(L2(0.01),), clipping=Clipping(norm=0.5))
    plan = replace(SOME_STEPS, units=units)
    got, expected = records(job, "native", plan=plan), records(job, "reference", plan=plan)
    assert [record.step for record in got] == [record.step for record in expected] == [1, 2, 3, 6]
    for one, other in zip(got, expected, strict=True):
        assert set(one.moments) == set(other.moments)
        assert not job.network.untapped & set(one.moments)
        for key in other.moments:
            assert_same_taken(one.moments[key], other.moments[key], key)


@with_both
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("units", [True, False])
def test_weights_have_the_same_bits_with_taps_and_without(units, threads):
    job = classes_job(CONVNET, SHAPE, optimizer=Adam(), threads=threads, clipping=Clipping(norm=0.1))
    losses, state = trained(job, 12)
    tapped_losses, tapped_state = trained(job, 12, Observation(tap_every=2, first_until=3, units=units))
    assert np.array_equal(losses, tapped_losses)
    assert_same_bits(state, tapped_state)


POOLED = Sequential(
    *(Conv2d(20, 3), ReLU(), MaxPool2d(2), Conv2d(5, 2), ReLU(), MaxPool2d(2, stride=3)),
    *(Flatten(), Linear(6)),
)


@pytest.mark.parametrize("scale", [1e-12, 1e12])
@pytest.mark.parametrize("name", ["dense", "pooled"])
def test_sums_of_squares_keep_their_range(name, scale):
    net, shape = {"dense": (Sequential(Linear(8), ReLU(), Linear(6)), (5,)), "pooled": (POOLED, (1, 14, 14))}[
        name
    ]
    job = classes_job(net, shape, scale=scale, loss=SoftmaxCrossEntropy(), optimizer=SGD(1e-6))
    (got,), (expected,) = (
        records(job, engine, 1, Observation(tap_every=1, units=False)) for engine in ("native", "reference")
    )
    for key, sums in expected.moments.items():
        assert got.moments[key].total_square == pytest.approx(sums.total_square, rel=2e-3), key
    assert expected.moments["0", "activation"].total_square > 0


def test_nan_is_counted():
    job = classes_job(Sequential(Linear(8), ReLU(), Linear(6)), (5,))
    program = compile_job(job, "native")
    state = program.state()
    state.weights.params["0.weight"][:, 3] = np.nan
    program.restore(state)
    found = []
    program.advance(batches(job, 1), Observation(tap_every=1, units=True), found.append)
    sums = found[0].moments["0", "activation"]
    assert sums.nonfinite == job.batch_size
    assert np.isnan(sums.total)
    assert np.isnan(sums.units[3, 1])
    assert np.isfinite(sums.units[[0, 1, 2, 4]]).all()


# What is done to some weights before a step: they become factor w + summand.
ODD_WEIGHTS = {
    "gradients below float32's squares": ("7.weight", ..., 1e-22, 0),
    "one channel is NaN": ("0.weight", 3, 1, np.nan),
    "one channel is infinite": ("0.bias", 3, 1, np.inf),
    "no unit is alive": ("3.bias", ..., 1, -1e3),
}


@with_both
@pytest.mark.parametrize("name", ODD_WEIGHTS)
def test_what_pooling_taps_is_right_for_odd_numbers_too(name):
    job = classes_job(POOLED, (1, 14, 14))
    path, where, factor, summand = ODD_WEIGHTS[name]
    found = []
    for engine in ("native", "reference"):
        program = compile_job(job, engine)
        state = program.state()
        w = state.weights.params[path]
        w[where] = factor * w[where] + summand
        program.restore(state)
        with np.errstate(all="ignore"):
            (loss,) = program.advance(batches(job, 1), Observation(tap_every=1, units=False), found.append)
    got, expected = found
    for key, sums in expected.moments.items():
        if key[1] != "activation" and np.isnan(loss):
            continue  # 0 times NaN is 0 in one engine and NaN in the other
        assert got.moments[key].nonfinite == sums.nonfinite, key
        for field in ("zeros", "total", "total_abs", "total_square"):
            if hasattr(sums, field):
                mine, theirs = getattr(got.moments[key], field), getattr(sums, field)
                assert mine == pytest.approx(
                    theirs, rel=1e-3, abs=1e-5 if field == "total" else 0, nan_ok=True
                ), (key, field)


@with_both
@pytest.mark.parametrize("units", [False, True])
def test_taps_of_a_stretch_are_those_of_single_steps(units):
    job = classes_job(CONVNET, SHAPE)
    whole, single = [], []
    compile_job(job, "native").advance(
        batches(job, 9), Observation(tap_every=3, first_until=2, units=units), whole.append
    )
    program = compile_job(job, "native")
    for row in batches(job, 9):
        program.advance(row[None], Observation(tap_every=3, first_until=2, units=units), single.append)
    assert [record.step for record in whole] == [1, 2, 3, 6, 9] == [record.step for record in single]
    for one, other in zip(whole, single, strict=True):
        assert set(one.moments) == set(other.moments)
        for key, sums in one.moments.items():
            same = other.moments[key]
            mine, theirs = vars(sums).copy(), vars(same).copy()
            units, rows = mine.pop("units", None), theirs.pop("units", None)
            assert mine == theirs
            assert (units is None) == (rows is None)
            assert units is None or np.array_equal(units, rows)


def test_taps_of_many_steps_stack():
    job = classes_job(CONVNET, SHAPE)
    records = []
    compile_job(job, "native").advance(batches(job, 6), Observation(tap_every=2, units=True), records.append)
    stacked = records[0].moments.stacked([record.moments for record in records])
    for key, sums in stacked.items():
        steps = [record.moments[key] for record in records]
        assert sums.norm.tolist() == [step.norm for step in steps]
        if isinstance(sums, Magnitudes):
            assert sums.mean_abs.tolist() == [step.mean_abs for step in steps]
        if isinstance(sums, Moments):
            assert sums.std.tolist() == [step.std for step in steps]
            assert np.array_equal(sums.units, np.stack([step.units for step in steps]))


@pytest.mark.parametrize("every", [1, 40])
def test_a_diverged_stretch_ends_with_its_taps(every):
    job = classes_job(Sequential(Linear(6)), (5,), optimizer=SGD(3e38))
    records = []
    losses = compile_job(job, "native").advance(
        batches(job, 50), Observation(tap_every=every, units=False), records.append
    )
    assert len(losses) < 50
    assert not np.isfinite(losses[-1])
    assert [record.step for record in records] == list(range(every, len(losses) + 1, every))


def test_a_tapped_step_works_in_the_memory_of_the_step_before_it():
    layer, shape = TAPPED["convnet"]
    program = compile_job(classes_job(layer, shape), "native")
    plain, tapped = (
        program._links.training.places,
        program._links.tapped(Observation(tap_every=1, units=False)).places,
    )
    assert plain.bases[0][Region.SHARD] == tapped.bases[0][Region.SHARD]


def test_what_computes_products_has_a_name_and_a_version(backend):
    assert kernels_of("native").startswith({"onednn": "oneDNN 3.", "blas": "Numba + BLAS"}[backend])
    assert kernels_of("reference") == ""


# ---------------------------------------------------------------------------------------- forks


@with_both
def test_a_fork_under_other_numbers_needs_no_compiling():
    job = classes_job(CONVNET, SHAPE, optimizer=Adam(), penalties=(L2(0.1),), clipping=Clipping(norm=1.0))
    other = replace(
        job,
        optimizer=Adam(0.01, beta1=0.5),
        penalties=(L2(0.01),),
        clipping=Clipping(norm=0.1),
        seed=8,
        frozen=("0",),
    )
    program = compile_job(job, "native")
    program.advance(batches(job, 3))
    state = program.state()
    assert program.replace(other)
    losses = program.advance(batches(job, 4, seed=6))
    fresh = compile_job(other, "native")
    fresh.restore(state)
    assert np.array_equal(fresh.advance(batches(job, 4, seed=6)), losses)
    assert_same_bits(fresh.state(), program.state())


@pytest.mark.parametrize(
    "change",
    [
        {"optimizer": SGD()},
        {"batch_size": 21},
        {"penalties": (L2(), L2())},
        {"clipping": Clipping(value=1.0)},
        {"dtype": "float64"},
        {"loss": SoftmaxCrossEntropy(smoothing=0.1)},
    ],
    ids=str,
)
def test_another_structure_is_refused(change):
    job = classes_job(CONVNET, SHAPE, optimizer=Adam())
    program = compile_job(job, "native")
    before = program.state()
    assert not program.replace(replace(job, **change))
    assert program.job == job
    assert_same_bits(before, program.state())


def test_other_data_may_take_the_place():
    job = classes_job(CONVNET, SHAPE)
    other = replace(job, x=job.x[:50] + 1, t=job.t[:50][::-1])
    program, fresh = compile_job(job, "native"), compile_job(other, "native")
    assert program.replace(other)
    assert np.array_equal(program.advance(batches(other, 3)), fresh.advance(batches(other, 3)))


# ---------------------------------------------------------------------------------------- formulas inside


@dataclass(frozen=True)
class Scale(Layer):
    """y = w x, without a lowering."""

    def params(self, shape):
        return {"weight": ParamSpec(shape, Normal(1.0))}

    def forward(self, cell, x):
        cell.save(x)
        return x * cell.weight

    def backward(self, cell, dy):
        (x,) = cell.saved
        cell.grad(weight=(x * dy).sum(axis=0))
        return dy * cell.weight


@dataclass(frozen=True)
class Twice(Layer):
    """y = f(f(x)) of a layer and its neighbor, without a lowering."""

    first: Layer
    second: Layer

    def children(self):
        return {"first": self.first, "second": self.second}

    def forward(self, cell, x):
        return cell.children["second"].forward(cell.children["first"].forward(x))

    def backward(self, cell, dy):
        return cell.children["first"].backward(cell.children["second"].backward(dy))


@dataclass(frozen=True)
class Absolute(Loss):
    """E = mean |y|, without a kernel."""

    def value(self, y, t):
        return float(np.abs(y).mean())

    def gradient(self, y, t):
        return np.sign(y) / y.size


@dataclass(frozen=True)
class Signs(Optimizer):
    """w <- w - alpha sign(dw), without a kernel."""

    slots = ("count",)

    def update(self, w, dw, slots, alpha, t):
        slots["count"] += 1
        w -= alpha * np.sign(dw)


@dataclass(frozen=True)
class Cubic(Penalty):
    """Gradient lambda w^3, without a kernel."""

    def gradient(self, w):
        return self.strength * w**3


FORMULAS = {
    "layer": {"layer": Sequential(Linear(8), Scale(), Dropout(0.5), Linear(6))},
    "layer on images": {
        "layer": Sequential(Conv2d(20, 3), Scale(), Flatten(), Linear(6)),
        "shape": (1, 7, 7),
    },
    "composite": {"layer": Sequential(Linear(8), Twice(Scale(), Dropout(0.5)), Linear(6))},
    "loss": {"loss": Absolute()},
    "optimizer": {"optimizer": Signs(0.01), "clipping": Clipping(norm=0.1), "penalties": (L2(0.1),)},
    "penalty": {"penalties": (L2(0.1), Cubic(0.1))},
}


@with_both
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", FORMULAS)
def test_what_has_no_kernel_runs_its_formula_and_is_listed(name, threads):
    fields = {
        "layer": Sequential(Linear(8), Tanh(), Linear(6)),
        "shape": (9,),
        "threads": threads,
    } | FORMULAS[name]
    job = classes_job(**fields)
    native, reference = compile_job(job, "native"), compile_job(job, "reference")
    assert "reference formula" in native.listing()
    taps = Observation(tap_every=2, units=True)
    got, expected = [], []
    indices = batches(job, 5)
    losses = native.advance(indices, taps, got.append)
    np.testing.assert_allclose(losses, reference.advance(indices, taps, expected.append), rtol=1e-4)
    np.testing.assert_allclose(native.predict(job.x), reference.predict(job.x), rtol=1e-3, atol=1e-4)
    for path, slot in reference.state().slots.items():
        np.testing.assert_allclose(native.state().slots[path], slot, rtol=1e-3, err_msg=path)
    for one, other in zip(got, expected, strict=True):
        assert set(one.moments) == set(other.moments)
        for key in other.moments:
            if name != "optimizer" or key[1] != "update":  # the sign of a gradient near 0 is rounding
                assert_same_taken(one.moments[key], other.moments[key], key)


# ---------------------------------------------------------------------------------------- reading, errors


def test_the_listing_names_layers_primitives_and_layouts(backend):
    program = compile_job(classes_job(CONVNET, SHAPE), "native")
    text = program.listing()
    products = {
        "onednn": ("oneDNN 3.", "convolution_forward", "jit:", "pack W", "pool"),
        "blas": (
            *("Numba + BLAS kernels", "convolve_weights", "max_pool"),
            "W as the forward product reads it" if tiles.pay() else "kernel, BLAS",
        ),
    }
    for part in (
        *products[backend],
        "0 Conv2d",
        "channels last",
        "batch",
        "update",
        "MiB at the peak",
    ):
        assert part in text
    assert "no row of their own (part of a neighbor, or nothing to move): 1 ReLU, 5 ReLU, 7 Flatten" in text
    shares = program.profile(batches(program.job, 5))
    assert shares.sum() == pytest.approx(1)
    assert (shares >= 0).all()
    assert "time: batch" in program.listing()
    assert program.state().step == 5


@with_both
@pytest.mark.parametrize("name", ["images of three channels", "average pooling", "concatenation"])
def test_every_change_of_layout_says_why(name):
    layer = {
        "images of three channels": Sequential(Conv2d(20, 3, padding=2), ReLU(), Conv2d(8, 3)),
        "average pooling": Sequential(AveragePool2d(2), Conv2d(16, 3), ReLU(), MaxPool2d(2), Conv2d(4, 1)),
        "concatenation": Concatenate(Identity(), Sequential(Conv2d(32, 1), ReLU())),
    }[name]
    job = classes_job(Sequential(layer, Flatten(), LayerNorm(), Linear(10)), (3, 12, 12))
    for line in compile_job(job, "native").listing().splitlines():
        if any(
            f" {what} " in line for what in ("reorder", "first_to_last", "last_to_first", "block_to_last")
        ):
            assert re.search(r"(pack W|unpack dW|W in bfloat16|as this layer reads it)", line), line


def test_indices_outside_the_data_are_refused():
    job = classes_job(Sequential(Linear(6)), (5,))
    program = compile_job(job, "native")
    with pytest.raises(EngineError, match="outside the data"):
        program.advance(np.full((1, job.batch_size), len(job.x)))
    with pytest.raises(EngineError, match="another shape"):
        program.advance(np.zeros((2, 3), int))


def test_float64_is_refused_and_chosen_for_the_reference():
    job = classes_job(Sequential(Linear(6)), (5,))
    wide = replace(job, dtype="float64", x=job.x.astype(float))
    with pytest.raises(EngineError, match="float32"):
        compile_job(wide, "native")
    assert compile_job(wide).engine == "reference"
    assert compile_job(job).engine == "native"


WITHOUT = """
import warnings
warnings.simplefilter("error")
from koubai.engines.choose import engine_title, why_not_native
from koubai.engines import compile_job
from koubai.layers import Linear
from support.jobs import classes_job
print(why_not_native(), compile_job(classes_job(Linear(4), (3,))).engine)
print(engine_title("native", "en"))
print(engine_title("native", "ja"))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere oneDNN is not looked for")
@pytest.mark.parametrize(
    ("library", "reason"),
    [("/nowhere/libdnnl.so.3", "oneDNN does not load: /nowhere"), ("libc.so.6", "a function is missing")],
)
def test_without_its_library_the_engine_runs_with_blas_and_says_so_in_one_line(library, reason):
    env = dict(os.environ, KOUBAI_ONEDNN=library, PYTHONPATH=str(Path(__file__).parents[2]))
    run = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True, env=env)
    native, english, japanese = run.stdout.splitlines()
    assert native == "None native"
    assert english.startswith("native (Numba + BLAS kernels: ")
    assert reason in english
    assert japanese.startswith("native（Numba と BLAS で計算: ")


NARROW = """
from koubai.engines import compile_job
from koubai.layers import Linear, Sequential
from support.jobs import classes_job
program = compile_job(classes_job(Sequential(Linear(3000), Linear(2900)), (5,), batch=2, samples=2), "native")
print("reference formula" in program.listing(), program.engine)
"""


@pytest.mark.parametrize("instructions", ["AVX2", *long("SSE41")])
def test_a_large_product_needs_no_formula_on_processors_with_narrower_vectors(instructions):
    env = dict(os.environ, ONEDNN_MAX_CPU_ISA=instructions, PYTHONPATH=str(Path(__file__).parents[2]))
    run = subprocess.run([sys.executable, "-c", NARROW], capture_output=True, text=True, check=True, env=env)
    assert run.stdout.split() == ["False", "native"]


def test_importing_koubai_imports_no_numba():
    code = "import koubai, koubai.engines, sys; print('numba' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
    assert koubai.__file__


@with_both
@pytest.mark.parametrize(
    "layer",
    [ReLU(), Sequential(Flatten(), ReLU()), Sequential(Flatten(), Linear(4), ReLU()), Flatten()],
    ids=repr,
)
def test_predicting_reads_the_data_where_it_lies_and_leaves_it_alone(layer):
    job = classes_job(layer, (2, 3))
    program, reference = compile_job(job, "native"), compile_job(job, "reference")
    x = np.random.default_rng(0).standard_normal((300, 2, 3), dtype=np.float32)
    kept = x.copy()
    x.setflags(write=False)
    for rows in (1, 16, 17, 128, 300):  # whole and filled-up passes in turn
        reference.restore(program.state())
        assert_close(program.predict(x[:rows]), reference.predict(x[:rows]), terms=6)
    assert np.array_equal(x, kept)
