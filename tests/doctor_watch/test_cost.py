"""What the doctor leaves alone because it would tell nothing: passes, learners, twins, garbage."""

import gc
import subprocess
import sys
from dataclasses import dataclass
from math import ceil

import numpy as np
import pytest
import torch
from torch import nn

from koubai.core.loading import loading
from koubai.doctor.patient.run_facts import DataFacts
from koubai.doctor.script import judge_script
from koubai.doctor.trials.script import ScriptTrials
from koubai.doctor.visit import consultation
from koubai.doctor.visit.consultation import HARMED, Consultation
from koubai.doctor.visit.reference import Reach
from koubai.doctor.watch.checkups import rerun
from koubai.doctor.watch.observe.interest import Interest
from koubai.doctor.watch.passes import sums
from koubai.doctor.watch.passes.close_up import CloseUp
from koubai.doctor.watch.passes.function_mode import FunctionMode
from koubai.doctor.watch.seen.kept_samples import KeptSamples
from koubai.doctor.watch.twin import twin
from koubai.doctor.watch.watcher import Watch


def test_passes_that_tell_nothing_are_followed_ever_more_seldom_but_to_the_end():
    interest = Interest()
    followed = [i for i in range(1, 20_001) if interest.begins()]
    assert followed[:100] == list(range(1, 101))
    gaps = np.diff(followed[100:])
    assert len(followed) < 200
    assert followed[-1] > 0.9 * 20_000
    assert all(gap <= ceil(0.1 * at) + 1 for at, gap in zip(followed[100:], gaps, strict=False))


def test_passes_that_tell_something_are_all_followed():
    interest = Interest()
    assert all(interest.begins(fruitful=True) for _ in range(500))
    assert not interest.begins()  # they tell no more


def opened(monkeypatch, loss_of, steps=400, batch=4):
    """Return how often a recorder was open, over a training with a loss."""
    counts = []
    original = FunctionMode.open
    monkeypatch.setattr(FunctionMode, "open", lambda mode: (counts.append(1), original(mode))[1])
    torch.manual_seed(0)
    model = nn.Linear(3, 2)
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    with Watch(model, optimizer, budget=0, every=100) as watch:
        for _ in range(steps):
            optimizer.zero_grad()
            loss_of(model(torch.randn(batch, 3))).backward()
            optimizer.step()
    return len(counts), watch


def test_a_loss_of_no_known_kind_is_looked_for_at_first_and_now_and_then(monkeypatch):
    count, watch = opened(monkeypatch, lambda y: y.square().sum(1).exp().mean())
    assert 100 <= count < 130
    assert len(watch.seen.record.history.series("loss")[1]) == 400  # every one of them is written down


def test_samples_are_kept_as_long_as_they_come(monkeypatch):
    def of(y):
        return nn.functional.cross_entropy(y, torch.zeros(len(y), dtype=torch.int64))

    count, watch = opened(monkeypatch, of)
    assert count >= 400
    assert watch.seen.trained.rows == 400 * 4


def test_a_batch_that_comes_again_and_again_brings_no_more_samples():
    kept = KeptSamples()
    x, t = torch.randn(20, 3), torch.zeros(20)
    grew = []
    for _ in range(15):
        kept.see_inputs(x)
        kept.see_targets(t)
        grew.append(kept.grows)
    assert grew == [True] * 10 + [False] * 5
    kept.see_inputs(x + 1)
    kept.see_targets(t)
    assert kept.grows


def test_what_is_differentiated_and_never_updated_is_looked_at_ever_more_seldom(monkeypatch):
    taken = []
    original = CloseUp.take_gradients
    monkeypatch.setattr(
        CloseUp, "take_gradients", lambda *args, **options: (taken.append(1), original(*args, **options))[1]
    )
    model = nn.Linear(3, 1)
    with Watch(model, budget=0) as watch:
        for _ in range(400):
            model.zero_grad()
            model(torch.randn(8, 3)).square().mean().backward()
    assert watch.seen.backwards == 400
    assert 32 <= len(taken) < 40


def test_a_program_that_updates_by_hand_only_after_a_while_is_found_out():
    model = nn.Linear(3, 1)
    with Watch(model, budget=0) as watch:
        for step in range(200):
            model.zero_grad()
            model(torch.randn(8, 3)).square().mean().backward()
            if step > 40:
                with torch.no_grad():
                    model.weight -= 0.1 * model.weight.grad
    assert watch.seen.hand
    assert watch.seen.step > 100


@pytest.mark.parametrize("axis", [1, 2])
def test_sums_in_pieces_are_those_of_the_whole(monkeypatch, axis):
    y = torch.relu(torch.randn(70, 6, 5, generator=torch.Generator().manual_seed(0)))
    y[3, 2, 1] = float("inf")
    whole = sums.unit_sums(y, y, None, axis), sums.moments_of(y), sums.magnitudes_of(y)
    monkeypatch.setattr(sums, "_AT_HAND", 100)
    assert len(sums.pieces(y)) > 20
    parts = sums.unit_sums(y, y, None, axis), sums.moments_of(y), sums.magnitudes_of(y)
    for one, other in zip(whole, parts, strict=True):
        assert vars(one).keys() == vars(other).keys()
        for name, value in vars(one).items():
            if value is not None:
                np.testing.assert_allclose(vars(other)[name], value, rtol=1e-9, err_msg=name)


