"""Every schedule: against PyTorch's schedulers where it has the same, else by hand; and what all must do."""

from itertools import pairwise
from math import pi, sqrt

import numpy as np
import pytest
import torch

from koubai.core.errors import SettingError
from koubai.schedules import (
    SCHEDULES,
    ConstantRate,
    CosineDecay,
    ExponentialDecay,
    InverseTime,
    StepDecay,
    WarmUp,
)
from koubai.schedules.schedule import Schedule

lr = torch.optim.lr_scheduler
CASES = [
    (ConstantRate(), lambda o: lr.ConstantLR(o, factor=1.0)),
    (StepDecay(every=7, ratio=0.3), lambda o: lr.StepLR(o, 7, 0.3)),
    (ExponentialDecay(ratio=0.9), lambda o: lr.ExponentialLR(o, 0.9)),
    (ExponentialDecay(ratio=0.5, every=5), lambda o: lr.ExponentialLR(o, 0.5 ** (1 / 5))),
    (CosineDecay(steps=30), lambda o: lr.CosineAnnealingLR(o, 30)),
    (CosineDecay(steps=30, floor=0.2), lambda o: lr.CosineAnnealingLR(o, 30, eta_min=0.2)),
    (InverseTime(decay=0.1), lambda o: lr.LambdaLR(o, lambda n: 1 / (1 + n / 10))),
    (WarmUp(steps=5), lambda o: lr.LinearLR(o, 1 / 5, 1.0, 4)),
    (
        WarmUp(steps=5, then=StepDecay(every=3, ratio=0.5)),
        lambda o: lr.SequentialLR(o, [lr.LinearLR(o, 1 / 5, 1.0, 4), lr.StepLR(o, 3, 0.5)], [5]),
    ),
]
ALL = [schedule for schedule, _ in CASES]


def test_every_registered_schedule_has_a_case():
    assert {type(schedule) for schedule in ALL} == set(SCHEDULES.values())


@pytest.mark.filterwarnings("ignore:The epoch parameter")  # PyTorch's SequentialLR warns of its own call
@pytest.mark.parametrize(("schedule", "peer"), CASES, ids=[repr(schedule) for schedule in ALL])
def test_thirty_factors_are_those_of_pytorch(schedule, peer):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = peer(optimizer)
    theirs = []
    for _ in range(30):
        theirs.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    np.testing.assert_allclose([schedule.factor(t) for t in range(1, 31)], theirs, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("schedule", ALL, ids=repr)
def test_a_factor_is_a_number_from_zero_to_one_and_a_function_of_the_step_alone(schedule):
    factors = [schedule.factor(t) for t in (*range(1, 200), 10**6)]
    assert all(isinstance(factor, float) and 0 <= factor <= 1 for factor in factors)
    assert schedule.factor(3) == factors[2]
    assert isinstance(schedule, Schedule)


@pytest.mark.parametrize("schedule", [s for s in ALL if not isinstance(s, WarmUp)], ids=repr)
def test_decays_start_at_one_and_never_rise(schedule):
    factors = [schedule.factor(t) for t in range(1, 100)]
    assert factors[0] == 1.0
    assert all(later <= earlier for earlier, later in pairwise(factors))


def test_worked_by_hand():
    assert CosineDecay(steps=8, floor=0.5).factor(3) == 0.5 + 0.25 * (1 + np.cos(pi / 4))
    assert np.isclose(CosineDecay(steps=8).factor(3), (1 + sqrt(0.5)) / 2)
    assert [StepDecay(every=100).factor(t) for t in (100, 101)] == [1.0, 0.1]
    assert WarmUp(steps=10, then=CosineDecay(steps=4)).factor(12 + 1) == CosineDecay(steps=4).factor(3)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: StepDecay(every=0), "every"),
        (lambda: StepDecay(every=1, ratio=0.0), "ratio"),
        (lambda: ExponentialDecay(ratio=-1.0), "ratio"),
        (lambda: CosineDecay(steps=0), "steps"),
        (lambda: CosineDecay(steps=5, floor=1.0), "floor"),
        (lambda: InverseTime(decay=-0.1), "decay"),
        (lambda: WarmUp(steps=0), "steps"),
    ],
)
def test_settings_out_of_range_are_named(make, name):
    with pytest.raises(SettingError, match=name):
        make()
