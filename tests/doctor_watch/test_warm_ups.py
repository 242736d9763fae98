"""Warm-ups that never end, and those that do."""

import pytest
import torch

from koubai.doctor.script import judge_script
from koubai.doctor.trials.script import ScriptTrials
from koubai.doctor.watch.seen.rise import Rise, given_rate

PROGRAM = """
import sys, torch
from torch import nn
torch.manual_seed(0)
length, unit, epochs, kind, rate = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), *sys.argv[4:6]
x = torch.randn(640, 6)
t = torch.stack([(x[:, 0] * x[:, 1]).tanh(), x[:, 2:].sum(1) / 2], 1)
net = nn.Sequential(nn.Linear(6, 32), nn.Tanh(), nn.Linear(32, 2))
optimizer = torch.optim.Adam(net.parameters(), float(rate))
if kind == "linear":
    plan = torch.optim.lr_scheduler.LinearLR(optimizer, 0.01, 1.0, length)
elif kind == "cycle":
    plan = torch.optim.lr_scheduler.OneCycleLR(optimizer, float(rate), total_steps=length)
for epoch in range(epochs):
    for part in torch.randperm(640).split(32):
        loss = nn.functional.mse_loss(net(x[part]), t[part])
        optimizer.zero_grad()
        loss.backward()
        if kind == "hand":
            for group in optimizer.param_groups:
                group["lr"] = float(rate) * min(1, (epoch + 1) / length)
        optimizer.step()
        if unit == "batch":
            plan.step()
    if unit == "epoch":
        plan.step()
"""


def judged(folder, words):
    """Return the verdict on the program with these words."""
    (folder / "program.py").write_text(PROGRAM)
    return judge_script(folder / "program.py", words.split(), trials=ScriptTrials(0))[0]


@pytest.mark.parametrize("words", ["200 epoch 16 linear 0.004", "200 no 16 hand 0.004"])
def test_a_warm_up_that_never_ends_is_a_rate_too_low_at_the_optimizers_line(tmp_path, words):
    verdict = judged(tmp_path, words)
    found = verdict.findings[0]
    assert (found.name, found.severity, found.details["fault"]) == (
        "learning_rate_too_low",
        "warn",
        "warming",
    )
    assert found.place.line == 9
    assert 0.01 < found.details["share"] < 0.1


@pytest.mark.parametrize(
    "words",
    [
        "40 batch 10 linear 0.004",  # it ends
        "200 batch 10 cycle 0.01",  # up, and down again
        "90 epoch 24 linear 0.1",  # the run stops before its end, and has learned well
        "10 no 10 hand 0.004",
    ],
)
def test_warm_ups_that_end_and_runs_that_have_learned_get_no_name(tmp_path, words):
    assert not [f for f in judged(tmp_path, words).findings if f.name == "learning_rate_too_low"]


def test_the_share_of_the_rate_given_is_that_of_the_last_update():
    rise = Rise()
    for rate in (0.1, 0.2, 0.2, 0.3, 0.4):
        rise.take(rate, 4.0)
    assert rise.reached == pytest.approx(0.1)
    rise.take(0.3, 4.0)
    assert rise.reached == 1.0


def test_the_factor_of_a_schedule_of_absolute_rates_is_no_rate():
    weights = [torch.zeros(1, requires_grad=True)]
    assert given_rate(torch.optim.Adam(weights, 1.0)) == float("inf")
    assert given_rate(torch.optim.SGD(weights, 1.0)) == 1.0
    apart = torch.optim.AdamW([{"params": weights, "lr": 1e-5, "initial_lr": 1e-5}], lr=1e-3)
    assert given_rate(apart) == 1e-5
