"""Masks that keep the padding alone, in the ways they are written."""

import pytest
import torch
from torch import nn
from torch.nn import functional

import koubai
from koubai.doctor.watch.search import ModelSearch

N, TIME, WORDS, WIDTH, PAD = 16, 8, 12, 8, 0


class Reader(nn.Module):
    """Reads ids (N, T) through one kind of mask; `wrong` turns it round."""

    def __init__(self, kind, *, wrong):
        super().__init__()
        self.kind, self.wrong = kind, wrong
        self.words, self.last = nn.Embedding(WORDS, WIDTH), nn.Linear(WIDTH, 3)
        if kind != "encoder":
            return
        layer = nn.TransformerEncoderLayer(WIDTH, 2, 16, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)

    def forward(self, ids):
        x, pad = self.words(ids), (ids != PAD) if self.wrong else (ids == PAD)
        if self.kind == "encoder":
            return self.last(self.encoder(x, src_key_padding_mask=pad)[:, 0])
        if self.kind == "scores":
            scores = (x @ x.transpose(1, 2)).masked_fill(pad[:, None, :], -1e9)
            return self.last((scores.softmax(-1) @ x).mean(1))
        if self.kind == "dot":
            y = functional.scaled_dot_product_attention(x, x, x, attn_mask=~pad[:, None, :])
            return self.last(y.mean(1))
        if self.kind == "mean":
            kept = (~pad).float()
            return self.last((x * kept[:, :, None]).sum(1) / kept.sum(1, keepdim=True).clamp(1))
        last = ids == WORDS - 1  # one marked place in each sequence
        return self.last((x * last[:, :, None]).sum(1))


def sentences(*, marked):
    lengths = torch.randint(2, TIME - 1, (N,))
    ids = torch.randint(1, WORDS - 1, (N, TIME))
    ids[torch.arange(TIME) >= lengths[:, None]] = PAD
    if marked:
        ids[torch.arange(N), lengths] = WORDS - 1
    return ids


def names(kind, *, wrong):
    torch.manual_seed(0)
    model = Reader(kind, wrong=wrong)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    with koubai.watch(model, optimizer, budget=0) as watch:
        for _ in range(40):
            ids = sentences(marked=kind == "marked")
            optimizer.zero_grad()
            functional.cross_entropy(model(ids), ids[:, 0] % 3).backward()
            optimizer.step()
    return [finding.name for finding in watch.findings]


@pytest.mark.parametrize("kind", ["encoder", "scores", "dot", "mean"])
def test_a_mask_that_keeps_the_padding_alone_is_named(kind):
    assert names(kind, wrong=True)[0] == "mask_inverted"


@pytest.mark.parametrize("kind", ["encoder", "scores", "dot", "mean", "marked"])
def test_a_mask_that_leaves_it_out_is_none(kind):
    assert "mask_inverted" not in names(kind, wrong=False)


def masked_losses(write):
    """Names for a run in which every word asks for itself, and `write(losses, ids)` masks the losses."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Embedding(WORDS, WIDTH), nn.Linear(WIDTH, WORDS))
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    with koubai.watch(model, optimizer, budget=0) as watch:
        for _ in range(40):
            ids = sentences(marked=False)
            optimizer.zero_grad()
            losses = functional.cross_entropy(model(ids).flatten(0, 1), ids.flatten(), reduction="none")
            write(losses, ids).backward()
            optimizer.step()
    return [finding.name for finding in watch.findings]


def of_padding(losses, ids):
    mask = (ids == PAD).float()
    return (losses.view(N, TIME) * mask).sum() / mask.sum()


def of_words(losses, ids):
    mask = (ids != PAD).float()
    return (losses.view(N, TIME) * mask).sum() / mask.sum()


def picked(losses, ids):
    return losses[ids.flatten() == PAD].mean()


def both(losses, ids):
    """Two classes weigh more, each by itself: nothing is left out by mistake."""
    return losses.mean() + sum((losses * (ids.flatten() == word)).mean() for word in (1, 2))


@pytest.mark.parametrize(
    ("write", "wrong"), [(of_padding, True), (picked, True), (of_words, False), (both, False)]
)
def test_losses_of_the_padding_alone_are_named(write, wrong):
    assert ("mask_inverted" in masked_losses(write)) is wrong


class Encoded(nn.Module):
    """An encoder, which is given words."""

    def __init__(self, words):
        super().__init__()
        self.words = words

    def forward(self, ids):
        return self.words(ids)


class Decoded(nn.Module):
    """A decoder, which is given what that puts out, and the mask itself."""

    def __init__(self):
        super().__init__()
        self.last = nn.Linear(WIDTH, 3)

    def forward(self, memory, left_out):
        scores = (memory @ memory.transpose(1, 2)).masked_fill(left_out[:, None, :], -1e9)
        return self.last((scores.softmax(-1) @ memory).mean(1))


@pytest.mark.parametrize("wrong", [True, False])
def test_a_mask_is_held_against_what_another_part_is_given_and_not_against_itself(wrong):
    torch.manual_seed(0)
    encoder, decoder = Encoded(nn.Embedding(WORDS, WIDTH)), Decoded()
    both = [*encoder.parameters(), *decoder.parameters()]
    optimizer = torch.optim.Adam(both, 1e-2)
    with ModelSearch() as search:
        for _ in range(40):
            ids = sentences(marked=False)
            left_out = (ids != PAD) if wrong else (ids == PAD)
            optimizer.zero_grad()
            functional.cross_entropy(decoder(encoder(ids), left_out), ids[:, 0] % 3).backward()
            optimizer.step()
    found = [finding.name for finding in search.best.findings]
    assert ("mask_inverted" in found) is wrong
