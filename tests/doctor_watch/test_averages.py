"""An average of the weights beside the model: one that follows, and one that hardly does."""

import textwrap

import pytest

from koubai.doctor.script import watch_script

PROGRAM = """
import copy
import torch
from torch import nn

KIND = {kind!r}
torch.manual_seed(len(KIND) + ord(KIND[0]))  # none starts as another


def train():
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
    average = copy.deepcopy(model)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for step in range(300):
        x = torch.randn(16, 4)
        loss = nn.functional.mse_loss(model(x), x[:, :1])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        decay = {{"slow": 0.9999, "late": 0.9994, "fast": 0.99, "seldom": 0.99, "kept": 1.0}}[KIND]
        if KIND != "seldom" or step % 100 == 20:
            with torch.no_grad():
                for a, p in zip(average.parameters(), model.parameters()):
                    a.mul_(decay).add_(p, alpha=1 - decay)
    print(average(torch.ones(1, 4)))


train()
"""


@pytest.mark.parametrize(
    ("kind", "lags"), [("slow", True), ("late", True), ("seldom", True), ("fast", False), ("kept", False)]
)
def test_an_average_that_hardly_follows_is_named(tmp_path, kind, lags):
    script = tmp_path / "train.py"
    script.write_text(textwrap.dedent(PROGRAM.format(kind=kind)))
    watch = watch_script(script).watch
    assert watch is not None
    watch.means.budget = 0.0
    assert ("average_lags" in [finding.name for finding in watch.findings]) is lags
