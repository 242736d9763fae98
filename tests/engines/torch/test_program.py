"""What the torch engine promises beside agreement: forks, regularization, formulas it has no function for."""

import warnings
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from koubai.core.errors import DataError
from koubai.core.layer import Layer
from koubai.core.params import BufferSpec, ParamSpec
from koubai.engines import Job, Observation, compile_job
from koubai.engines.torch.arrays import TensorArray
from koubai.engines.torch.program import TorchProgram
from koubai.initializers import Constant
from koubai.layers import BatchNorm, Dropout, Linear, ReLU, Sequential
from koubai.losses import SoftmaxCrossEntropy
from koubai.network import Network
from koubai.optim import OPTIMIZERS, SGD, AdamW
from koubai.optim.clipping import Clipping
from koubai.penalties import L2, PENALTIES, ProximalL1


@dataclass(frozen=True)
class Drift(Layer):
    """y = a x + mean, where mean follows x: a layer with a parameter and a buffer, and no lowering."""

    def params(self, shape):
        return {"a": ParamSpec(shape, Constant(0.7))}

    def buffers(self, shape):
        return {"mean": BufferSpec(shape)}

    def forward(self, cell, x):
        if cell.training:
            cell.mean[...] = 0.9 * cell.mean + 0.1 * x.mean(axis=0)
        cell.save(x)
        return cell.a * x + cell.mean

    def backward(self, cell, dy):
        (x,) = cell.saved
        cell.grad(a=(dy * x).sum(axis=0))
        return dy * cell.a


@dataclass(frozen=True)
class Doubled(Layer):
    """y = 2 inner(x): a composite without a lowering."""

    inner: Layer

    def children(self):
        return {"inner": self.inner}

    def output_shape(self, shape):
        return self.inner.output_shape(shape)

    def forward(self, cell, x):
        return 2 * cell.children["inner"].forward(x)

    def backward(self, cell, dy):
        return cell.children["inner"].backward(2 * dy)


# A bias in front of a batch norm has gradient 0; Adam would amplify its rounding noise, so there is none.
LAYER = Sequential(Linear(8, bias=False), BatchNorm(), ReLU(), Dropout(0.3), Linear(3))


def job(layer=LAYER, **changes):
    random = np.random.default_rng(1)
    x, t = random.normal(size=(40, 6)), random.integers(0, 3, 40)
    settings = {"optimizer": SGD(0.1), "seed": 3, "dtype": "float64", **changes}
    network = Network(layer, (6,))
    return Job(
        network=network,
        loss=SoftmaxCrossEntropy(),
        x=x.astype(settings["dtype"]),
        t=t,
        batch_size=8,
        **settings,
    )


def batches(steps, seed=2):
    return np.random.default_rng(seed).integers(0, 40, (steps, 8))


def arrays(program):
    state = program.state()
    return {**state.weights.params, **state.weights.buffers, **state.slots}


def assert_same(a, b):
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], err_msg=name)


def assert_agree(job, steps=5):
    programs = [compile_job(job, engine) for engine in ("reference", "torch")]
    for program in programs:
        program.advance(batches(steps))
    reference, ours = map(arrays, programs)
    assert reference.keys() == ours.keys()
    for name, w in reference.items():
        np.testing.assert_allclose(ours[name], w, rtol=1e-8, atol=1e-11, err_msg=name)


@pytest.mark.parametrize(
    "layer",
    [
        Sequential(Drift(), Linear(4), Drift(), Linear(3)),
        Sequential(Doubled(Sequential(Linear(5), Drift())), Linear(3)),
    ],
)
def test_layers_without_lowering_run_by_formula_and_say_so(layer):
    assert_agree(job(layer))
    records = []
    for engine in ("reference", "torch"):
        program = compile_job(job(layer), engine)
        program.advance(batches(1), Observation(tap_every=1, units=True), records.append)
    assert records[0].moments.keys() == records[1].moments.keys()
    assert "reference formula" in program.listing()
    assert "torch functions" in program.listing()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_agrees(name):
    assert_agree(job(optimizer=OPTIMIZERS[name](learning_rate=0.03)))


