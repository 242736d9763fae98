"""Whether a model that predicts what comes next has been shown it."""

import pytest
import torch
from torch import nn
from torch.nn import functional

import koubai

TOKENS, TIME, BATCH, WIDTH = 7, 10, 8, 12


class Attends(nn.Module):
    """One block of attention; `masked`: it sees no later place. With targets it returns its loss, too."""

    def __init__(self, *, masked):
        super().__init__()
        self.masked = masked
        self.embed, self.places = nn.Embedding(TOKENS, WIDTH), nn.Parameter(torch.randn(TIME, WIDTH) * 0.1)
        self.all, self.last = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, TOKENS)

    def forward(self, x, t=None):
        h = self.embed(x) + self.places[: x.shape[1]]
        q, k, v = self.all(h).chunk(3, dim=-1)
        scores = q @ k.transpose(1, 2) / WIDTH**0.5
        if self.masked:
            scores = scores.masked_fill(torch.ones_like(scores).triu(1).bool(), float("-inf"))
        y = self.last(h + scores.softmax(-1) @ v)
        if t is None:
            return y
        return y, functional.cross_entropy(y.reshape(-1, TOKENS), t.reshape(-1), ignore_index=-1)


class Reads(nn.Module):
    def __init__(self, *, both_ways, batch_first=True):
        super().__init__()
        self.embed, self.read = (
            nn.Embedding(TOKENS, WIDTH),
            nn.GRU(WIDTH, WIDTH, batch_first=batch_first, bidirectional=both_ways),
        )
        self.last = nn.Linear(WIDTH * (1 + both_ways), TOKENS)

    def forward(self, x):
        return self.last(self.read(self.embed(x))[0])


class Convolves(nn.Module):
    """Answers (N, 1, T) to numbers (N, T), from the last five; or from two on each side."""

    def __init__(self, *, left):
        super().__init__()
        self.pad, self.layer, self.last = (4, 0) if left else (2, 2), nn.Conv1d(1, 8, 5), nn.Conv1d(8, 1, 1)

    def forward(self, x):
        return self.last(torch.tanh(self.layer(functional.pad(x[:, None], self.pad))))


def by_place(model, now, after):
    return functional.cross_entropy(model(now).reshape(-1, TOKENS), after.reshape(-1))


def classes_second(model, now, after):
    return functional.cross_entropy(model(now).transpose(1, 2), after)


def time_first(model, now, after):
    return functional.cross_entropy(model(now.T).reshape(-1, TOKENS), after.T.reshape(-1))


def inside(model, now, after):
    after = after.clone()
    after[:, -1] = -1  # where a word ends, nothing comes next
    return model(now, t=after)[1]


def shifted_outside(model, now, after):
    y = model(now)[:, :-1]
    return functional.cross_entropy(y.reshape(-1, TOKENS), now[:, 1:].reshape(-1))


def numbers(model, now, after):
    now, after = torch.sin(now * 1.3), torch.sin(after * 1.3)
    return functional.mse_loss(model(now), after[:, None])


def tags(model, now, after):
    return functional.cross_entropy(model(now).reshape(-1, TOKENS), ((now + 3) % TOKENS).reshape(-1))


def copies(model, now, after):
    return by_place(model, now, now)


def names(model, loss):
    torch.manual_seed(0)
    words = torch.randint(0, TOKENS, (400, TIME + 1))
    words[:, 1::2] = (words[:, 0:-1:2] * 3 + 1) % TOKENS  # every second one can be told
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    with koubai.watch(model, optimizer, budget=0) as watch:
        for _ in range(60):
            rows = torch.randint(0, len(words), (BATCH,))
            optimizer.zero_grad()
            loss(model, words[rows, :-1], words[rows, 1:]).backward()
            optimizer.step()
    weights, luck = [p.clone() for p in model.parameters()], torch.get_rng_state()
    found = [finding.name for finding in watch.findings]
    assert torch.equal(luck, torch.get_rng_state())
    assert all(torch.equal(a, b) for a, b in zip(weights, model.parameters(), strict=True))
    return found


@pytest.mark.parametrize(
    ("make", "loss", "seen"),
    [
        (lambda: Attends(masked=False), by_place, True),
        (lambda: Attends(masked=True), by_place, False),
        (lambda: Attends(masked=False), inside, True),
        (lambda: Attends(masked=True), inside, False),
        (lambda: Attends(masked=False), shifted_outside, True),
        (lambda: Attends(masked=True), shifted_outside, False),
        (lambda: Reads(both_ways=True), classes_second, True),
        (lambda: Reads(both_ways=False), classes_second, False),
        (lambda: Reads(both_ways=True, batch_first=False), time_first, True),
        (lambda: Reads(both_ways=False, batch_first=False), time_first, False),
        (lambda: Convolves(left=False), numbers, True),
        (lambda: Convolves(left=True), numbers, False),
        (lambda: Reads(both_ways=True), tags, False),
        (lambda: Attends(masked=False), copies, False),
        (lambda: Attends(masked=True), copies, True),
        (lambda: Reads(both_ways=False), copies, True),
        (lambda: nn.Sequential(nn.Embedding(TOKENS, WIDTH), nn.Linear(WIDTH, TOKENS)), copies, False),
    ],
)
def test_what_is_to_come_is_seen_or_not(make, loss, seen):
    torch.manual_seed(2)
    found = names(make(), loss)
    assert ("future_seen" in found[:1]) is seen, found
