"""Inputs of the evaluation with a scale of their own, where nobody is seen comparing answers with targets."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import koubai

ROWS, HELD, FEATURES, LAG = 300, 90, 4, 8


def standard(x, of):
    return (x - of.mean(0)) / of.std(0)


def bounded(x, of):
    return (x - of.min(0)) / (of.max(0) - of.min(0))


def windows(series):
    return np.stack([series[i : i + LAG] for i in range(len(series) - LAG)])


def tables(scale, rng, *, own):
    x, held = rng.normal(50, 9, (ROWS, FEATURES)), rng.normal(55, 9, (HELD, FEATURES))
    return scale(x, x), scale(held, held if own else x)


def prices(scale, rng, *, own):
    walk = 60 + rng.normal(0, 1, (ROWS + HELD, 1)).cumsum(0)
    x, held = walk[:ROWS], walk[ROWS:]
    return windows(scale(x, x)), windows(scale(held, held if own else x))


def found(x, held, look=lambda y: y.numpy(), often=()):
    torch.manual_seed(0)
    x, held = (torch.tensor(part, dtype=torch.float32) for part in (x, held))
    size = x[0].numel()
    model = nn.Sequential(nn.Flatten(), nn.Linear(size, 8), nn.Tanh(), nn.Linear(8, 1))
    t = x.flatten(1)[:, :2].sum(1, keepdim=True)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    with koubai.watch(model, optimizer, budget=0) as watch:
        for step in range(60):
            rows = torch.arange(step * 30, step * 30 + 30) % len(x)
            optimizer.zero_grad()
            functional.mse_loss(model(x[rows]), t[rows]).backward()
            optimizer.step()
            if step % 10 == 9:
                for part in often:
                    with torch.no_grad():
                        look(model(torch.tensor(part, dtype=torch.float32)))
        model.eval()
        with torch.no_grad():
            look(model(held))
    named = [f.details["fault"] for f in watch.findings if f.name == "evaluation_scale"]
    return named[0] if named else None


@pytest.mark.parametrize("data", [tables, prices])
@pytest.mark.parametrize(("scale", "fault"), [(standard, "deviation"), (bounded, "bounds")])
@pytest.mark.parametrize("own", [True, False])
def test_a_scaler_of_its_own_is_told_by_its_exact_traces(data, scale, fault, own):
    x, held = data(scale, np.random.default_rng(0), own=own)
    assert found(x, held) == (fault if own else None)


def test_raw_inputs_beside_scaled_ones_are_told_without_any_target():
    rng = np.random.default_rng(0)
    x, held = rng.normal(50, 30, (ROWS, FEATURES)), rng.normal(50, 30, (HELD, FEATURES))
    assert found(standard(x, x), held) == "otherwise"


def steps_of_a_grid(rng):
    return np.linspace(-1, 1, ROWS)[:, None], np.linspace(-1, 1, HELD)[:, None]


def shades(rng):
    return rng.integers(0, 17, (ROWS, FEATURES)) / 16, rng.integers(0, 17, (HELD, FEATURES)) / 16


def each_by_itself(rng):
    rows = rng.normal(0, 1, (2, ROWS, 12, 1))
    low, high = rows.min(2, keepdims=True), rows.max(2, keepdims=True)
    x, held = (rows - low) / (high - low)
    return x, held[:HELD]


def each_standardized(rng):
    rows = rng.normal(0, 1, (2, ROWS, 12))
    x, held = (rows - rows.mean(2, keepdims=True)) / rows.std(2, keepdims=True)
    return x, held[:HELD]


def training_itself(rng):
    x = rng.normal(0, 1, (ROWS, FEATURES))
    return standard(x, x), standard(x, x)


def scaled_together(rng):
    every = rng.normal(50, 9, (ROWS + HELD, FEATURES))
    x = bounded(every, every)
    return x[:ROWS], x[ROWS:]


@pytest.mark.parametrize(
    "data", [steps_of_a_grid, shades, each_by_itself, each_standardized, training_itself, scaled_together]
)
def test_bounds_that_data_have_anyway_are_no_trace(data):
    assert found(*data(np.random.default_rng(0))) is None


@pytest.mark.parametrize("own", [True, False])
def test_a_last_evaluation_is_seen_behind_many_of_another_part(own):
    rng = np.random.default_rng(0)
    x, held = tables(standard, rng, own=own)
    assert found(x, held, often=[x[:40] + 1e-3]) == ("deviation" if own else None)
