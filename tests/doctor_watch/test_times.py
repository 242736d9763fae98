"""Gradients that fade on their way to the early times of a sequence."""

import pytest
import torch
from torch import nn

import koubai


class Tagger(nn.Module):
    def __init__(self, pooled):
        super().__init__()
        self.pooled = pooled
        self.rnn, self.out = nn.RNN(3, 12, batch_first=True), nn.Linear(12, 3)

    def forward(self, x):
        h, _ = self.rnn(x)
        return self.out(h.mean(1) if self.pooled else h[:, -1])


def said(length, *, pooled=False, steps=80, told_at=0, rate=5e-3):
    """The class is told by one input alone; return what is said of a run that looks for it."""
    torch.manual_seed(0)
    t = torch.randint(0, 3, (256,))
    x = 0.3 * torch.randn(256, length, 3)
    x[:, told_at] += 3 * torch.eye(3)[t]
    model = Tagger(pooled)
    optimizer = torch.optim.Adam(model.parameters(), rate)
    with koubai.watch(model, optimizer, budget=0) as watch:
        for step in range(steps):
            rows = torch.arange(32 * step, 32 * step + 32) % 256
            loss = nn.functional.cross_entropy(model(x[rows]), t[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return [(f.name, f.details.get("fault"), f.layer) for f in watch.findings if f.alarm]


def test_what_stands_at_the_beginning_of_a_long_sequence_is_never_learned():
    assert said(40)[0] == ("vanishing_gradient", "time", "rnn")


@pytest.mark.parametrize(("length", "pooled"), [(4, False), (40, True)])
def test_a_short_way_to_the_loss_loses_nothing(length, pooled):
    assert "time" not in [fault for _, fault, _ in said(length, pooled=pooled)]


@pytest.mark.parametrize(("steps", "rate"), [(50, 1e-3), (100, 2e-3)])
def test_a_run_that_learns_from_the_end_of_a_sequence_has_lost_nothing(steps, rate):
    assert said(40, steps=steps, told_at=-1, rate=rate) == []
