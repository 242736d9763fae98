"""What answers depend on, asked of the model itself."""

import pytest
import torch
from torch import nn
from torch.nn import functional

import koubai

ROWS, TIME, FEATURES = 400, 6, 5


class ByHand(nn.Module):
    """A normalization written by hand, over the batch or over the features."""

    def __init__(self, axis):
        super().__init__()
        self.axis, self.first, self.last = axis, nn.Linear(FEATURES, 16), nn.Linear(16, 2)

    def forward(self, x):
        h = self.first(x)
        h = (h - h.mean(self.axis, keepdim=True)) / h.std(self.axis, keepdim=True)
        return self.last(torch.relu(h))


class Reader(nn.Module):
    def __init__(self, *, batch_first):
        super().__init__()
        self.read, self.last = nn.GRU(FEATURES, 12, batch_first=batch_first), nn.Linear(12, 2)

    def forward(self, x):
        return self.last(self.read(x)[0][:, -1])


class SoftOverBatch(nn.Module):
    def __init__(self, axis):
        super().__init__()
        self.axis, self.gate, self.last = axis, nn.Linear(FEATURES, FEATURES), nn.Linear(FEATURES, 2)

    def forward(self, x):
        return self.last(x * self.gate(x).softmax(self.axis))


def norms(**options):
    return nn.Sequential(
        nn.Linear(FEATURES, 16), nn.BatchNorm1d(16, **options), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 2)
    )


def found(model, shape, batch=32, rows=ROWS):
    x = torch.randn(rows, *shape)
    t = (x.flatten(1)[:, 0] > 0).long()
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    with koubai.watch(model, optimizer, budget=0) as watch:
        for step in range(60):
            rows_now = torch.arange(step * batch, (step + 1) * batch) % rows
            optimizer.zero_grad()
            functional.cross_entropy(model(x[rows_now]), t[rows_now]).backward()
            optimizer.step()
    return "answers_depend_on_batch" in [finding.name for finding in watch.findings]


@pytest.mark.parametrize(
    ("make", "shape", "depends"),
    [
        (lambda: ByHand(0), (FEATURES,), True),
        (lambda: ByHand(1), (FEATURES,), False),
        (lambda: Reader(batch_first=False), (TIME, FEATURES), True),
        (lambda: Reader(batch_first=True), (TIME, FEATURES), False),
        (lambda: SoftOverBatch(0), (FEATURES,), True),
        (lambda: SoftOverBatch(1), (FEATURES,), False),
        (lambda: norms(track_running_stats=False), (FEATURES,), True),
        (norms, (FEATURES,), False),
    ],
)
def test_answers_that_change_with_the_samples_beside_them_are_found_by_asking(make, shape, depends):
    torch.manual_seed(0)
    assert found(make(), shape) is depends


def test_rows_of_one_graph_belong_together():
    torch.manual_seed(0)
    edges = torch.rand(64, 64).softmax(1)

    class Graph(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Linear(FEATURES, 16), nn.Linear(16, 2)

        def forward(self, x):
            return edges @ self.last(torch.relu(edges @ self.first(x)))

    assert not found(Graph(), (FEATURES,), batch=64, rows=64)


def test_outputs_that_compare_rows_with_rows_are_meant_to():
    torch.manual_seed(0)

    class Compare(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Linear(FEATURES, 16)

        def forward(self, x):
            z = functional.normalize(self.embed(x), dim=1)
            return z @ z.T

    assert not found(Compare(), (FEATURES,))