def test_penalties_clipping_and_frozen_parameters_agree():
    penalties = tuple(PENALTIES[name]() for name in PENALTIES)
    assert_agree(job(penalties=penalties, clipping=Clipping(norm=0.1, value=0.05), frozen=("4", "1.beta")))


@pytest.mark.parametrize("name", PENALTIES)
def test_penalties_run_on_tensors_as_they_are_written(name):
    penalty, w = PENALTIES[name](), np.array([-1.5, 0.0, 0.3, 2.0])
    dw = TensorArray(torch.ones(4, dtype=torch.float64))
    dw += penalty.gradient(TensorArray(torch.from_numpy(w)))
    np.testing.assert_allclose(dw.tensor.numpy(), 1 + penalty.gradient(w))
    shrunk = torch.from_numpy(w.copy())
    penalty.shrink(TensorArray(shrunk), 1e4)
    penalty.shrink(w, 1e4)
    np.testing.assert_allclose(shrunk.numpy(), w)


def test_a_large_layer_is_updated_in_parts(monkeypatch):
    monkeypatch.setattr("koubai.engines.torch.rule._BLOCK", 7)
    settings = {"penalties": (ProximalL1(0.1), L2(0.1)), "clipping": Clipping(norm=0.1), "frozen": ("4",)}
    assert_agree(job(optimizer=AdamW(0.03), **settings))


def test_a_fork_continues_bit_for_bit():
    whole, half = TorchProgram(job()), TorchProgram(job())
    whole.advance(batches(10))
    half.advance(batches(10)[:4])
    fork = TorchProgram(job())
    fork.restore(half.state())
    half.advance(batches(3, seed=9))  # must not reach the fork
    fork.advance(batches(10)[4:])
    assert_same(arrays(whole), arrays(fork))


def test_taps_do_not_change_a_bit():
    watched, alone = TorchProgram(job()), TorchProgram(job())
    watched.advance(batches(6), Observation(tap_every=1, units=True), lambda tap: None)
    alone.advance(batches(6))
    assert_same(arrays(watched), arrays(alone))


def test_replace_takes_hyper_parameters_and_refuses_another_network():
    program, other = TorchProgram(job()), TorchProgram(job(optimizer=SGD(0.3)))
    program.advance(batches(2))
    other.restore(program.state())
    assert program.replace(job(optimizer=SGD(0.3)))
    for one in (program, other):
        one.advance(batches(2, seed=5))
    assert_same(arrays(program), arrays(other))
    assert not program.replace(job(Sequential(Linear(3))))


def test_it_stops_at_the_first_loss_that_is_not_finite():
    with np.errstate(all="ignore"):
        losses = TorchProgram(job(optimizer=SGD(1e200))).advance(batches(50))
    assert len(losses) < 50
    assert not np.isfinite(losses[-1])


def test_threads_are_put_back():
    before = torch.get_num_threads()
    TorchProgram(replace(job(), threads=before + 1)).advance(batches(1))
    assert torch.get_num_threads() == before


def test_data_that_nobody_may_write_to_is_predicted_without_a_warning():
    program, x = TorchProgram(job()), job().x
    expected = program.predict(x)
    x.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(program.predict(x), expected)


def test_bfloat16_is_mixed_with_float32_master_weights():
    plain, mixed = (TorchProgram(job(dtype="float32", precision=p)) for p in ("float32", "bfloat16"))
    losses = [program.advance(batches(20)) for program in (plain, mixed)]
    assert {w.dtype for w in mixed.state().weights.params.values()} == {np.dtype("float32")}
    assert (losses[0] != losses[1]).any()
    np.testing.assert_allclose(losses[1], losses[0], rtol=0.05)


def test_targets_that_the_loss_cannot_take_are_refused_before_the_device_sees_them():
    with pytest.raises(DataError, match="not a class"):
        TorchProgram(replace(job(Sequential(Linear(1))), t=np.arange(40) % 2)).advance(batches(1))