def test_layers_of_a_large_model_are_measured_on_fewer_samples_than_are_answered(monkeypatch):
    monkeypatch.setattr(rerun, "_LAYER_ELEMENTS", 100)
    monkeypatch.setattr(rerun, "_TELLING", 10_000)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 2))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with Watch(model, optimizer, budget=0) as watch:
        for _ in range(40):
            x = torch.randn(20, 3)
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), (x[:, 0] > 0).long()).backward()
            optimizer.step()
    first, last = watch.patient().checkups
    assert (first.samples, last.samples) == (64, 800)
    assert len(last.outputs) == len(last.targets) == 800
    assert (last.outputs.argmax(1) == last.targets).mean() > 0.9


def test_data_that_have_gone_by_twice_bring_no_more_samples_in_whatever_order():
    generator = torch.Generator().manual_seed(0)
    x, t = torch.randn(320, 5, generator=generator), torch.randint(0, 3, (320,), generator=generator)
    kept = KeptSamples()
    followed = 0
    for _ in range(6):
        for rows in torch.randperm(320, generator=generator).split(16):
            if kept.rows and not kept.grows:
                break
            kept.see_inputs(x[rows])
            kept.see_targets(t[rows])
            followed += 1
    assert followed == 40
    assert len(kept.samples()[0]) == 320
    kept.see_inputs(x[:16] * 1.01)
    kept.see_targets(t[:16])
    assert kept.grows


def test_one_sample_that_is_new_keeps_a_batch_new():
    kept, ones = KeptSamples(), torch.ones(16, 4)
    for i in range(30):
        x = ones.clone()
        x[i % 16, i % 4] = 2.0 + i
        kept.see_inputs(x)
        kept.see_targets(torch.zeros(16))
    assert kept.grows


@dataclass
class Seen:
    """As much of a patient as a yardstick asks for."""

    train_skill: float
    data: DataFacts
    last: None = None
    loss: None = None
    held_outputs: None = None
    loss_speaks = finished = True


@pytest.mark.parametrize("chance", [0.1, 0.5, 0.9])
def test_who_does_well_is_harmed_by_no_yardstick(monkeypatch, chance):
    counts = np.array([chance, 1 - chance]) * 1000
    x, t = np.zeros((1000, 2)), np.zeros(1000, dtype=np.int64)
    data = DataFacts(x=x, t=t, classes=2, class_counts=counts if chance >= 0.5 else None)
    own = chance if chance >= 0.5 else 0.0
    decided = 0
    for skill in np.linspace(own, 1, 41):
        for goal in np.linspace(own, 1, 41):
            monkeypatch.setattr(consultation, "reach", lambda _, g=goal: Reach(g, g, float("nan"), own))
            visit = Consultation(Seen(float(skill), data))
            missing = (goal - skill) / (goal - own) if goal > own else 0.0
            harmed = goal - own > 3 * visit.noise and missing > HARMED and goal - skill > 3 * visit.noise
            assert not (visit.well and harmed)
            assert bool(visit.harmed) == bool(harmed)
            decided += visit.well
    assert decided > 100


def test_who_does_well_is_judged_without_simple_learners(monkeypatch):
    monkeypatch.setattr(consultation, "reach", lambda _: pytest.fail("learners were asked"))
    t = np.arange(1000) % 2
    data = DataFacts(x=np.zeros((1000, 2)), t=t, classes=2, class_counts=np.array([500, 500]))
    visit = Consultation(Seen(0.99, data))
    assert visit.well
    assert not visit.harmed
    assert not visit.stuck


PROGRAM = """
import torch
from torch import nn
torch.manual_seed(0)
x = torch.randn(500, 4)
t = (x.sum(1) > 0).long()
model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
optimizer = torch.optim.SGD(model.parameters(), 0.2)
for step in range(100):
    rows = torch.arange(step * 50, step * 50 + 50) % 500
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(x[rows]), t[rows]).backward()
    optimizer.step()
"""


@pytest.mark.parametrize(
    ("rate", "times", "wanted"), [(0.2, 1.0, False), (1e-5, 1.0, True), (1e-5, 0.0, False)]
)
def test_a_twin_is_made_where_a_sign_asks_for_trials(tmp_path, monkeypatch, rate, times, wanted):
    (tmp_path / "program.py").write_text(PROGRAM.replace("0.2)", f"{rate})"))
    made = []
    monkeypatch.setattr(twin, "twin_clinic", lambda *_: made.append(1))
    judge_script(tmp_path / "program.py", trials=ScriptTrials(times))
    assert bool(made) == wanted


def test_a_run_that_does_well_loads_no_engine_and_no_learner(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    code = (
        "import pathlib, sys; from koubai.doctor.script import judge_script\n"
        "from koubai.doctor.trials.script import ScriptTrials\n"
        f"verdict, _ = judge_script(pathlib.Path({str(program)!r}), trials=ScriptTrials(1.0))\n"
        "print(verdict.name, [name for name in ('sklearn', 'numba', 'scipy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1] == "healthy []", done.stdout + done.stderr


def test_no_garbage_is_sought_while_loading():
    gc.unfreeze()
    with loading():
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count()
    gc.unfreeze()
    gc.disable()
    try:
        with loading():
            pass
        assert not gc.isenabled()  # as it was
    finally:
        gc.enable()
        gc.unfreeze()
