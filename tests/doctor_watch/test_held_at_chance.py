"""A run whose evaluation is that of knowing nothing is not called healthy, however its loss fell."""

import pytest
import torch
from torch import nn
from torch.nn import functional

import koubai

WORDS, TIME = 9, 6


class Bag(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.last = nn.Embedding(WORDS, 8), nn.Linear(8, 3)

    def forward(self, ids, weight):
        return self.last((self.words(ids) * weight[:, :, None]).sum(1))


@pytest.mark.parametrize("inverted", [True, False])
def test_an_evaluation_at_the_level_of_chance_leaves_the_run_unjudged(inverted):
    torch.manual_seed(0)
    model = Bag()
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    first = torch.zeros(200, TIME)
    first[:, 0] = 1
    with koubai.watch(model, optimizer, budget=0) as watch:
        for _ in range(150):
            ids = torch.randint(WORDS, (32, TIME))
            optimizer.zero_grad()
            functional.cross_entropy(model(ids, first[:32]), ids[:, 0] % 3).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            ids = torch.randint(WORDS, (200, TIME))
            y = model(ids, 1 - first if inverted else first)
            (y.argmax(1) == ids[:, 0] % 3).float().mean()
    verdict = watch.verdict
    assert [gap.reason for gap in verdict.unseen] == (["held_at_chance"] if inverted else [])
    assert verdict.name == ("not_judged" if inverted else "healthy")
