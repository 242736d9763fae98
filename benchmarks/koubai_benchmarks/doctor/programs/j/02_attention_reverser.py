# truth: faulty
# task: sequence to sequence with additive attention: write a padded token string backwards
# wrong: the padding mask has the opposite meaning of the one the attention expects: real tokens are hidden and padding is attended to
# accept: mask_inverted
# after: https://github.com/facebookresearch/detr/issues/96
# metric: higher
import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
ap = argparse.ArgumentParser()
ap.add_argument("--seed", type=int, default=0)
ap.add_argument("--fixed", action="store_true")
opts = ap.parse_args()
torch.manual_seed(opts.seed)

PAD, SOS, VOCAB, MAXLEN = 0, 1, 18, 9


def sample_batch(n):
    src = torch.full((n, MAXLEN), PAD)
    tgt = torch.full((n, MAXLEN), PAD)
    for i in range(n):
        k = int(torch.randint(4, MAXLEN, (1,)))
        s = torch.randint(2, VOCAB, (k,))
        src[i, :k] = s
        tgt[i, :k] = s.flip(0)
    return src, tgt


class Encoder(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.emb = nn.Embedding(VOCAB, dim, padding_idx=PAD)
        self.rnn = nn.GRU(dim, dim, batch_first=True, bidirectional=True)
        self.bridge = nn.Linear(2 * dim, dim)

    def forward(self, src):
        out, h = self.rnn(self.emb(src))
        return out, torch.tanh(self.bridge(torch.cat([h[0], h[1]], -1)))


class AdditiveAttention(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.q = nn.Linear(dim, dim)
        self.k = nn.Linear(2 * dim, dim)
        self.v = nn.Linear(dim, 1, bias=False)

    def forward(self, query, memory, ignore):
        score = self.v(torch.tanh(self.q(query).unsqueeze(1) + self.k(memory))).squeeze(-1)
        weight = F.softmax(score.masked_fill(ignore, -1e9), dim=-1)
        return torch.bmm(weight.unsqueeze(1), memory).squeeze(1)


class Decoder(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.emb = nn.Embedding(VOCAB, dim)
        self.attn = AdditiveAttention(dim)
        self.cell = nn.GRUCell(3 * dim, dim)
        self.out = nn.Linear(3 * dim, VOCAB)

    def step(self, tok, h, memory, mask):
        ctx = self.attn(h, memory, mask)
        h = self.cell(torch.cat([self.emb(tok), ctx], -1), h)
        return self.out(torch.cat([h, ctx], -1)), h


enc, dec = Encoder(40), Decoder(40)
params = list(enc.parameters()) + list(dec.parameters())
optimizer = torch.optim.Adam(params, lr=6e-3)


def mask_of(src):
    return src.eq(PAD) if opts.fixed else src.ne(PAD)


for it in range(480):
    src, tgt = sample_batch(24)
    memory, h = enc(src)
    mask = mask_of(src)
    tok = torch.full((src.size(0),), SOS)
    loss = 0.0
    for t in range(MAXLEN):
        logits, h = dec.step(tok, h, memory, mask)
        loss = loss + F.cross_entropy(logits, tgt[:, t], ignore_index=PAD, reduction="sum")
        tok = tgt[:, t]
    loss = loss / tgt.ne(PAD).sum()
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(params, 1.0)
    optimizer.step()
    if it % 80 == 0:
        print("iter", it, "loss", round(loss.item(), 4))

with torch.no_grad():
    src, tgt = sample_batch(400)
    memory, h = enc(src)
    mask = mask_of(src)
    tok = torch.full((400,), SOS)
    right = 0
    for t in range(MAXLEN):
        logits, h = dec.step(tok, h, memory, mask)
        tok = logits.argmax(-1)
        right += ((tok == tgt[:, t]) & tgt[:, t].ne(PAD)).sum().item()
print("greedy token accuracy on fresh strings:", right / tgt.ne(PAD).sum().item())
