"""Functions with a backward by hand: whether it asks what comes in."""

import pytest

from koubai.doctor.script import judge_script
from koubai.doctor.trials.script import ScriptTrials

PROGRAM = """
import torch
from torch import nn
torch.manual_seed(0)
class Bend(torch.autograd.Function):
    @staticmethod
    def forward(ctx, u, slope):
        ctx.save_for_backward(u)
        ctx.slope = slope
        return FORWARD
    @staticmethod
    def backward(ctx, incoming):
        u, = ctx.saved_tensors
        return BACKWARD, None
class Layer(nn.Module):
    def forward(self, u):
        return Bend.apply(u, 0.1)
class Cost(torch.autograd.Function):
    @staticmethod
    def forward(ctx, y, t):
        ctx.save_for_backward(y - t)
        return ((y - t) ** 2).mean()
    @staticmethod
    def backward(ctx, incoming):
        difference, = ctx.saved_tensors
        return 2 * difference / difference.numel(), None
model = nn.Sequential(nn.Linear(4, 24), Layer(), nn.Linear(24, 24), Layer(), nn.Linear(24, 1))
optimizer = torch.optim.Adam(model.parameters(), 5e-3)
for step in range(300):
    x = torch.randn(64, 4)
    loss = Cost.apply(model(x), x[:, :1] * x[:, 1:2] + x[:, 2:3])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""
LEAKY, SLOPES = "torch.where(u > 0, u, slope * u)", "torch.where(u > 0, 1.0, ctx.slope)"


@pytest.fixture
def judged(tmp_path):
    def judge(forward, backward):
        path = tmp_path / "program.py"
        path.write_text(PROGRAM.replace("FORWARD", forward).replace("BACKWARD", backward))
        verdict, code = judge_script(path, trials=ScriptTrials(0.0))
        assert code == 0
        return [(f.name, f.details.get("fault"), f.place.line) for f in verdict.findings if f.alarm]

    return judge


def test_a_backward_that_leaves_the_incoming_gradient_out_is_told_by_its_line(judged):
    assert judged(LEAKY, SLOPES)[0] == ("wrong_gradient", "incoming", 11)


@pytest.mark.parametrize(
    ("forward", "backward"),
    [
        (LEAKY, f"incoming * {SLOPES}"),
        ("u.sign() + slope * u", "incoming * (u.abs() < 2)"),  # straight through
        ("u.clone()", "-ctx.slope * incoming"),  # reversed
    ],
)
def test_what_is_linear_in_the_incoming_gradient_is_no_fault_of_this_kind(judged, forward, backward):
    assert "incoming" not in [fault for _, fault, _ in judged(forward, backward)]
