"""A step stays on its device: on one that holds no numbers at all, and captured as a graph of operations."""

from contextlib import nullcontext
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from koubai.data.augment import Flip, Mixup
from koubai.data.levels import Levels
from koubai.engines import Observation, compile_job
from koubai.engines.torch.program import TorchProgram
from koubai.engines.torch.source import Resident, Sent
from koubai.layers import Conv2d, Dropout, Flatten, Linear, ReLU, Sequential
from koubai.losses import LOSSES, SoftmaxCrossEntropy
from koubai.network import Network
from koubai.optim import OPTIMIZERS, SGD, Adam, AdamW, RAdam
from koubai.optim.clipping import Clipping
from koubai.penalties import PENALTIES
from koubai.schedules import ExponentialDecay
from support.fake_device import FakeGraphs, Watched
from support.torch_jobs import NETWORKS, batches, job

LOWERED = [name for name in NETWORKS if name != "odd ends"]  # Step() has a formula alone
PULLS = tuple(PENALTIES[name]() for name in PENALTIES)
EVERYTHING = {
    "penalties": PULLS,
    "clipping": Clipping(norm=0.1, value=0.05),
    "schedule": ExponentialDecay(0.9),
    "frozen": ("4",),
}
PADDED = Sequential(
    Conv2d(3, 3, padding=1, padding_mode="random"),
    ReLU(),
    Conv2d(3, 3, padding=1, padding_mode="reflect"),
    Dropout(0.4),
    Flatten(),
    Linear(4),
)


def padded(dtype="float64", **changes):
    return replace(job("branches", dtype, **changes), network=Network(PADDED, (2, 6, 6)))


def jobs():
    return {
        **{name: job(name) for name in LOWERED},
        **{f"rule {name}": job("dropout", optimizer=OPTIMIZERS[name](0.03)) for name in OPTIMIZERS},
        **{f"loss {name}": job("mlp", loss=LOSSES[name]()) for name in LOSSES},
        "everything": job("dropout", optimizer=Adam(0.03), **EVERYTHING),
        "everything, float32": job("dropout", "float32", optimizer=AdamW(0.03), **EVERYTHING),
        "padded": padded(),
        "bytes": replace(job("mlp", "float32"), x=levels(12)),
        "bfloat16": job("convnet", "float32", precision="bfloat16"),
        "float16": job("convnet", "float32", precision="float16", optimizer=Adam(0.03)),
    }


def levels(*shape):
    codes = np.random.default_rng(4).integers(0, 256, (40, *shape), np.uint8)
    codes.flags.writeable = False
    return Levels(codes, np.float32(3), np.float32(255))


@pytest.mark.parametrize("name", jobs())
def test_a_step_waits_for_nothing_and_makes_nothing_elsewhere(name, monkeypatch):
    """On "meta" there are no numbers: whoever read one, or met a tensor of the host, would be refused.

    The first step may send what stays the same from then on, such as what a padded place shows.
    """
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())  # "meta" casts nothing
    program = TorchProgram(jobs()[name], torch.device("meta"))
    rows = batches(2)
    tables = program._step.source.tables(rows, 1)
    losses = torch.zeros(2, dtype=torch.float64, device="meta")
    program._runner.run([table[:1] for table in tables], range(1, 2), losses[:1])
    with Watched("meta") as seen:
        program._runner.run([table[1:] for table in tables], range(2, 3), losses[1:])
        program._step.tapped([table[0] for table in tables], Observation(tap_every=1, units=True))
    assert seen.count > 20
    assert not seen.waits
    assert not seen.strangers


def test_the_watch_sees_what_a_gpu_would_wait_for():
    with Watched("meta") as seen:
        torch.zeros(3).sum().item()
    assert seen.waits == ["aten::_local_scalar_dense"]
    assert seen.strangers
    with pytest.raises(RuntimeError, match="meta"), Watched("meta"):
        torch.zeros(3, device="meta").sum().item()


def test_losses_and_taps_come_over_once_a_stretch():
    program = TorchProgram(job("dropout"))
    program._stretch_steps = 30
    taken = []
    with Watched("cpu") as seen:
        losses = program.advance(batches(30), Observation(tap_every=3, units=True), taken.append)
    assert len(taken) == 10
    assert np.isfinite(losses).all()
    assert not seen.waits


def graphed(job):
    """A program whose steps are recorded, then replayed."""
    graphs = FakeGraphs()
    program = TorchProgram(job, recorder=graphs)
    flat = program._flat
    scale = [] if flat.scale is None else [flat.scale]
    graphs.keeps = [flat.params, flat.grads, flat.buffers, *flat.slots.values(), *scale]
    return program, graphs


@pytest.mark.parametrize("name", jobs())
def test_a_captured_step_is_the_step(name):
    eager, (program, graphs) = TorchProgram(jobs()[name]), graphed(jobs()[name])
    rows = batches(14)
    for each in (eager, program):
        losses = [each.advance(part) for part in (rows[:5], rows[5:])]
        each.losses = np.concatenate(losses)
    assert graphs.captures == 1 + (name == "rule radam"), program.listing()
    assert graphs.replays == 14 - 3, program.listing()
    np.testing.assert_array_equal(program.losses, eager.losses)
    for path, w in eager.state().weights.params.items():
        np.testing.assert_allclose(program.state().weights.params[path], w, rtol=1e-6, atol=1e-9)
    assert "captured" in program.listing()


