"""Densities: the logarithm of a scale and its exponential must pull against each other."""

import pytest
import torch

import koubai
from koubai.doctor.script import judge_script
from koubai.doctor.trials.script import ScriptTrials

PROGRAM = """
import sys, torch
from torch import nn
torch.manual_seed(0)
kind, sign, width = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
x = torch.randn(2000, 3) @ torch.randn(3, 3) * width
class Stretch(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_scale, self.shift = nn.Parameter(torch.zeros(3)), nn.Linear(1, 4)
    def forward(self, x):
        s, t = self.shift(x[:, :1]).split(2, 1)
        s = 2 * torch.tanh(s) if kind == "bounded" else s
        z = torch.cat([x[:, :1], x[:, 1:] * s.exp() + t], 1) * torch.exp(-self.log_scale)
        return z, s.sum(1) - self.log_scale.sum()
net = Stretch()
optimizer = torch.optim.Adam(net.parameters(), 0.02)
for step in range(300):
    z, log_det = net(x[torch.randint(0, 2000, (64,))])
    loss = (z.pow(2).sum(1) / 2 - sign * log_det).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""


def told(folder, words):
    """Return the names of what is found, and why the rest is not judged."""
    (folder / "density.py").write_text(PROGRAM)
    verdict, _ = judge_script(folder / "density.py", words.split(), trials=ScriptTrials(0))
    names = [(f.name, f.details.get("fault")) for f in verdict.findings if f.alarm]
    return names, [gap.reason for gap in verdict.unseen]


def test_a_log_determinant_with_the_wrong_sign_is_a_loss_without_bound(tmp_path):
    assert told(tmp_path, "free -1 1")[0] == [("loss_without_bound", "runaway")]


@pytest.mark.parametrize("words", ["free 1 1", "free 1 0.001", "bounded 1 1"])
def test_a_density_that_is_fitted_gets_no_name_however_narrow_the_data_are(tmp_path, words):
    assert told(tmp_path, words)[0] == []


def test_a_loss_that_falls_without_end_is_not_judged_where_nothing_tells_why():
    torch.manual_seed(0)
    model = torch.nn.Linear(2, 2)
    optimizer = torch.optim.Adam(model.parameters(), 0.1)
    with koubai.watch(model, optimizer, budget=0) as watch:
        for _ in range(200):
            optimizer.zero_grad()
            (model(1 + torch.randn(32, 2)).sinh() / 50).mean().backward()
            optimizer.step()
    assert watch.verdict.name != "healthy"
    assert not [f for f in watch.findings if f.name == "representations_alike"]


@pytest.mark.parametrize(("sign", "runs"), [(1, True), (-1, False)])
def test_the_two_forces_are_told_by_their_signs(sign, runs):
    from koubai.doctor.watch.passes.scales import Scales

    scales, s = Scales(), torch.zeros(4, requires_grad=True)
    for step in (8, 16, 32):
        shared = 2 * s  # further down than here the two are one
        loss = (shared.exp() * 3).mean() + sign * 2 * shared.reshape(2, 2).mean()
        scales.look(loss, step)
        s.grad = None
        loss.backward()
        assert torch.allclose(s.grad, torch.full((4,), 1.5 + sign))
    assert scales.known
    assert scales.runaway is runs
