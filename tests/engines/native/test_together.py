"""Programs that run as one: who may, and that each has the bits that it has alone."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from koubai.core.layer import Layer
from koubai.engines import Observation, compile_job
from koubai.engines.bundle import bundle_of
from koubai.engines.native import together
from koubai.engines.native.kernels import tiles
from koubai.engines.native.kernels.linear import Linear as LinearBlock
from koubai.engines.native.kernels.linear import linear, linear_weights
from koubai.engines.native.kernels.strips import strips_of
from koubai.engines.native.kernels.together import Arms, linear_arms, linear_arms_weights
from koubai.initializers import Normal
from koubai.layers import (
    BatchNorm,
    Conv2d,
    Dropout,
    Flatten,
    Linear,
    ReLU,
    Residual,
    Sequential,
    Sigmoid,
    Tanh,
)
from koubai.optim import SGD, Adam, Momentum
from koubai.optim.clipping import Clipping
from koubai.penalties import L2
from support.jobs import batches, classes_job
from support.kernels import run_kernel

pytestmark = pytest.mark.skipif(not tiles.HAVE_WIDE_REGISTERS, reason="programs run as one with AVX-512 only")

SHAPE = (1, 6, 7)
TAPS = Observation(tap_every=3, first_until=1, units=True)
GUARD = 40


def guarded(*shape):
    """An array with numbers around it that nobody may touch."""
    memory = np.full(int(np.prod(shape)) + 2 * GUARD, 7, np.float32)
    return memory, memory[GUARD:-GUARD].reshape(shape)


@pytest.mark.parametrize(
    ("width", "arms"), [(16, 2), (17, 3), (20, 2), (24, 4), (31, 2), (40, 3), (64, 2), (100, 2)]
)
@pytest.mark.parametrize("bias", [True, False])
def test_products_side_by_side_have_the_bits_of_each_alone(width, arms, bias):
    rng, (rows, F) = np.random.default_rng(width), (13, 21)
    x = rng.standard_normal((rows, F), np.float32)
    W = [rng.standard_normal((F, width), np.float32) for _ in range(arms)]
    b = [rng.standard_normal(width, np.float32) if bias else 0 for _ in range(arms)]
    dy = [rng.standard_normal((rows, width), np.float32) for _ in range(arms)]
    results = [[guarded(*shape) for _ in range(arms)] for shape in ((rows, width), (F, width), (width,))]
    y, dW, db = ([array for _, array in arrays] for arrays in results)

    def at(arrays):
        return [array if isinstance(array, int) else array.ctypes.data for array in arrays]

    strips = strips_of(width, at(W), at(b), at(y))
    run_kernel(linear_arms, Arms(x, strips, len(strips), rows, F, width, arms, 0))
    strips = strips_of(width, at(dy), [0] * arms, at(dW))
    sums = np.array(list(zip(at(dy), at(db) if bias else [0] * arms, strict=True)), np.int64)
    run_kernel(linear_arms_weights, Arms(x, strips, len(strips), rows, F, width, arms, sums))
    for n in range(arms):
        alone = [np.zeros_like(array) for array in (y[n], dW[n], db[n])]
        run_kernel(linear, LinearBlock(x, W[n], b[n], alone[0], rows, F, width))
        run_kernel(linear_weights, LinearBlock(x, alone[1], alone[2] if bias else 0, dy[n], rows, F, width))
        assert y[n].tobytes() == alone[0].tobytes()
        assert dW[n].tobytes() == alone[1].tobytes()
        assert not bias or db[n].tobytes() == alone[2].tobytes()
    for memory, array in (pair for arrays in results for pair in arrays):
        assert (memory[:GUARD] == 7).all()
        assert (memory[-GUARD:] == 7).all()
        assert bias or array.ndim == 2 or (array == 7).all()


@dataclass(frozen=True)
class Halved(Layer):
    """A layer without a kernel."""

    def output_shape(self, shape):
        return shape

    def forward(self, cell, x):
        return x / 2

    def backward(self, cell, dy):
        return dy / 2


def net(activation, *more, units=24, bias=True):
    return Sequential(Flatten(), Linear(units, bias=bias), activation, *more, Linear(10))


BASE = classes_job(net(ReLU()), SHAPE, batch=12, samples=60, optimizer=SGD(0.1))
ARMS = {
    "numbers": [
        BASE,
        replace(BASE, optimizer=SGD(0.03)),
        replace(BASE, seed=7),
        replace(BASE, frozen=("1",)),
    ],
    "initial weights": [
        replace(BASE, network=replace(BASE.network, initializer=Normal(std))) for std in (0.01, 0.1, 0.3)
    ],
    "layers behind the first": [
        replace(BASE, network=replace(BASE.network, layer=layer))
        for layer in (
            net(Sigmoid()),
            net(Dropout(0.3), ReLU()),
            net(BatchNorm(), Tanh(), Linear(9), ReLU()),
            net(ReLU(), Residual(Sequential(Linear(24), Tanh()))),
        )
    ],
    "rules": [
        replace(BASE, optimizer=Adam(0.01)),
        replace(BASE, optimizer=Momentum(0.02), penalties=(L2(0.01),)),
        replace(BASE, clipping=Clipping(norm=0.1)),
    ],
    "no bias": [
        replace(BASE, network=replace(BASE.network, layer=net(layer, bias=False)))
        for layer in (ReLU(), Tanh())
    ],
}


@pytest.fixture
def as_one(monkeypatch):
    """How many programs ran as one, each time some did."""
    counts, run = [], together.AsOne.run
    monkeypatch.setattr(
        together.AsOne, "run", lambda self, first: (counts.append(len(self._plans)), run(self, first))[1]
    )
    return counts


def trained(programs, indices, bundle=None):
    """Losses, taps, states and answers of some steps, in two stretches; as a bundle or one by one."""
    x, taps, losses = programs[0].job.x[:20], [[] for _ in programs], [[] for _ in programs]
    for part in (indices[:4], indices[4:]):
        if bundle is None:
            found = [p.advance(part, TAPS, t.append) for p, t in zip(programs, taps, strict=True)]
        else:
            found = bundle.advance(range(len(programs)), part, TAPS, [t.append for t in taps])
        for all_losses, more in zip(losses, found, strict=True):
            all_losses.extend(more.tolist())
    answers = [p.predict(x) for p in programs] if bundle is None else bundle.predict(range(len(programs)), x)
    return losses, taps, [p.state() for p in programs], answers


def assert_same_bits(a, b):
    """Two training states are equal to the last bit."""
    assert a.step == b.step
    for path, w in a.weights.params.items():
        assert w.tobytes() == b.weights.params[path].tobytes(), path


def flat(found):
    """Everything that came of it, as bytes by name, for each program."""
    result = []
    for losses, taps, state, answers in zip(*found, strict=True):
        arrays = {"answers": answers, **state.weights.params, **state.weights.buffers, **state.slots}
        moments = {
            (record.step, *key, name): np.asarray(value)
            for record in taps
            for key, moment in record.moments.items()
            for name, value in vars(moment).items()
        }
        result.append(
            {"losses": losses, "step": state.step}
            | {name: array.tobytes() for name, array in arrays.items()}
            | {name: value.tobytes() for name, value in moments.items() if value.dtype != object}
        )
    return result


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("name", ARMS)
def test_each_program_has_the_bits_that_it_has_alone(name, as_one):
    jobs, indices = ARMS[name], batches(BASE, 11)
    alone = trained([compile_job(job, "native") for job in jobs], indices)
    assert as_one == []
    programs = [compile_job(job, "native") for job in jobs]
    bundle = bundle_of(programs)
    assert len(bundle) == len(jobs)
    assert flat(trained(programs, indices, bundle)) == flat(alone)
    assert set(as_one) == {len(jobs)}
    assert {record.step for record in alone[1][0]} == {1, 3, 6, 9}


def test_one_that_diverges_leaves_the_others(as_one):
    jobs = [BASE, replace(BASE, optimizer=SGD(1e30)), replace(BASE, optimizer=SGD(0.2))]
    programs = [compile_job(job, "native") for job in jobs]
    indices = batches(BASE, 11)
    found = bundle_of(programs).advance(range(3), indices, TAPS, [list[object]().append for _ in jobs])
    assert [len(losses) == 11 for losses in found] == [True, False, True]
    for program, job, losses in zip(programs, jobs, found, strict=True):
        again = compile_job(job, "native")
        assert again.advance(indices, TAPS, lambda record: None).tobytes() == losses.tobytes()
        assert_same_bits(again.state(), program.state())
    assert set(as_one) == {3, 2}


def test_an_interrupt_leaves_each_after_whole_steps(monkeypatch):
    programs = [compile_job(job, "native") for job in ARMS["numbers"]]
    bundle, indices, run = bundle_of(programs), batches(BASE, 11), together.AsOne.run

    def interrupted(self, first):
        run(self, first)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(together.AsOne, "run", interrupted)
        with pytest.raises(KeyboardInterrupt):
            bundle.advance(range(4), indices, Observation(), [list[object]().append for _ in programs])
    (done,) = {program.state().step for program in programs}
    assert 1 <= done <= 11
    for program, job in zip(programs, ARMS["numbers"], strict=True):
        again = compile_job(job, "native")
        again.advance(indices[:done])
        assert_same_bits(again.state(), program.state())


def with_layer(layer):
    return replace(BASE, network=replace(BASE.network, layer=layer))


OTHERS = {
    "other numbers": replace(BASE, x=BASE.x.copy()),
    "other batches": replace(BASE, batch_size=10),
    "other units": with_layer(net(ReLU(), units=32)),
    "no bias": with_layer(net(ReLU(), bias=False)),
}
BY_THEMSELVES = {
    "several threads": replace(BASE, threads=2),
    "few units": with_layer(net(ReLU(), units=15)),
    "a convolution first": with_layer(Sequential(Conv2d(16, 3), net(ReLU()))),
    "x goes further": with_layer(Sequential(Flatten(), Residual(Sequential(Linear(42))), Linear(10))),
    "a formula in Python": with_layer(net(Halved())),
}


@pytest.mark.parametrize("name", OTHERS)
def test_who_shares_less_runs_alone(name):
    assert bundle_of([compile_job(BASE, "native"), compile_job(OTHERS[name], "native")]) is None
    assert len(bundle_of([compile_job(OTHERS[name], "native") for _ in range(2)])) == 2


@pytest.mark.parametrize("name", BY_THEMSELVES)
def test_who_runs_alone_even_beside_its_like(name):
    assert bundle_of([compile_job(BY_THEMSELVES[name], "native") for _ in range(2)]) is None


def test_other_engines_run_alone():
    assert bundle_of([compile_job(BASE, "native"), compile_job(BASE, "reference")]) is None


def test_work_that_differs_goes_on_one_by_one(as_one):
    programs = [compile_job(BASE, "native") for _ in range(2)]
    first, second = batches(BASE, 5), batches(BASE, 5, seed=6)
    found = together.together([programs[0].advancing(first), programs[1].advancing(second)])
    assert as_one == []
    for losses, indices in zip(found, (first, second), strict=True):
        assert losses.tobytes() == compile_job(BASE, "native").advance(indices).tobytes()
