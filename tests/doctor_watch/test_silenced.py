"""Layers used without gradients although the optimizer holds them; and those that are meant to rest."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional

import koubai


class Reader(nn.Module):
    """Two paths that are added; the second is used in one of several ways."""

    def __init__(self, way):
        super().__init__()
        self.way = way
        self.first, self.second, self.head = nn.Linear(6, 12), nn.Linear(6, 12), nn.Linear(12, 3)
        self.spare = nn.Linear(12, 2)
        self.slow = copy.deepcopy(self.second)

    def forward(self, x):
        if self.way == "no_grad":
            with torch.no_grad():
                other = self.second(x)
        else:
            other = self.second(x)
        if self.way == "detach":
            other = other.tanh().detach()
        if self.way == "unused":
            self.kept = self.spare(other)
        if self.way == "slow":
            with torch.no_grad():
                rest = self.slow(x)
            other = other + rest
        return self.head(torch.tanh(self.first(x) + other))


def nearest(a, b):
    """A contrastive loss by hand: nothing says how well the run should do."""
    likeness = functional.normalize(a, dim=1) @ functional.normalize(b, dim=1).T / 0.2
    return (torch.logsumexp(likeness, 1) - likeness.diagonal()).mean()


def told(way, *, known=False, leave_out=False, frozen=False):
    torch.manual_seed(0)
    model = Reader(way)
    model.second.requires_grad_(not frozen)
    rest = [p for name, p in model.named_parameters() if not (leave_out and name.startswith("second"))]
    optimizer = torch.optim.Adam(rest, 1e-2)
    t = torch.randint(0, 3, (300,))
    x = torch.randn(300, 6) + 2 * torch.eye(6)[t]
    with koubai.watch(model, optimizer, budget=0) as watch:
        for _ in range(40):
            rows = torch.randint(0, 300, (32,))
            optimizer.zero_grad()
            y = model(x[rows])
            other = None if known else model(x[rows] + 0.1 * torch.randn(32, 6))
            (functional.cross_entropy(y, t[rows]) if known else nearest(y, other)).backward()
            optimizer.step()
            with torch.no_grad():
                for a, b in zip(model.slow.parameters(), model.second.parameters(), strict=True):
                    a.lerp_(b, 0.1)
    return [(f.severity, f.details["paths"]) for f in watch.findings if f.name == "not_training"]


@pytest.mark.parametrize("way", ["no_grad", "detach"])
def test_layers_in_the_optimizer_that_are_used_without_gradients_are_named(way):
    assert told(way) == [("warn", "second.weight, second.bias")]
    (severity, paths), *_ = told(way, known=True)  # it does well without them
    assert (severity, paths) == ("info", "second.weight, second.bias")


@pytest.mark.parametrize(
    ("way", "options"),
    [
        ("no_grad", {"leave_out": True}),
        ("no_grad", {"frozen": True}),
        ("unused", {}),
        ("slow", {}),
    ],
)
def test_frozen_parts_unused_heads_and_slow_copies_are_meant_to_rest(way, options):
    assert "warn" not in [severity for severity, _ in told(way, **options)]
