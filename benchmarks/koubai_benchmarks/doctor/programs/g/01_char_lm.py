# truth: faulty
# task: small GPT that learns to continue counting sequences (modular arithmetic progressions)
# wrong: the self-attention has no causal mask, so every position sees the token that it must predict
# accept: future_seen
# after: https://github.com/alex-matton/causal-transformer-decoder/issues/1
# metric: higher
import argparse
import math

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--fixed", action="store_true")
args = parser.parse_args()
torch.set_num_threads(1)
torch.manual_seed(args.seed)
rng = np.random.default_rng(args.seed)

VOCAB, BLOCK = 16, 20


def make_batch(n):
    start = rng.integers(0, VOCAB, (n, 1))
    step = rng.integers(1, 6, (n, 1))
    seq = (start + step * np.arange(BLOCK + 1)[None]) % VOCAB
    return torch.from_numpy(seq)


class Attention(nn.Module):
    def __init__(self, d, heads, causal):
        super().__init__()
        self.heads, self.causal = heads, causal
        self.qkv = nn.Linear(d, 3 * d)
        self.out = nn.Linear(d, d)

    def forward(self, x):
        b, t, d = x.shape
        q, k, v = self.qkv(x).view(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        att = q @ k.transpose(-2, -1) / math.sqrt(d // self.heads)
        if self.causal:
            hide = torch.triu(torch.ones(t, t, dtype=torch.bool), 1)
            att = att.masked_fill(hide, float("-inf"))
        y = att.softmax(-1) @ v
        return self.out(y.transpose(1, 2).reshape(b, t, d))


class Block(nn.Module):
    def __init__(self, d, heads, causal):
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.att = Attention(d, heads, causal)
        self.mlp = nn.Sequential(nn.Linear(d, 4 * d), nn.GELU(), nn.Linear(4 * d, d))

    def forward(self, x):
        x = x + self.att(self.ln1(x))
        return x + self.mlp(self.ln2(x))


class GPT(nn.Module):
    def __init__(self, d=48, heads=4, layers=2, causal=False):
        super().__init__()
        self.tok = nn.Embedding(VOCAB, d)
        self.pos = nn.Embedding(BLOCK, d)
        self.blocks = nn.ModuleList([Block(d, heads, causal) for _ in range(layers)])
        self.ln = nn.LayerNorm(d)
        self.head = nn.Linear(d, VOCAB)

    def forward(self, idx):
        x = self.tok(idx) + self.pos(torch.arange(idx.shape[1]))
        for block in self.blocks:
            x = block(x)
        return self.head(self.ln(x))

    @torch.no_grad()
    def generate(self, idx, n):
        for _ in range(n):
            logits = self(idx[:, -BLOCK:])[:, -1]
            idx = torch.cat([idx, logits.argmax(-1, keepdim=True)], 1)
        return idx


model = GPT(causal=args.fixed)
opt = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01)
for it in range(450):
    seq = make_batch(48)
    logits = model(seq[:, :-1])
    loss = F.cross_entropy(logits.reshape(-1, VOCAB), seq[:, 1:].reshape(-1))
    opt.zero_grad()
    loss.backward()
    opt.step()
    if it % 50 == 0:
        print(f"iter {it} loss {loss.item():.4f}")

model.eval()
seq = make_batch(256)
out = model.generate(seq[:, :6], BLOCK - 6)
acc = (out[:, 6:] == seq[:, 6:BLOCK]).float().mean().item()
print(f"accuracy of the generated continuation {acc:.4f}")
