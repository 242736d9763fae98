"""Samples of a batch that change each other's answers, and the operation that mixes them."""

import inspect

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

import koubai

N, TIME, WORDS, WIDTH = 12, 7, 11, 8


class Attention(nn.Module):
    """Looks at every place of (N, T, W) with a query (N, W)."""

    def __init__(self, axis):
        super().__init__()
        self.soft = nn.Softmax(dim=axis)

    def forward(self, query, seen):
        share = self.soft((seen * query[:, None]).sum(-1))  # here
        return (share[:, :, None] * seen).sum(1)


class Reader(nn.Module):
    def __init__(self, *, batch_first=True):
        super().__init__()
        self.words, self.read = (
            nn.Embedding(WORDS, WIDTH),
            nn.GRU(WIDTH, WIDTH, batch_first=batch_first),
        )

    def forward(self, ids):
        return self.read(self.words(ids))[0]


class Teller(nn.Module):
    def __init__(self, axis):
        super().__init__()
        self.look, self.last = Attention(axis), nn.Linear(2 * WIDTH, WORDS)

    def forward(self, state, seen):
        return self.last(torch.cat([state, self.look(state, seen)], 1))


class Folded(nn.Module):
    """Brings (N, T, W) to the form (T, N, W) that its recurrent layer takes, by transposing or by `view`."""

    def __init__(self, *, turns):
        super().__init__()
        self.turns, self.words = turns, nn.Embedding(WORDS, WIDTH)
        self.read, self.last = nn.LSTM(WIDTH, WIDTH), nn.Linear(WIDTH, WORDS)

    def forward(self, ids):
        x = self.words(ids)
        n, t, w = x.shape
        x = x.transpose(0, 1) if self.turns else x.view(t, n, w)  # here
        return self.last(self.read(x)[0][-1])


class Pooled(nn.Module):
    """Two inputs; takes a mean over places, or over the samples."""

    def __init__(self, axis):
        super().__init__()
        self.axis, self.words, self.last = axis, nn.Embedding(WORDS, WIDTH), nn.Linear(WIDTH, WORDS)

    def forward(self, ids, others):
        x = self.words(ids) - self.words(others).mean(self.axis, keepdim=True)  # here
        return self.last(x.tanh()).mean(1)


class Labels(nn.Module):
    """Every place of every sample gets an answer, in one long row."""

    def __init__(self, *, batch_first=True):
        super().__init__()
        self.read, self.last = Reader(batch_first=batch_first), nn.Linear(WIDTH, WORDS)

    def forward(self, ids):
        return self.last(self.read(ids)).reshape(-1, WORDS)


class Neighbors(nn.Module):
    """One graph: rows of numbers belong together."""

    def __init__(self):
        super().__init__()
        self.register_buffer("joined", torch.rand(N, N))
        self.first = nn.Linear(TIME, WORDS)

    def forward(self, x):
        return self.joined @ self.first(x)


def found(parts, loss):
    """The finding, after some steps on loss(ids)."""
    torch.manual_seed(0)
    whole = nn.ModuleList(parts)
    optimizer = torch.optim.Adam(whole.parameters(), 1e-2)
    with koubai.watch(whole if len(parts) > 1 else parts[0], optimizer, budget=0) as watch:
        for _ in range(40):
            optimizer.zero_grad()
            loss(torch.randint(WORDS, (N, TIME))).backward()
            optimizer.step()
    named = [f for f in watch.findings if f.name == "answers_depend_on_batch"]
    return named[0] if named else None


def told(axis):
    read, tell = Reader(), Teller(axis)

    def loss(ids):
        seen = read(ids)
        return functional.cross_entropy(tell(seen[:, -1], seen), ids[:, 2])

    return [read, tell], loss


def folded(*, turns):
    model = Folded(turns=turns)
    return [model], lambda ids: functional.cross_entropy(model(ids), ids[:, 0])


def pooled(axis):
    model = Pooled(axis)
    return [model], lambda ids: functional.cross_entropy(model(ids, ids.flip(1)), ids[:, 0])


def line_of(thing):
    lines, first = inspect.getsourcelines(thing)
    return first + next(i for i, line in enumerate(lines) if line.endswith("# here\n"))


@pytest.mark.parametrize(
    ("case", "function", "thing"),
    [
        (told(0), "softmax", Attention),
        (folded(turns=False), "view", Folded),
        (pooled(0), "sub", Pooled),
    ],
)
def test_the_operation_that_mixes_samples_is_named_with_its_line(case, function, thing):
    finding = found(*case)
    assert finding is not None
    assert finding.details["function"] == function
    assert finding.place is not None
    assert (finding.place.line, finding.place.file) == (line_of(thing), __file__)


def long_row():
    model = Labels()
    return [model], lambda ids: functional.cross_entropy(model(ids), ids.reshape(-1))


def time_first():
    model = Labels(batch_first=False)
    return [model], lambda ids: functional.cross_entropy(model(ids.T), ids.T.reshape(-1))


def graph():
    model = Neighbors()
    return [model], lambda ids: functional.cross_entropy(model(ids.float()), ids[:, 0])


@pytest.mark.parametrize("case", [told(1), folded(turns=True), pooled(1), long_row(), time_first(), graph()])
def test_time_and_neighbors_are_mixed_in_peace(case):
    assert found(*case) is None


class Tagger(nn.Module):
    """Tags each of the words (N, T); its recurrent layer reads along the first axis, unless it is told."""

    def __init__(self, *, batch_first, turned=False):
        super().__init__()
        self.words, self.turned = nn.Embedding(WORDS, WIDTH), turned
        self.read = nn.GRU(WIDTH, WIDTH, batch_first=batch_first)
        self.last = nn.Linear(WIDTH, 3)

    def forward(self, ids):
        y = self.last(self.read(self.words(ids.T if self.turned else ids))[0])
        return y.transpose(0, 1) if self.turned else y


@pytest.mark.parametrize(
    ("how", "mixes"),
    [
        ({"batch_first": False}, True),
        ({"batch_first": True}, False),
        ({"batch_first": False, "turned": True}, False),
    ],
)
def test_a_layer_that_reads_along_what_a_loader_stacked_mixes_samples(how, mixes):
    torch.manual_seed(0)
    ids = torch.randint(0, WORDS, (15 * N, TIME))
    model = Tagger(**how)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    with koubai.watch(model, optimizer, budget=0) as watch:
        for _ in range(4):
            for (x,) in DataLoader(TensorDataset(ids), N, shuffle=True):
                optimizer.zero_grad()
                functional.cross_entropy(model(x).reshape(-1, 3), x.reshape(-1) % 3).backward()
                optimizer.step()
    assert [f.name for f in watch.findings if f.alarm] == (["answers_depend_on_batch"] if mixes else [])
