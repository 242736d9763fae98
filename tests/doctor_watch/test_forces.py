"""Terms of a loss that are outweighed by the others, or have no slope; and those that are only small."""

from contextlib import nullcontext

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

import koubai
from koubai.doctor.answer.tell import lines_of

ENDS, HIGH = torch.tensor([[0.0], [1.0]]), torch.tensor([[0.0], [2.0]])


def solve(act, weight=1.0, *, by_hand=False, steps=200):
    """u'' = -9 sin 3s on [0, 1], u(0) = 0, u(1) = 2; return what is said."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(1, 24), act(), nn.Linear(24, 24), act(), nn.Linear(24, 1))
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    with koubai.watch(model, optimizer, budget=0) as watch:
        for _ in range(steps):
            at = torch.rand(64, 1, requires_grad=True)
            slope = torch.autograd.grad(model(at).sum(), at, create_graph=True)[0]
            bend = torch.autograd.grad(slope.sum(), at, create_graph=True)[0]
            rest = bend + 9 * torch.sin(3 * at)
            equation = (rest**2).mean() if by_hand else functional.mse_loss(rest, torch.zeros_like(rest))
            ends = ((model(ENDS) - HIGH) ** 2).mean() if by_hand else functional.mse_loss(model(ENDS), HIGH)
            optimizer.zero_grad()
            (equation + weight * ends).backward()
            optimizer.step()
    return watch.findings


class TwoTasks(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(10, 32), nn.ReLU())
        self.kind, self.price = nn.Linear(32, 4), nn.Linear(32, 1)

    def forward(self, x):
        h = self.body(x)
        return self.kind(h), self.price(h)


def two_tasks(price=1.0, weight=1.0, rate=0.05, *, cut=False, steps=300):
    torch.manual_seed(0)
    model, apart = TwoTasks(), torch.randn(10, 4)
    optimizer = torch.optim.SGD(model.parameters(), rate)
    with koubai.watch(model, optimizer, budget=0) as watch:
        for _ in range(steps):
            x = torch.randn(64, 10)
            t, v = (x @ apart).argmax(1), price * (x[:, :1] - x[:, 1:2])
            kind, paid = model(x)
            kind = kind if not cut else model.kind(model.body(x).detach())
            optimizer.zero_grad()
            (weight * functional.cross_entropy(kind, t) + functional.mse_loss(paid, v)).backward()
            optimizer.step()
    return watch.findings


def named(findings):
    return [(f.details.get("fault"), f.details["number"]) for f in findings if f.name == "term_outweighed"]


@pytest.mark.parametrize("by_hand", [True, False])
def test_the_end_of_an_interval_without_weight_is_not_learned(by_hand):
    ends = named(solve(nn.Tanh, 1e-4, by_hand=by_hand))
    assert ends in ([("start", 2)], [(None, 2)])
    assert not named(solve(nn.Tanh, 10.0, by_hand=by_hand))


@pytest.mark.parametrize("by_hand", [True, False])
def test_a_term_without_slope_is_told(by_hand):
    found = solve(nn.ReLU, by_hand=by_hand)
    assert named(found) == [("flat", 1)]
    assert "exactly 0" in "\n".join(lines_of(next(f for f in found if f.name == "term_outweighed")))


def test_a_task_beside_another_of_a_larger_size():
    found = two_tasks(price=300.0, rate=1e-6)
    assert named(found) == [(None, 1)]


@pytest.mark.parametrize(
    "case", [{}, {"price": 20.0, "rate": 1e-3, "steps": 1500}, {"weight": 0.0}, {"cut": True}]
)
def test_terms_that_are_learned_switched_off_or_apart_are_no_fault(case):
    assert not named(two_tasks(**case))


def test_a_small_divergence_and_a_small_penalty_are_meant_to_be_small():
    torch.manual_seed(0)
    model = nn.Linear(8, 8)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    with koubai.watch(model, optimizer, budget=0) as watch:
        for _ in range(200):
            x = torch.randn(32, 8)
            h = model(x)
            loss = functional.mse_loss(h, x) + 1e-6 * h.pow(2).mean() + 1e-6 * h.exp().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert not named(watch.findings)


def in_parts(watched):
    """A loss in parts that are computed again in the backward pass: what is looked at must cost no bit."""
    torch.manual_seed(0)
    model, head = nn.Sequential(nn.Linear(8, 16), nn.Tanh()), nn.Linear(16, 5)
    optimizer = torch.optim.Adam([*model.parameters(), *head.parameters()], 1e-2)
    losses = []
    with koubai.watch(model, optimizer, budget=0) if watched else nullcontext():
        for _ in range(70):
            h, t = model(torch.randn(32, 8)), torch.randint(5, (32,))
            parts = [
                checkpoint(lambda h, t: functional.cross_entropy(head(h), t), *part, use_reentrant=False)
                for part in zip(h.split(16), t.split(16), strict=True)
            ]
            optimizer.zero_grad()
            (parts[0] + parts[1]).backward()
            optimizer.step()
            losses.append((parts[0] + parts[1]).item())
    return losses


def test_losses_that_are_computed_again_in_the_backward_pass_are_left_as_they_are():
    assert in_parts(watched=True) == in_parts(watched=False)


class Reverses(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.view_as(x)

    @staticmethod
    def backward(ctx, incoming):
        return -0.001 * incoming


def test_an_adversary_behind_a_reversed_gradient_is_meant_to_know_nothing():
    torch.manual_seed(0)
    model, apart = TwoTasks(), torch.randn(10, 4)
    domain = nn.Linear(32, 2)
    optimizer = torch.optim.SGD([*model.parameters(), *domain.parameters()], 0.05)
    with koubai.watch(model, optimizer, budget=0) as watch:
        for _ in range(300):
            x = torch.randn(64, 10)
            h = model.body(x)
            optimizer.zero_grad()
            told = functional.cross_entropy(model.kind(h), (x @ apart).argmax(1))
            where = functional.cross_entropy(domain(Reverses.apply(h)), torch.randint(2, (64,)))
            (told + where).backward()
            optimizer.step()
    assert not named(watch.findings)
