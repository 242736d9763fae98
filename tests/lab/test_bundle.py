"""Runs that train side by side: which ones do, and that each comes out as it does alone."""

from dataclasses import replace

import numpy as np
import pytest

import koubai as kb
from koubai.core.errors import EngineError
from koubai.data.augment.erase import Erase
from koubai.engines.choose import why_not_native
from koubai.engines.native.kernels import tiles
from koubai.lab.campaign import run_experiment
from koubai.lab.declare.experiment import Arm, Experiment, Observations
from koubai.lab.perform import bundle
from koubai.lab.perform.bundle import fellows, perform_all
from koubai.lab.perform.channel import Near
from koubai.lab.perform.executors import process_workers, thread_workers
from koubai.lab.perform.outcome import Stopped
from koubai.lab.perform.store import Store
from koubai.lab.perform.work import perform_task, tasks_of
from koubai.train.early_stopping import EarlyStopping

pytestmark = pytest.mark.skipif(
    why_not_native() is not None or not tiles.HAVE_WIDE_REGISTERS,
    reason="runs train side by side with AVX-512 only",
)

ARMS = (
    Arm("base"),
    Arm("slow", {"optimizer.learning_rate": 0.01}),
    Arm("wide weights", {"initializer": kb.Normal(0.5)}),
    Arm("dropout", {"network.dropout": 0.3}),
    Arm("decay", {"penalties": (kb.L2(0.01),)}),
    Arm("diverges", {"optimizer.learning_rate": 1e30}),
    Arm("stops early", {"early_stopping": EarlyStopping(patience=1), "optimizer.learning_rate": 2.0}),
    Arm("sigmoid", {"network.activation": "sigmoid"}),
)


def data(**preparation):
    """Pictures of 16 x 16 numbers, of three kinds."""
    rng = np.random.default_rng(0)
    t = rng.integers(0, 3, 300)
    x = rng.integers(0, 150, (300, 1, 16, 16)) + 40 * t[:, None, None, None]
    return kb.data.arrays(x.astype(np.uint8), t, validation=50, scale="unit", **preparation)


@pytest.fixture
def arms():
    return Experiment(
        name="arms",
        base=kb.Recipe(
            kb.models.Mlp((20, 10), classes=3), data(), optimizer=kb.SGD(0.1), steps=40, batch_size=20
        ),
        arms=ARMS,
        seeds=(0, 1),
        observations=Observations(
            taps=5, evaluations=4, histograms=True, weights=True, signal=True, outputs=True
        ),
    )


@pytest.fixture
def together(monkeypatch):
    """The names of the arms that trained side by side, bundle by bundle."""
    seen, train = [], bundle._train

    def spy(tasks, line):
        seen.append([task.arm for task in tasks])
        return train(tasks, line)

    monkeypatch.setattr(bundle, "_train", spy)
    return seen


def kept(run):
    """All of a result but how long it took."""
    return replace(run, seconds=0.0, startup=0.0)


def test_runs_come_out_as_they_do_alone(arms, together):
    tasks = tasks_of(arms)
    alone = [perform_task(task, Near()) for task in tasks]
    assert together == []
    found = perform_all(tasks, Near())
    names = [arm.name for arm in ARMS]
    assert together == [names[:4], names[4:], names[:4], names[4:]]
    for one, other in zip(found, alone, strict=True):
        assert other.failure is None
        assert one.history == other.history, one.arm
        assert repr(kept(one)) == repr(kept(other))
        assert one.seconds > 0
    ends = {run.arm: run.stopped_by for run in found}
    assert (ends["base"], ends["diverges"], ends["stops early"]) == (None, "not finite", "early stopping")


def test_a_store_takes_single_runs_of_either_kind(arms, tmp_path):
    half = replace(arms, arms=ARMS[:1], seeds=(0,))
    with thread_workers(1) as workers:
        run_experiment(half, workers, store=Store(tmp_path))
        whole = run_experiment(replace(arms, arms=ARMS[:4]), workers, store=Store(tmp_path))
    assert (whole.reused, len(whole.runs)) == (1, 8)
    with process_workers(1) as workers:
        again = run_experiment(replace(arms, arms=ARMS[:4]), workers, store=Store(tmp_path))
    assert again.reused == 8


def test_workers_share_the_bundles(arms, together):
    with thread_workers(2) as workers:
        run_experiment(replace(arms, seeds=(0,)), workers)
    assert sorted(map(len, together)) == [2, 4]  # of eight; the last two go by themselves


OTHERS = {
    "other units": {"network.hidden": (30, 10)},
    "other batches": {"batch_size": 30},
    "other steps": {"steps": 50},
    "epochs": {"replacement": False},
    "other data": {"data": data(test_share=0.5)},
}
BY_THEMSELVES = {
    "few units": {"network.hidden": (15,)},
    "many units": {"network.hidden": (129,)},
    "few inputs": {"data": kb.data.digits(), "network": kb.models.Mlp((20,))},
    "much behind the first layer": {"network.hidden": (20, 256, 20)},
    "a convolution": {"network": kb.models.SimpleConvNet(classes=3)},
    "float64": {"dtype": "float64"},
    "bfloat16": {"precision": "bfloat16"},
    "long": {"steps": 10**9},
    "augmented": {"data.augment": (Erase(),)},
}


@pytest.mark.parametrize("name", [*OTHERS, *BY_THEMSELVES])
def test_who_trains_side_by_side(arms, name):
    arm = Arm(name, (OTHERS | BY_THEMSELVES)[name])
    base, other = tasks_of(replace(arms, arms=(ARMS[0], arm), seeds=(0,)))
    assert fellows([base, other]) == 1
    assert fellows([other, other]) == (2 if name in OTHERS else 1)


def test_tasks_of_one_seed_and_of_this_engine_train_side_by_side(arms):
    first, second = tasks_of(replace(arms, arms=ARMS[:1]))
    assert fellows([first, second]) == 1
    assert fellows([replace(first, device="cuda")] * 2) == 1
    assert fellows([replace(first, engine="reference")] * 2) == 1
    assert fellows([first] * 9) == bundle.MOST


def test_a_failure_costs_one_run(arms, monkeypatch):
    tasks = tasks_of(replace(arms, arms=ARMS[:3], seeds=(0,)))

    def fails(session, observations):
        if session.recipe.optimizer.learning_rate == 0.01:
            raise EngineError("float16_is_the_torch_engines")
        return ()

    monkeypatch.setattr("koubai.lab.perform.training.exhibits_of", fails)
    assert [run.failure is None for run in perform_all(tasks, Near())] == [True, False, True]


def test_a_stop_is_heard(arms):
    class Stopping(Near):
        def report(self, key, step, steps, loss):
            raise Stopped

    with pytest.raises(Stopped):
        perform_all(tasks_of(arms), Stopping())
