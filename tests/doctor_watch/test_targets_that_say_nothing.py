"""Targets that say nothing: one label everywhere, a difference of each with each; and what looks like it."""

import pytest
import torch
from torch import nn
from torch.nn import functional

import koubai


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def faults(model, draw, loss, steps=60):
    """Train under watch on batches of draw(step); return the names of alarms and their faults."""
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    with koubai.watch(model, optimizer, budget=0) as watch:
        for step in range(steps):
            x, t = draw(step)
            optimizer.zero_grad()
            loss(model(x), t).backward()
            optimizer.step()
    return [(f.name, f.details.get("fault")) for f in watch.findings if f.alarm]


def images(step):
    x = torch.rand(8, 1, 6, 6)
    return x, (x[:, 0] > 0.7).long()


@pytest.mark.parametrize("spoiled", [True, False])
def test_masks_that_are_all_of_one_class(spoiled):
    def draw(step):
        x, t = images(step)
        return x, (t.float() / 255).long() if spoiled else t

    found = faults(nn.Conv2d(1, 2, 3, padding=1), draw, functional.cross_entropy)
    assert (("labels_wrong", "one_class") in found) == spoiled


def test_sorted_data_have_other_labels_later():
    def draw(step):
        return images(step)[0], torch.full((8, 6, 6), step // 45)

    found = faults(nn.Conv2d(1, 2, 3, padding=1), draw, functional.cross_entropy)
    assert ("labels_wrong", "one_class") not in found


def likelihood(y, t):
    """Of a normal distribution, by hand."""
    mean, log_variance = y
    return 0.5 * (log_variance + (t - mean) ** 2 / log_variance.exp()).mean()


class MeanAndVariance(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.mean, self.variance = nn.Linear(3, 16), nn.Linear(16, 1), nn.Linear(16, 1)

    def forward(self, x):
        h = torch.tanh(self.first(x))
        return self.mean(h), self.variance(h)


@pytest.mark.parametrize("column", [True, False])
def test_a_loss_by_hand_that_subtracts_a_row_from_a_column(column):
    def draw(step):
        x = torch.randn(32, 3)
        return x, (x @ torch.ones(3, 1)).squeeze(1) if not column else x @ torch.ones(3, 1)

    found = faults(MeanAndVariance(), draw, likelihood)
    assert (("output_loss_mismatch", "subtracted") in found) != column


def test_outputs_that_are_compared_with_one_another_may_be_crossed():
    def ranking(y, t):
        gap = (y - y.squeeze(1)) * (t.unsqueeze(1) - t).sign()
        return functional.softplus(-gap).mean()

    def draw(step):
        x = torch.randn(32, 3)
        return x, x.sum(1)

    assert ("output_loss_mismatch", "subtracted") not in faults(nn.Linear(3, 1), draw, ranking)


def test_quantiles_stand_beside_one_target_each():
    def pinball(y, t):
        gap = t.unsqueeze(1) - y
        return torch.maximum(0.9 * gap, -0.1 * gap).mean()

    def draw(step):
        x = torch.randn(32, 3)
        return x, x.sum(1)

    assert faults(nn.Linear(3, 5), draw, pinball) == []


def test_an_evaluation_of_a_part_of_the_answers_fails_nothing():
    model, mix = nn.Linear(6, 6), torch.randn(6, 6)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    with koubai.watch(model, optimizer, budget=0) as watch:
        for _ in range(60):
            x = torch.randn(32, 6)
            optimizer.zero_grad()
            functional.mse_loss(model(x), x @ mix).backward()
            optimizer.step()
        with torch.no_grad():
            x = torch.randn(80, 6)
            functional.mse_loss(model(x)[:, 3:], (x @ mix)[:, 3:])
    assert "failed" not in [gap.reason for gap in watch.verdict.unseen]
