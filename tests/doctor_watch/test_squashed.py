"""A loss that takes one number of the whole batch where it should take one of each sample."""

import pytest
import torch
from torch import nn
from torch.nn import functional

import koubai

THINGS, WIDTH, N = 30, 6, 32


class Ranker(nn.Module):
    """Whether a user likes one thing better than another."""

    def __init__(self):
        super().__init__()
        self.users, self.things = nn.Embedding(THINGS, WIDTH), nn.Embedding(THINGS, WIDTH)

    def forward(self, user, liked, other):
        return self.users(user) * (self.things(liked) - self.things(other))


def summed(products):
    return -functional.logsigmoid(products.sum()).mean()


def averaged(products):
    return -torch.log(torch.sigmoid(products.sum(1).mean()))


def of_each(products):
    return -functional.logsigmoid(products.sum(1)).mean()


def with_a_gate(products):
    """A learned number between 0 and 1 is one number, and of no sample."""
    return torch.sigmoid(products[0, 0].detach() * 0 + 1) * of_each(products)


@pytest.mark.parametrize(
    ("loss", "function"),
    [(summed, "logsigmoid"), (averaged, "sigmoid"), (of_each, None), (with_a_gate, None)],
)
def test_a_sigmoid_of_the_whole_batch_is_named(loss, function):
    torch.manual_seed(0)
    model = Ranker()
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    with koubai.watch(model, optimizer, budget=0) as watch:
        for _ in range(60):
            user, other = torch.randint(THINGS, (2, N))
            optimizer.zero_grad()
            loss(model(user, user, other)).backward()
            optimizer.step()
    found = [f.details for f in watch.findings if f.name == "output_loss_mismatch"]
    assert [details.get("function") for details in found] == ([] if function is None else [function])


def test_one_sample_in_each_step_is_summed_over_its_features():
    torch.manual_seed(0)
    model = Ranker()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with koubai.watch(model, optimizer, budget=0) as watch:
        for _ in range(60):
            user, other = torch.randint(THINGS, (2,))
            optimizer.zero_grad()
            summed(model(user, user, other)).backward()
            optimizer.step()
    assert "output_loss_mismatch" not in [finding.name for finding in watch.findings]


PLACES, KINDS = 12, 6


@pytest.mark.parametrize(
    ("end", "named"), [(nn.LogSoftmax(2), False), (nn.Softmax(2), True), (nn.Identity(), True)]
)
def test_ctc_takes_logarithms_of_probabilities(end, named):
    torch.manual_seed(0)
    model, ctc = nn.Sequential(nn.Linear(4, KINDS), end), nn.CTCLoss()
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    with koubai.watch(model, optimizer, budget=0) as watch:
        for _ in range(40):
            t = torch.randint(1, KINDS, (8, 3))
            lengths = torch.full((8,), PLACES), torch.full((8,), 3)
            optimizer.zero_grad()
            ctc(model(torch.randn(PLACES, 8, 4)), t, *lengths).backward()
            optimizer.step()
    found = [f for f in watch.findings if f.name == "output_loss_mismatch"]
    assert [f.details["fault"] for f in found] == (["ctc"] if named else [])
