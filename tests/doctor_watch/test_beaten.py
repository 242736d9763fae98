"""A run that simple learners beat with a part of its inputs is not called healthy."""

import pytest
import torch
from torch import nn
from torch.nn import functional

import koubai

WORDS, TIME, CLASSES = 12, 6, 4


class Reader(nn.Module):
    """Reads all places, or (lazily) the last one, which tells a little."""

    def __init__(self, *, lazy):
        super().__init__()
        self.lazy, self.words, self.last = lazy, nn.Embedding(WORDS, 16), nn.Linear(16 * TIME, CLASSES)

    def forward(self, ids, scale):
        x = self.words(ids) * scale
        if self.lazy:
            x = x * (torch.arange(TIME) == TIME - 1)[:, None]
        return self.last(x.flatten(1))


def batch():
    t = torch.randint(CLASSES, (32,))
    ids = torch.randint(WORDS, (32, TIME))
    ids[:, 0] = t
    told = torch.rand(32) < 0.4
    ids[told, -1] = t[told]
    return ids, t


@pytest.mark.parametrize("lazy", [True, False])
def test_a_run_that_learners_of_its_words_beat_is_not_judged(lazy):
    torch.manual_seed(0)
    model = Reader(lazy=lazy)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    with koubai.watch(model, optimizer, budget=0) as watch:
        for _ in range(200):
            ids, t = batch()
            optimizer.zero_grad()
            functional.cross_entropy(model(ids, torch.ones(())), t).backward()
            optimizer.step()
    verdict = watch.verdict
    assert verdict.name == ("not_judged" if lazy else "healthy")
    assert [gap.reason for gap in verdict.unseen] == (["unexplained"] if lazy else [])
