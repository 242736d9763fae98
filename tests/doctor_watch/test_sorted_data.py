"""Batches of one class each, one class after another."""

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

import koubai
from koubai.doctor.answer.tell import lines_of

CLASSES, EACH, WIDE = 6, 180, 8


def samples(seed=7):
    torch.manual_seed(seed)
    t = torch.arange(CLASSES).repeat_interleave(EACH)
    return 1.3 * torch.randn(CLASSES, WIDE)[t] + torch.randn(len(t), WIDE), t


def loaded(x, t):
    return list(DataLoader(TensorDataset(x, t), batch_size=20))


def sliced(x, t):
    return [(x[i : i + 36], t[i : i + 36]) for i in range(0, len(x), 36)]


def in_any_order(x, t):
    rows = torch.randperm(len(x))
    return sliced(x[rows], t[rows])


def pure_in_any_order(x, t):
    batches = loaded(x, t)
    return [batches[i] for i in torch.randperm(len(batches))]


def watched(batches, rate, epochs=6):
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(WIDE, 32), nn.ReLU(), nn.Linear(32, CLASSES))
    optimizer = torch.optim.SGD(model.parameters(), rate, momentum=0.9)
    with koubai.watch(model, optimizer, budget=0) as watch:
        for _ in range(epochs):
            for x, t in batches:
                optimizer.zero_grad()
                functional.cross_entropy(model(x), t).backward()
                optimizer.step()
    return watch


def alarms(watch):
    return [finding.name for finding in watch.findings if finding.alarm]


@pytest.mark.parametrize(("order", "seed"), [(loaded, 7), (loaded, 8), (sliced, 7)])
def test_sorted_data_that_are_forgotten_are_named(order, seed):
    watch = watched(order(*samples(seed)), 0.1)
    assert alarms(watch) == ["data_sorted"]
    finding = watch.findings[0]
    assert finding.details["changes"] < 0.5 * finding.details["expected"]
    assert "random order" in "".join(lines_of(finding, "en"))
    assert "ランダム" in "".join(lines_of(finding, "ja"))


@pytest.mark.parametrize(
    ("order", "rate", "epochs"),
    [(in_any_order, 0.05, 6), (pure_in_any_order, 0.01, 20), (loaded, 0.001, 60)],
)
def test_data_in_any_order_or_that_are_not_forgotten_are_not_named(order, rate, epochs):
    assert "data_sorted" not in alarms(watched(order(*samples()), rate, epochs))


def test_sorted_words_are_named_although_no_simple_learner_reads_them():
    torch.manual_seed(0)
    ids = torch.randint(0, 24, (1200, 2))
    t = (ids[:, 0] - ids[:, 1]) % CLASSES
    rows = t.argsort()
    model = nn.Sequential(
        nn.Embedding(24, 8), nn.Flatten(), nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, CLASSES)
    )
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    with koubai.watch(model, optimizer, budget=0) as watch:
        for _ in range(5):
            for x, labels in DataLoader(TensorDataset(ids[rows], t[rows]), batch_size=20):
                optimizer.zero_grad()
                functional.cross_entropy(model(x), labels).backward()
                optimizer.step()
    assert alarms(watch) == ["data_sorted"]