def test_tapped_steps_stand_between_captured_ones():
    plan = Observation(tap_every=4, first_until=1)
    records = []
    for program in (TorchProgram(padded()), graphed(padded())[0]):
        taken = []
        program.advance(batches(13), plan, taken.append)
        records.append([(tap.step, tap.moments["0.weight", "update"].norm) for tap in taken])
    assert [step for step, _ in records[0]] == [1, 4, 8, 12]
    np.testing.assert_allclose(records[1], records[0], rtol=1e-12)


def test_a_rule_of_two_kinds_is_captured_twice():
    program, graphs = graphed(job("mlp", optimizer=RAdam(0.01)))
    program.advance(batches(12))
    assert graphs.captures == 2
    assert graphs.replays == 12 - 3


@dataclass(frozen=True)
class Slowly(SGD):
    """A rule of somebody else's, which looks at a tensor as a whole."""

    def update(self, w, dw, slots, alpha, t):
        w -= alpha * dw / (1 + np.linalg.norm(dw))


@dataclass(frozen=True)
class Halved(SoftmaxCrossEntropy):
    """A loss of somebody else's."""

    def value(self, y, t):
        return super().value(y, t) / 2

    def gradient(self, y, t):
        return super().gradient(y, t) / 2


@pytest.mark.parametrize("changes", [{"optimizer": Slowly(0.1)}, {"loss": Halved()}])
def test_what_others_wrote_runs_by_its_formula_and_is_not_captured(changes):
    mine = job("mlp", **changes)
    program, graphs = graphed(mine)
    losses = program.advance(batches(8))
    np.testing.assert_allclose(losses, compile_job(mine, "reference").advance(batches(8)), rtol=1e-9)
    assert graphs.captures == 0
    name = type(next(iter(changes.values()))).__name__
    assert f"reference formula (NumPy): {name}" in program.listing()
    assert f"as {name} runs on the host" in program.listing()


@pytest.mark.parametrize(
    ("message", "told"),
    [("operation not permitted\nmore of it", "operation not permitted"), ("", "RuntimeError")],
)
def test_a_step_that_cannot_be_captured_stays_eager_and_says_why(message, told):
    program, graphs = graphed(job("mlp"))

    def refuse(work):
        raise RuntimeError(message)

    graphs.capture = refuse
    losses = program.advance(batches(8))
    np.testing.assert_array_equal(losses, TorchProgram(job("mlp")).advance(batches(8)))
    assert f"each step again, as {told}\n" in program.listing()


def test_steps_after_a_loss_that_is_not_finite_are_undone():
    steep = job("convnet", "float32", optimizer=SGD(1e30))
    programs = [TorchProgram(steep) for _ in range(2)]
    programs[0]._stretch_steps = 50  # the other one looks after one step, then two ...
    with np.errstate(all="ignore"):
        losses = [program.advance(batches(50)) for program in programs]
    assert len(losses[0]) == len(losses[1]) < 50
    np.testing.assert_array_equal(losses[0], losses[1])
    states = [program.state() for program in programs]
    assert states[0].step == states[1].step == len(losses[0])
    for path, w in states[0].weights.params.items():
        np.testing.assert_array_equal(w, states[1].weights.params[path])


def test_calls_for_a_few_steps_do_not_lengthen_the_stretch_for_many():
    program = TorchProgram(job("mlp"))
    for row in batches(12):
        program.advance(row[None])
    assert program._stretch_steps <= 2


def test_another_job_shortens_the_stretch_to_what_may_be_sent_at_once(monkeypatch):
    program = TorchProgram(job("branches"))
    program._stretch_steps = 8
    monkeypatch.setattr("koubai.engines.torch.source._SENT", 1)
    assert program.replace(job("branches", augment=(Flip(),)))
    source, sent = program._step.source, []
    monkeypatch.setattr(
        source, "tables", lambda rows, step: sent.append(rows) or Sent.tables(source, rows, step)
    )
    program.advance(batches(4))
    assert [len(rows) for rows in sent] == [1, 1, 1, 1]


def test_data_lie_on_the_device_as_bytes():
    (mine,) = (one for name, one in jobs().items() if name == "bytes")
    source = TorchProgram(mine)._step.source
    assert isinstance(source, Resident)
    assert source._x.dtype == torch.uint8
    assert source._x.data_ptr() == mine.x.codes.ctypes.data  # a CPU's memory is the host's
    x, t = source.batch([torch.tensor([5, 2, 5])])
    np.testing.assert_array_equal(x.numpy(), np.asarray(mine.x[[5, 2, 5]]))
    np.testing.assert_array_equal(t.numpy(), mine.t[[5, 2, 5]])


def test_batches_that_are_made_by_the_host_are_sent_a_stretch_at_a_time(monkeypatch):
    altered = job("branches", augment=(Flip(), Mixup()))
    program = TorchProgram(altered)
    assert isinstance(program._step.source, Sent)
    losses = program.advance(batches(6))
    np.testing.assert_allclose(losses, compile_job(altered, "reference").advance(batches(6)), rtol=1e-9)
    plain = TorchProgram(job("branches")).advance(batches(6))
    monkeypatch.setattr("koubai.engines.torch.source._SHARE", -1.0)  # as if nothing had room
    sent = TorchProgram(job("branches"))
    assert isinstance(sent._step.source, Sent)
    np.testing.assert_array_equal(sent.advance(batches(6)), plain)
