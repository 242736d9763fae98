"""Terms of a loss that reach no parameter; and those that only look like it."""

import pytest
import torch
from torch import nn

import koubai


def solve(steps=60, *, create_graph=True, x=None):
    """u'' = -s on [0, 1], u = 0 at its ends; return what is said."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    ends = torch.tensor([[0.0], [1.0]])
    with koubai.watch(model, optimizer, budget=0) as watch:
        for _ in range(steps):
            at = torch.rand(32, 1, requires_grad=True) if x is None else x
            u = model(at)
            slope = torch.autograd.grad(u.sum(), at, create_graph=True)[0]
            bend = torch.autograd.grad(slope.sum(), at, retain_graph=True, create_graph=create_graph)[0]
            loss = 0.1 * (bend + torch.sin(3 * at)).pow(2).mean() + 5 * model(ends).pow(2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return faults(watch)


def faults(watch):
    return [(f.name, f.details.get("fault")) for f in watch.findings if f.alarm]


@pytest.mark.parametrize("kept", [True, False])
def test_a_residual_without_its_graph_teaches_nothing(kept):
    x = torch.linspace(0, 1, 32).unsqueeze(1).requires_grad_() if kept else None
    assert ("wrong_gradient", "term") in solve(create_graph=False, x=x)
    assert ("wrong_gradient", "term") not in solve(x=x)


@pytest.mark.parametrize("by_hand", [True, False])
def test_codes_and_disturbances_that_are_trained_beside_the_model_have_terms_of_their_own(by_hand):
    torch.manual_seed(0)
    model = nn.Linear(4, 6)
    codes, t = torch.zeros(32, 4, requires_grad=True), torch.randn(32, 6)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    others = torch.optim.SGD([codes], 0.1)
    with koubai.watch(model, optimizer, budget=0) as watch:
        for _ in range(60):
            loss = nn.functional.mse_loss(model(codes), t) + 0.1 * codes.pow(2).mean()
            optimizer.zero_grad()
            others.zero_grad()
            loss.backward()
            optimizer.step()
            if by_hand:
                with torch.no_grad():
                    codes -= 0.1 * codes.grad
            else:
                others.step()
    assert ("wrong_gradient", "term") not in faults(watch)


def test_a_number_and_a_total_that_begins_at_zero_are_no_terms():
    torch.manual_seed(0)
    model = nn.Linear(4, 2)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    with koubai.watch(model, optimizer, budget=0) as watch:
        for _ in range(60):
            x = torch.randn(32, 4)
            total = torch.zeros(()) + 0.5
            total = total + nn.functional.mse_loss(model(x), x[:, :2]) + 1e-3 * model.weight.abs().sum()
            optimizer.zero_grad()
            total.backward()
            optimizer.step()
    assert ("wrong_gradient", "term") not in faults(watch)
