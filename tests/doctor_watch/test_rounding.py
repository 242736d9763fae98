"""Updates that the precision of the weights rounds away; and precisions that do no harm."""

import copy

import pytest
import torch
from torch import nn

import koubai


def fit(dtype, rate, *, masters=False, carry=False, frozen=False, steps=130):
    """Fit a wave with a small network of a precision; return the faults that are named."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 24), nn.Tanh(), nn.Linear(24, 24), nn.Tanh(), nn.Linear(24, 1)).to(
        dtype
    )
    if frozen:
        model[2].requires_grad_(False)
    own = [p for p in model.parameters() if p.requires_grad]
    held = [p.detach().float().requires_grad_() for p in own] if masters else own
    optimizer = torch.optim.Adam(held, rate)
    lost = [torch.zeros_like(p) for p in own]
    x = torch.randn(200, 3)
    t = torch.sin(2 * x[:, :1]) + x[:, 1:2] * x[:, 2:]
    with koubai.watch(model, None if masters else optimizer, budget=0) as watch:
        for _ in range(steps):
            rows = torch.randint(0, 200, (32,))
            loss = (model(x[rows].to(dtype)).float() - t[rows]).pow(2).mean()
            model.zero_grad()
            loss.backward()
            if masters:
                for p, w in zip(held, own, strict=True):
                    p.grad = w.grad.float()
            before = copy.deepcopy([p.detach() for p in own]) if carry else []
            optimizer.step()
            with torch.no_grad():
                for w, p in zip(own, held, strict=True) if masters else ():
                    w.copy_(p)
                for w, b, rest in zip(own, before, lost, strict=True) if carry else ():
                    # Kahan: what was rounded away is carried along to the next step
                    whole = rest.float() - rate * torch.sign(w.grad.float())
                    w.copy_(b.float() + whole)
                    rest.copy_(whole - (w.float() - b.float()))
    return [(f.name, f.details.get("fault")) for f in watch.findings if f.alarm]


def test_small_updates_of_weights_of_low_precision_are_rounded_away():
    assert fit(torch.bfloat16, 1e-4)[0] == ("not_training", "rounded")


@pytest.mark.parametrize(
    "healthy",
    [
        {"dtype": torch.float32, "rate": 1e-4},
        {"dtype": torch.bfloat16, "rate": 5e-3},
        {"dtype": torch.bfloat16, "rate": 1e-3, "masters": True},
        {"dtype": torch.bfloat16, "rate": 1e-3, "carry": True},
        {"dtype": torch.bfloat16, "rate": 5e-3, "frozen": True},
    ],
)
def test_full_precision_larger_steps_copies_sums_that_are_carried_and_frozen_parts_are_fine(healthy):
    assert "rounded" not in [fault for _, fault in fit(**healthy)]
