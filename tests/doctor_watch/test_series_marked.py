"""Series with a class for each time: rare events that are never marked."""

import pytest
import torch
from torch import nn
from torch.nn import functional

import koubai
from koubai.doctor.answer.tell import lines_of

TIMES, SERIES = 120, 150


def events(count, seed, *, height=2.5):
    """Noise with one short hump of one of two signs in half of the series: about 2 % of the times."""
    generator = torch.Generator().manual_seed(seed)
    x, t = torch.randn(count, TIMES, generator=generator), torch.zeros(count, TIMES, dtype=torch.long)
    for one, marks in zip(x, t, strict=True):
        start, kind = (int(torch.randint(n, (), generator=generator)) for n in (TIMES - 8, 4))
        if kind in (1, 2):
            one[start : start + 5] += height if kind == 1 else -height
            marks[start : start + 5] = kind
    return x, t


def convolutions():
    return nn.Sequential(nn.Conv1d(1, 8, 5, padding=2), nn.ReLU(), nn.Conv1d(8, 3, 1))


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell, self.head = nn.GRU(1, 8, batch_first=True, bidirectional=True), nn.Linear(16, 3)

    def forward(self, x):
        return self.head(self.cell(x)[0])


def of_channels(y, t, weight):
    return functional.cross_entropy(y, t, weight=weight)


def of_times(y, t, weight):
    return functional.cross_entropy(y.transpose(1, 2), t, weight=weight)


WAYS = {"channels": (convolutions, of_channels, 1), "times": (Recurrent, of_times, 2)}


def watched(way, *, weight=1.0, rate=1e-3, epochs=6, **how):
    make, loss, axis = WAYS[way]
    (x, t), (x_held, t_held) = events(SERIES, 1, **how), events(160, 2, **how)
    weights = torch.tensor([1.0, weight, weight])
    torch.manual_seed(0)
    model = make()
    optimizer = torch.optim.Adam(model.parameters(), rate)
    with koubai.watch(model, optimizer, budget=0) as watch:
        for _ in range(epochs):
            for rows in torch.randperm(len(x)).split(10):
                optimizer.zero_grad()
                loss(model(x[rows].unsqueeze(axis)), t[rows], weights).backward()
                optimizer.step()
            model.eval()
            with torch.no_grad():
                loss(model(x_held.unsqueeze(axis)), t_held, weights)
            model.train()
    return watch


def told(watch):
    return {f.name: f.details.get("fault") for f in watch.findings if f.alarm}


@pytest.mark.parametrize("way", WAYS)
def test_rare_events_that_are_never_marked_are_named(way):
    watch = watched(way)
    assert told(watch) == {"class_imbalance": "times"}
    finding = watch.findings[0]
    assert finding.details["recall"] < 0.4
    assert finding.details["reached"] > 0.5
    assert "recall of each class" in "".join(lines_of(finding, "en"))
    assert "再現率" in "".join(lines_of(finding, "ja"))


@pytest.mark.parametrize("how", [{"weight": 20.0, "rate": 2e-2, "epochs": 12}, {"height": 0.0}])
def test_events_that_are_found_or_that_nobody_could_find_are_not_named(how):
    assert "class_imbalance" not in told(watched("channels", **how))
